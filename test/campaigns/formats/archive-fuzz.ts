import { gzipSync } from 'zlib';
import { numbers, type Random } from './numbers';
import { readAsImport } from '../../harness/formats/as-import';
import { fixture } from '../../harness/formats/fixtures';
import { SPARSE_KINDS, tar, withTarChecksum } from '../../harness/formats/tar';
import { zip } from '../../harness/formats/zip';

/** A case may read so many times the archive, for a member is looked at and then read. */
const MOST_READS = 6;
const [TAR_BLOCK, LARGEST] = [512, 64 * 1024 * 1024];

function disk(): Buffer {
  const bytes = Buffer.alloc(60_000);
  for (const at of [0, 9_000, 20_480, 33_000, 59_000]) { bytes.fill('a sector of this disk', at, at + 700); }
  bytes.set([0x55, 0xaa], 510);
  return bytes;
}

const TEXT = { name: 'README', content: Buffer.from('a text') };
const DISK = { name: 'disk.raw', content: disk() };

const ARCHIVES: Readonly<Record<string, Buffer>> = {
  'raw.tar': tar(TEXT, DISK, { ...TEXT, name: 'x'.repeat(150) }),
  'qcow2.tar': tar({ name: '512.qcow2', content: fixture('512.qcow2') }),
  ...Object.fromEntries(SPARSE_KINDS.map(sparse => [`${sparse}.tar`, tar({ ...DISK, sparse }, TEXT)])),
  'stored.zip': zip([{ ...TEXT, deflated: true }, DISK]),
  'deflated.zip': zip([{ ...DISK, deflated: true }, TEXT], { large: true, comment: 'a comment' }),
};

export const ARCHIVE_NAMES = Object.keys(ARCHIVES);

/** Throws if an archive is neither read nor refused with a sentence, within bounds. */
export async function fuzzArchive(n: number): Promise<'read' | 'refused'> {
  const random = numbers(n);
  const name = ARCHIVE_NAMES[n % ARCHIVE_NAMES.length];
  const mutated = mutate(ARCHIVES[name], name, random);
  const isStream = name.endsWith('.tar') && random(4) === 0;
  try {
    const { bytesRead, disk: read } = await readAsImport(isStream ? gzipSync(mutated) : mutated, random(4) === 0 ? { archiveMember: 'disk.raw' } : {}, LARGEST);
    if (bytesRead > MOST_READS * mutated.length + LARGEST / 8 || read.length > LARGEST) { throw new Error(`${bytesRead} bytes were read for ${read.length}`); }
    return 'read';
  } catch (error) {
    if (/^image s3:\/\/images\/disk (is|has|looks) [^\n]{10,900}$/.test((error as Error).message)) { return 'refused'; }
    throw new Error(`case ${n} (${name}): ${(error as Error).stack}`);
  }
}

function mutate(archive: Buffer, name: string, random: Random): Buffer {
  const bytes = Buffer.from(archive.subarray(0, random(8) === 0 ? random(archive.length) : archive.length));
  for (let i = random(3); i >= 0 && bytes.length > TAR_BLOCK; i--) { change(bytes, positionIn(bytes, name, random), random); }
  return bytes;
}

/** Headers are at the start of blocks, and the directory of ZIP is at the end. */
function positionIn(bytes: Buffer, name: string, random: Random): number {
  if (random(4) === 0) { return random(bytes.length); }
  if (name.endsWith('.zip')) { return Math.max(0, bytes.length - 1 - random(400)); }
  return Math.min(bytes.length - 1, TAR_BLOCK * random(6) + [random(TAR_BLOCK), 124 + random(12), 156, 386 + random(110)][random(4)]);
}

function change(bytes: Buffer, at: number, random: Random): void {
  switch (random(4)) {
    case 0: bytes[at] = random(256); break;
    case 1: bytes[at] = 0x30 + random(10); break;
    case 2: bytes.fill([0, 0x37, 0x80, 0xff][random(4)], at, Math.min(bytes.length, at + 1 + random(12))); break;
    default: bytes[at] = 'SxgLKMV5012'.charCodeAt(random(11)); break;
  }
  const header = at - at % TAR_BLOCK;
  const block = bytes.subarray(header, header + TAR_BLOCK);
  // Otherwise the checksum keeps nearly all mutations of a header from being looked at.
  if (block.length === TAR_BLOCK && block.toString('latin1', 257, 262) === 'ustar') { withTarChecksum(block); }
}
