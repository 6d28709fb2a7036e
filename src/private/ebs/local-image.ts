import * as fs from 'fs';
import * as path from 'path';
import type { IConstruct } from 'constructs';
import { findDisk, endsOfMember, inMember, refuseNoArchive } from '../../contract/archive/disk-member';
import { readAtOnce, type Wanted } from '../../contract/archive/reading';
import { looksLikeTar } from '../../contract/archive/tar-header';
import { byHead, HEAD, recognize, TAIL, type DetectedFormat, type FileEnds, type StatedFormat } from '../../contract/image-recognition';
import { ImageRefusal } from '../../contract/image-refusal';
import { misuse } from '../resource/validation';

const STREAMS: readonly string[] = ['GZIP', 'ZSTD', 'XZ'];

export interface LocalImage {
  /** Bytes of the file. */
  readonly size: number;
  readonly format: DetectedFormat;
}

interface Stated extends StatedFormat {
  readonly archiveMember?: string;
}

type Read = (wanted: Wanted) => Buffer;

/** Looks at the first and last bytes of a file, as the import will do. Throws if the import would refuse it by them. */
export function lookAtImage(scope: IConstruct, filePath: string, stated: Stated): LocalImage {
  const file = path.resolve(filePath);
  const size = sizeOf(scope, file);
  const descriptor = fs.openSync(file, 'r');
  const read: Read = ({ at, length }) => {
    const bytes = Buffer.alloc(Math.max(0, Math.min(length, size - at)));
    return bytes.subarray(0, fs.readSync(descriptor, bytes, 0, bytes.length, at));
  };
  try {
    return lookAt(size, read, stated);
  } catch (error) {
    throw error instanceof ImageRefusal ? misuse(scope, `'image' '${filePath}' ${error.message}`) : error;
  } finally {
    fs.closeSync(descriptor);
  }
}

function lookAt(size: number, read: Read, { archiveMember, ...stated }: Stated): LocalImage {
  const head = read({ at: 0, length: HEAD });
  const isOpen = archiveMember !== undefined || stated.format === undefined || stated.format === 'AUTO';
  if (isOpen && looksLikeTar(head)) {
    const member = readAtOnce(findDisk(size, archiveMember), read);
    const isUnnamedMember = archiveMember === undefined;
    return inMember(member.name, () => recognized(member.size, readAtOnce(endsOfMember(member), read), { ...stated, isUnnamedMember }));
  }
  const compression = byHead(head);
  // What is compressed is looked into when it is imported.
  if (archiveMember !== undefined && compression !== undefined && STREAMS.includes(compression)) { return { size, format: compression }; }
  if (archiveMember !== undefined) { refuseNoArchive(archiveMember); }
  return recognized(size, { head, tail: read({ at: Math.max(0, size - TAIL), length: TAIL }) }, stated);
}

function recognized(size: number, ends: Omit<FileEnds, 'size'>, stated: StatedFormat): LocalImage {
  return { size, format: recognize({ size, ...ends }, stated) };
}

function sizeOf(scope: IConstruct, file: string): number {
  const stats = fs.statSync(file, { throwIfNoEntry: false });
  if (!stats) { throw misuse(scope, `'image' must be a file, got '${file}', which does not exist`); }
  if (!stats.isFile()) { throw misuse(scope, `'image' must be a file, got '${file}', which is a folder or a device`); }
  if (stats.size === 0) { throw misuse(scope, `'image' must not be empty, got '${file}' of 0 bytes`); }
  return stats.size;
}
