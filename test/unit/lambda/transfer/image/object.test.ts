import { createServer, type Server, type ServerResponse } from 'http';
import type { AddressInfo } from 'net';
import { S3Client } from '@aws-sdk/client-s3';
import { clientConfig } from '../../../../../lambda/shared/client-config';
import { inOperation } from '../../../../../lambda/shared/denials';
import { Source } from '../../../../../lambda/transfer/image/object';

/** An S3 whose bodies break, which the emulator's never do. */
let server: Server;
let ranges: string[];
const IMAGE = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251));
const SOURCE = { bucket: 'images', key: 'disk.img', etag: '"1"', size: IMAGE.length };

async function serve(answer: (response: ServerResponse, body: Buffer, attempt: number) => void): Promise<Source> {
  ranges = [];
  server = createServer((request, response) => {
    const [, first, last] = /bytes=(\d+)-(\d+)/.exec(request.headers.range!)!.map(Number);
    ranges.push(request.headers.range!);
    response.writeHead(206, { 'content-length': last - first + 1, 'content-range': `bytes ${first}-${last}/${IMAGE.length}`, 'etag': '"1"' });
    answer(response, IMAGE.subarray(first, last + 1), ranges.length);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const s3 = new S3Client({
    ...clientConfig(),
    region: 'eu-west-1',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  return new Source(s3, 50);
}

beforeEach(() => { jest.spyOn(console, 'log').mockImplementation(() => {}); });

afterEach(async () => {
  jest.restoreAllMocks();
  server?.closeAllConnections();
  await new Promise(resolve => server ? server.close(resolve) : resolve(undefined));
});

test('a body that breaks off is asked for again from there', async () => {
  const source = await serve((response, body, attempt) => {
    if (attempt === 3) { return void response.end(body); }
    response.write(body.subarray(0, 100), () => response.destroy());
  });
  const into = Buffer.alloc(500);
  await source.read(SOURCE, 200, into);
  expect(into).toEqual(IMAGE.subarray(200, 700));
  expect(ranges).toEqual(['bytes=200-699', 'bytes=300-699', 'bytes=400-699']);
});

test('a body that stalls is given up, and asked for again from there', async () => {
  const source = await serve((response, body, attempt) => {
    if (attempt === 1) { response.write(body.subarray(0, 100)); } else { response.end(body); }
  });
  const into = Buffer.alloc(500);
  await source.read(SOURCE, 0, into);
  expect(into).toEqual(IMAGE.subarray(0, 500));
  expect(ranges).toEqual(['bytes=0-499', 'bytes=100-499']);
});

test('another range than the one asked for is an error', async () => {
  const source = await serve(() => {});
  server.removeAllListeners('request');
  server.on('request', (_, response: ServerResponse) => { response.writeHead(200, { 'content-length': IMAGE.length }).end(IMAGE); });
  await expect(source.read(SOURCE, 0, Buffer.alloc(500))).rejects.toThrow('S3 answered with the whole object when asked for bytes 0-499');
});

test('the parts of an image are done without at once, if the function may not ask for them', async () => {
  let calls = 0;
  const denying = {
    send: async () => {
      calls++;
      throw Object.assign(new Error('no'), { name: 'AccessDenied' });
    },
  } as unknown as S3Client;
  const young = { began: Date.now(), secondsForDenials: async () => 60 };
  expect(await inOperation(young, () => new Source(denying).parts({ ...SOURCE, etag: '"1-2"' }))).toBeUndefined();
  expect(calls).toBe(1);
});
