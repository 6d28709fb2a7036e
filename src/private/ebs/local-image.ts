import * as fs from 'fs';
import * as path from 'path';
import type { IConstruct } from 'constructs';
import { endsOfMember, findInTar, inMember, refuseNoArchive } from '../../contract/archive/disk-member';
import { readAtOnce, type Wanted } from '../../contract/archive/reading';
import { looksLikeTar } from '../../contract/archive/tar-header';
import { endsOfZipMember, findInZip, isDeflated, looksLikeZip } from '../../contract/archive/zip';
import { byHead, HEAD, recognize, TAIL, type FileEnds, type StatedFormat } from '../../contract/image-recognition';
import { ImageRefusal } from '../../contract/image-refusal';
import { misuse } from '../resource/validation';

const STREAMS: readonly string[] = ['GZIP', 'ZSTD', 'XZ'];

interface Stated extends StatedFormat {
  readonly archiveMember?: string;
}

type Read = (wanted: Wanted) => Buffer;

/**
 * Looks at the first and last bytes of a file, and into an archive, as the import will do. Throws if the import would refuse it by them.
 * Returns the size of the disk if that is known by now, because it is raw.
 */
export function lookAtImage(scope: IConstruct, filePath: string, stated: Stated): number | undefined {
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

function lookAt(size: number, read: Read, { archiveMember, ...stated }: Stated): number | undefined {
  const head = read({ at: 0, length: HEAD });
  const isUnnamedMember = archiveMember === undefined;
  const mayBeArchive = !isUnnamedMember || stated.format === undefined || stated.format === 'AUTO';
  if (mayBeArchive && looksLikeTar(head)) {
    const member = readAtOnce(findInTar(size, archiveMember), read);
    return inMember('TAR', member.name, () => rawSize({ size: member.size, ...readAtOnce(endsOfMember(member), read) }, { ...stated, isUnnamedMember }));
  }
  if (mayBeArchive && looksLikeZip(head)) {
    const member = readAtOnce(findInZip(size, archiveMember), read);
    const known = inMember('ZIP', member.name, () => rawSize({ size: member.size, ...readAtOnce(endsOfZipMember(member), read) }, { ...stated, isUnnamedMember }));
    // What is deflated may be a fixed VHD, which only its end shows.
    return isDeflated(member) ? undefined : known;
  }
  if (!isUnnamedMember) {
    // What is compressed is looked into when it is imported.
    const isCompressed = STREAMS.includes(byHead(head) ?? '');
    return isCompressed ? undefined : refuseNoArchive(archiveMember);
  }
  return rawSize({ size, head, tail: read({ at: Math.max(0, size - TAIL), length: TAIL }) }, stated);
}

function rawSize(ends: FileEnds, stated: StatedFormat): number | undefined {
  return recognize(ends, stated) === 'RAW' ? ends.size : undefined;
}

function sizeOf(scope: IConstruct, file: string): number {
  const stats = fs.statSync(file, { throwIfNoEntry: false });
  if (!stats) { throw misuse(scope, `'image' must be a file, got '${file}', which does not exist`); }
  if (!stats.isFile()) { throw misuse(scope, `'image' must be a file, got '${file}', which is a folder or a device`); }
  if (stats.size === 0) { throw misuse(scope, `'image' must not be empty, got '${file}' of 0 bytes`); }
  return stats.size;
}
