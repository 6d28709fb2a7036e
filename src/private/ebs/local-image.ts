import * as fs from 'fs';
import * as path from 'path';
import type { IConstruct } from 'constructs';
import { HEAD, recognize, TAIL, type DetectedFormat, type FileEnds, type StatedFormat } from '../../contract/image-recognition';
import { ImageRefusal } from '../../contract/image-refusal';
import { misuse } from '../resource/validation';

export interface LocalImage {
  /** Bytes of the file. */
  readonly size: number;
  readonly format: DetectedFormat;
}

/** Looks at the first and last bytes of a file, as the import will do. Throws if the import would refuse it by them. */
export function lookAtImage(scope: IConstruct, filePath: string, stated: StatedFormat): LocalImage {
  const ends = endsOf(scope, path.resolve(filePath));
  try {
    return { size: ends.size, format: recognize(ends, stated) };
  } catch (error) {
    throw error instanceof ImageRefusal ? misuse(scope, `'image' '${filePath}' ${error.message}`) : error;
  }
}

function endsOf(scope: IConstruct, file: string): FileEnds {
  const size = sizeOf(scope, file);
  const descriptor = fs.openSync(file, 'r');
  try {
    const bytes = (position: number, length: number) => {
      const buffer = Buffer.alloc(length);
      return buffer.subarray(0, fs.readSync(descriptor, buffer, 0, length, position));
    };
    const tail = Math.min(TAIL, size);
    return { size, head: bytes(0, Math.min(HEAD, size)), tail: bytes(size - tail, tail) };
  } finally {
    fs.closeSync(descriptor);
  }
}

function sizeOf(scope: IConstruct, file: string): number {
  const stats = fs.statSync(file, { throwIfNoEntry: false });
  if (!stats) { throw misuse(scope, `'image' must be a file, got '${file}', which does not exist`); }
  if (!stats.isFile()) { throw misuse(scope, `'image' must be a file, got '${file}', which is a folder or a device`); }
  if (stats.size === 0) { throw misuse(scope, `'image' must not be empty, got '${file}' of 0 bytes`); }
  return stats.size;
}
