import { createHash } from 'crypto';
import { open, stat } from 'fs/promises';
import { notImplemented } from './errors';

/** The most that is read of a file at once, so that a disk image never is in memory whole. */
const LIMIT = 64 * 1024 * 1024;

/** A local file as an object's content. It must stay as it is while the object exists. */
export interface FileSource {
  readonly path: string;
  /** Only the first so many bytes; without it, the whole file. */
  readonly size?: number;
}

/** The bytes of an object, in memory or in a file; `end` is exclusive. */
export interface Content {
  readonly size: number;
  read(start: number, end: number): Promise<Buffer>;
}

export class MemoryContent implements Content {
  public readonly size: number;

  constructor(private readonly parts: readonly Buffer[]) {
    this.size = parts.reduce((sum, part) => sum + part.length, 0);
  }

  public async read(start: number, end: number): Promise<Buffer> {
    const slices: Buffer[] = [];
    let offset = 0;
    for (const part of this.parts) {
      if (offset < end && offset + part.length > start) { slices.push(part.subarray(Math.max(0, start - offset), end - offset)); }
      offset += part.length;
    }
    const bytes = slices.length === 1 ? slices[0] : Buffer.concat(slices);
    // Tests pretend that an object is larger than its bytes.
    const missing = Math.min(end, this.size) - start - bytes.length;
    return missing > 0 ? Buffer.concat([bytes, Buffer.alloc(missing)]) : bytes;
  }
}

export class FileContent implements Content {
  public static async of({ path, size }: FileSource): Promise<FileContent> {
    const actual = (await stat(path)).size;
    if (size !== undefined && size > actual) { throw new Error(`${path} has ${actual} bytes, not ${size}`); }
    return new FileContent(path, size ?? actual);
  }

  private constructor(private readonly path: string, public readonly size: number) {}

  public async read(start: number, end: number): Promise<Buffer> {
    if (end - start > LIMIT) { throw notImplemented('reading more than 64 MiB of a file at once: use a Range'); }
    const file = await open(this.path, 'r');
    try {
      const buffer = Buffer.alloc(end - start);
      for (let done = 0; done < buffer.length;) {
        const { bytesRead } = await file.read(buffer, done, buffer.length - done, start + done);
        if (bytesRead === 0) { throw new Error(`${this.path} was cut while it was an object`); }
        done += bytesRead;
      }
      return buffer;
    } finally {
      await file.close();
    }
  }
}

export async function* chunks(content: Content, size = 1024 * 1024): AsyncGenerator<Buffer> {
  for (let start = 0; start < content.size; start += size) { yield await content.read(start, Math.min(content.size, start + size)); }
}

export async function md5(content: Content): Promise<string> {
  const hash = createHash('md5');
  for await (const chunk of chunks(content)) { hash.update(chunk); }
  return hash.digest('hex');
}
