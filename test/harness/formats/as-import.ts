import { MemoryFile } from './fixtures';
import type { Source } from '../../../lambda/transfer/image/object';
import { openDisk } from '../../../lambda/transfer/image/open-disk';
import { probe, type ProbeOptions } from '../../../lambda/transfer/image/probe';
import type { PinnedSource } from '../../../src/contract/transfer';

interface Read {
  readonly pinned: PinnedSource;
  readonly disk: Buffer;
  readonly bytesRead: number;
}

/** What the functions of an import make of an object: the handler, which looks at it, and a worker, which reads it in parts. */
export async function readAsImport(bytes: Buffer, options: ProbeOptions = {}, part = 1_000_001): Promise<Read> {
  const { file, source, pinned } = await probed(bytes, options);
  const disk = await openDisk(source, pinned);
  const parts: Buffer[] = [];
  try {
    for (let at = 0; at < disk.size && disk.endsAt === undefined; at += part) {
      // What is not overwritten is seen.
      const into = Buffer.alloc(Math.min(part, disk.size - at), 0xee);
      await disk.read(at, into);
      parts.push(into);
    }
  } finally {
    await disk.close?.();
  }
  return { pinned, disk: Buffer.concat(parts).subarray(0, disk.endsAt ?? disk.size), bytesRead: file.bytesRead };
}

/** What the handler makes of an object before a snapshot is started. */
export async function lookAsImport(bytes: Buffer, options: ProbeOptions = {}): Promise<PinnedSource> {
  return (await probed(bytes, options)).pinned;
}

async function probed(bytes: Buffer, options: ProbeOptions) {
  const file = new MemoryFile(bytes);
  const source = { read: (_: unknown, offset: number, into: Buffer) => file.readInto(offset, into) } as unknown as Source;
  return { file, source, pinned: await probe(source, { bucket: 'images', key: 'disk', etag: '', size: bytes.length }, options) };
}
