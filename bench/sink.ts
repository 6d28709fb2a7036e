import { hash, randomBytes, randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { zstdCompressSync } from 'node:zlib';
import { PARENT_ID, type SinkOptions } from './options';
import type { PinnedSource } from '../src/contract/transfer';

/**
 * S3 and EBS as far as a copying worker needs them, as fast as can be: images
 * come from memory, blocks are accepted without a look at them. A process of
 * its own, started with its options as the first argument; it prints its URL,
 * and how many different blocks it took when it is ended.
 */
const options = JSON.parse(process.argv[2]) as SinkOptions;
const BLOCK = 512 * 1024;
/** The image is this, over and over. */
const PERIOD = 64 * 1024 * 1024;

const content = Buffer.alloc(PERIOD);
for (let at = 0; at < PERIOD; at += BLOCK) {
  if (!options.zeros || at % (4 * BLOCK) === 0) { randomFillSync(content, at, BLOCK); }
}

/** What the object is: `tables`, and then `image`, over and over. */
const { tables, image, source } = objectOf(options.format);

function objectOf(format: SinkOptions['format']): { readonly tables: Buffer; readonly image: Buffer; readonly source: PinnedSource } {
  const { size } = options;
  const pinned = { bucket: 'images', key: 'disk.img', etag: '"image"' };
  const none = Buffer.alloc(0);
  switch (format) {
    case 'RAW': return { tables: none, image: content, source: { ...pinned, size } };
    case 'QCOW2': {
      const made = qcow2Tables(size);
      return { tables: made, image: content, source: { ...pinned, size: made.length + size, image: { format, diskSize: size } } };
    }
    case 'ZSTD': {
      // Half of it, as on many disks, can be compressed.
      for (let at = 0; at < PERIOD; at += 8192) { content.fill('text', at, at + 4096); }
      const frame = zstdCompressSync(content);
      const stream = { atLeast: size, limit: 'VOLUME_SIZE' } as const;
      return { tables: none, image: frame, source: { ...pinned, size: frame.length * (size / PERIOD), image: { format, diskSize: size, stream } } };
    }
  }
}

/** Version 3, in clusters of 64 KiB, with all data in its order behind them. */
function qcow2Tables(size: number): Buffer {
  const cluster = 64 * 1024;
  const perTable = cluster / 8;
  const l2Tables = Math.ceil(size / cluster / perTable);
  const made = Buffer.alloc((2 + l2Tables) * cluster);
  made.write('QFI\xfb', 'latin1');
  [[4, 3], [20, 16], [36, l2Tables], [44, cluster], [96, 4], [100, 104]].forEach(([at, value]) => made.writeUInt32BE(value, at));
  made.writeBigUInt64BE(BigInt(size), 24);
  for (let i = 0; i < l2Tables; i++) { made.writeBigUInt64BE(BigInt((2 + i) * cluster) + 2n ** 63n, cluster + i * 8); }
  for (let i = 0; i < size / cluster; i++) { made.writeBigUInt64BE(BigInt(made.length + i * cluster) + 2n ** 63n, 2 * cluster + i * 8); }
  return made;
}

/** What the parent has, block by block. */
function parentDigests(changedOneIn: number): Buffer {
  const digests = Array.from({ length: PERIOD / BLOCK }, (_, i) => hash('sha256', content.subarray(i * BLOCK, (i + 1) * BLOCK), 'buffer'));
  const digestAt = (i: number) => i % changedOneIn === 0 ? randomBytes(32) : digests[i % digests.length];
  return Buffer.concat(Array.from({ length: options.size / BLOCK }, (_, i) => digestAt(i)));
}

const parent = options.changedOneIn === undefined ? undefined : parentDigests(options.changedOneIn);
const taken = new Set<string>();

function getImage(request: IncomingMessage, response: ServerResponse): void {
  const [, first, last] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [0, 0, source.size - 1];
  const [from, to] = [Number(first), Number(last) + 1];
  response.writeHead(request.headers.range ? 206 : 200, {
    'etag': '"image"',
    'content-length': to - from,
    ...(request.headers.range && { 'content-range': `bytes ${from}-${to - 1}/${source.size}` }),
  });
  let at = from;
  const more = (): void => {
    while (at < to) {
      const [bytes, start] = at < tables.length ? [tables, at] : [image, (at - tables.length) % image.length];
      const part = bytes.subarray(start, Math.min(bytes.length, start + to - at, start + 1024 * 1024));
      at += part.length;
      if (!response.write(part)) { return void response.once('drain', more); }
    }
    response.end();
  };
  more();
}

function takeBlock(request: IncomingMessage, response: ServerResponse): void {
  taken.add(request.url!);
  const answer = () => {
    response.writeHead(201, { 'x-amz-checksum': request.headers['x-amz-checksum'], 'x-amz-checksum-algorithm': 'SHA256', 'content-length': 0 });
    response.end();
  };
  request.on('end', () => options.latency > 0 ? setTimeout(answer, options.latency) : answer());
  request.resume();
}

const server = createServer({ cert: readFileSync(options.cert), key: readFileSync(options.key), noDelay: true }, (request, response) => {
  const { method, url = '' } = request;
  if (method === 'PUT' && url.startsWith('/snapshots/')) { return takeBlock(request, response); }
  if (method === 'GET' && url.startsWith('/images/')) { return getImage(request, response); }
  if (method === 'GET' && url.includes('plan.json')) { return void response.end(JSON.stringify({ ...options.plan, source })); }
  if (method === 'GET' && parent && url.includes(`${PARENT_ID}/digests/0`)) { return void response.end(parent); }
  if (method === 'PUT') {
    request.on('end', () => response.end());
    return void request.resume();
  }
  // No digests yet.
  response.writeHead(404, { 'content-type': 'application/xml' });
  response.end('<?xml version="1.0" encoding="UTF-8"?><Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>');
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => console.log(`https://127.0.0.1:${(server.address() as AddressInfo).port}`));
process.on('SIGTERM', () => { console.log(String(taken.size)); process.exit(); });
process.on('disconnect', () => process.exit());
