import { fileOf, LaidOutDisk, type ReadFile } from './disk';
import { fileIn, inMember, type OpenFile } from './member-file';
import type { Source } from './object';
import { named } from './open-disk';
import { piecesOf } from './stream-disk';
import { refuseNoArchive } from '../../../src/contract/archive/disk-member';
import { looksLikeTar, TAR_BLOCK } from '../../../src/contract/archive/tar-header';
import { findInZip, headOfZipMember, isDeflated, looksLikeZip } from '../../../src/contract/archive/zip';
import { DISK_IMAGE_FORMATS } from '../../../src/contract/disk-image-format';
import { DISK_HEAD, refuseMisplacedGpt } from '../../../src/contract/disk-signature';
import { byHead, recognize, TAIL, type StatedFormat } from '../../../src/contract/image-recognition';
import type { PinnedImage, PinnedMember, PinnedSource } from '../../../src/contract/transfer';
import { GIB } from '../blocks/sizes';
import { MOST_STREAM_BYTES } from '../flow/division';
import { diskInTarFile, readFrom } from '../formats/archive-file';
import { endsOf } from '../formats/detect';
import { refuse, type ImageFile } from '../formats/layout';
import { footerInside, refuseInside } from '../formats/nested-format';
import { openLayout } from '../formats/open';
import { decompressed, STREAM_NAMES, type StreamFormat } from '../formats/streams';
import { TarStream } from '../formats/tar-stream';
import { VHD_FOOTER } from '../formats/vhd';
import { xzFraming } from '../formats/xz';
import { frameHeader } from '../formats/zstd';

export interface ProbeOptions extends StatedFormat {
  /** Size of the volume in whole GiB. */
  readonly volumeSize?: number;
  /** Name of the file in an archive. */
  readonly archiveMember?: string;
}

/** Bytes of other files in an archive that is compressed as a whole: the handler decompresses them to find the disk. */
const MOST_BEFORE_DISK = 64 * 1024 * 1024;

const SMALL_PIECE = 128 * 1024;

/** Bytes of a disk in which it has its GPT, whatever the size of its sectors. */
const GPT_HEAD = 8192;

/** Finds out the format of an object and the size of the disk in it, from headers only. Throws if it cannot be imported. */
export async function probe(source: Source, pinned: PinnedSource, options: ProbeOptions): Promise<PinnedSource> {
  const { format = 'AUTO', containerAsRaw, archiveMember } = options;
  if (!(DISK_IMAGE_FORMATS as readonly string[]).includes(format)) { throw new Error(`format must be one of ${DISK_IMAGE_FORMATS.join(', ')}, got ${format}`); }
  if (pinned.size === 0 || (format === 'RAW' && containerAsRaw && archiveMember === undefined)) { return pinned; }
  const image = await named(pinned, async () => {
    const object = readingHeadOnce({ size: pinned.size, readFile: (offset, into) => source.read(pinned, offset, into) });
    const archive = mayBeArchive(options) ? await imageInArchive(object, options) : undefined;
    if (!archive && archiveMember !== undefined) { refuseNoArchive(archiveMember); }
    return archive ?? imageIn(object, options);
  });
  return image ? { ...pinned, image } : pinned;
}

/** Whether an archive is to be looked into: 'format' is that of the file in it then. */
function mayBeArchive({ format = 'AUTO', archiveMember }: ProbeOptions): boolean {
  return format === 'AUTO' || archiveMember !== undefined;
}

/** undefined: it is no archive. */
async function imageInArchive(object: OpenFile, options: ProbeOptions): Promise<PinnedImage | undefined> {
  const file = fileOf(object.size, object.readFile);
  const head = await headOf(file);
  if (looksLikeTar(head)) { return inTar(object, options); }
  if (looksLikeZip(head)) { return inZip(object, options); }
  const outer = byHead(head);
  if (!outer || !(outer in STREAM_NAMES)) { return undefined; }
  const format = outer as StreamFormat;
  const pieces = () => decompressed(format, piecesOf(object.size, object.readFile, SMALL_PIECE));
  return looksLikeTar(await start(pieces(), TAR_BLOCK)) ? inTarStream(format, pieces(), options) : undefined;
}

async function inTar(archive: OpenFile, options: ProbeOptions): Promise<PinnedImage> {
  const found = await diskInTarFile(fileOf(archive.size, archive.readFile), options.archiveMember);
  const member = { archive: 'TAR' as const, ...pinnedMember(found, options), at: found.header };
  return { ...await imageInMember(fileIn(archive, found), member, options), member };
}

async function inZip(archive: OpenFile, options: ProbeOptions): Promise<PinnedImage> {
  const file = fileOf(archive.size, archive.readFile);
  const found = await readFrom(file, findInZip(archive.size, options.archiveMember));
  const member = { archive: 'ZIP' as const, ...pinnedMember(found, options), at: found.at };
  if (!isDeflated(found)) { return { ...await imageInMember(fileIn(archive, found), member, options), member }; }
  const head = await readFrom(file, headOfZipMember(found));
  const stream = streamInArchive('DEFLATE', found.size);
  await inMember(member, async () => refuseTables(head, found.size, 'deflated in the archive, so that it must be a raw disk or a fixed VHD; extract it first', optionsInside(options)));
  return { ...stream, member: { ...member, deflated: { length: found.stored, crc32: found.crc32 } } };
}

async function inTarStream(format: StreamFormat, pieces: AsyncGenerator<Buffer>, options: ProbeOptions): Promise<PinnedImage> {
  const tar = new TarStream(pieces, options.archiveMember);
  try {
    const { member: found, head } = await tar.find(MOST_BEFORE_DISK);
    const member = { archive: 'TAR' as const, ...pinnedMember(found, options), at: found.header, isInStream: true };
    const how = `all of the archive is compressed with ${STREAM_NAMES[format]}, so that the file must be a raw disk or a fixed VHD; extract it first`;
    await inMember(member, async () => refuseTables(head, found.size, how, optionsInside(options)));
    return { ...streamInArchive(format, found.size), member };
  } finally {
    await tar.close();
  }
}

function pinnedMember({ name, size }: { readonly name: string; readonly size: number }, { archiveMember }: ProbeOptions): Pick<PinnedMember, 'name' | 'size' | 'isNamed'> {
  return { name, size, ...(archiveMember !== undefined && { isNamed: true }) };
}

/** What the user says of the file in the archive. */
function optionsInside({ archiveMember, ...options }: ProbeOptions): ProbeOptions {
  return { ...options, isUnnamedMember: archiveMember === undefined };
}

async function imageInMember(file: OpenFile, member: PinnedMember, options: ProbeOptions): Promise<PinnedImage> {
  const isRaw = options.format === 'RAW' && options.containerAsRaw;
  return (isRaw ? undefined : await inMember(member, () => imageIn(file, optionsInside(options)))) ?? { format: 'RAW', diskSize: file.size };
}

/** The size is in the archive, but maybe that of a fixed VHD. */
function streamInArchive(format: StreamFormat, size: number): PinnedImage {
  const diskSize = withoutLikelyFooter(size)!;
  return { format, diskSize, stream: { atLeast: diskSize, limit: 'STATED' } };
}

/** Throws if a file that can be read from its start only has tables. `how`: why it can. */
function refuseTables(head: Buffer, size: number, how: string, options: ProbeOptions): void {
  if (options.format === 'RAW' && options.containerAsRaw) { return; }
  const found = recognize({ size, head, tail: Buffer.alloc(0) }, options);
  if (found !== 'RAW' && found !== 'VHD') { refuse(`is ${found}, but ${how}`); }
}

/** undefined: the file is a raw disk. */
async function imageIn({ size, readFile }: OpenFile, options: ProbeOptions): Promise<PinnedImage | undefined> {
  const isStated = options.format !== undefined && options.format !== 'AUTO';
  const file = fileOf(size, readFile);
  const found = recognize(await endsOf(file), options);
  if (found === 'RAW') { return undefined; }
  const layout = await openLayout(file, found);
  if (!layout) { return streamOf(file, readFile, found as StreamFormat, isStated, options.volumeSize); }
  const disk = new LaidOutDisk(layout, readFile);
  const content = fileOf(disk.size, (offset, into) => disk.read(offset, into));
  if (found in STREAM_NAMES) { return { format: found, diskSize: await sizeInside(found as StreamFormat, content, isStated) }; }
  refuseMisplacedGpt(await content.read(0, Math.min(GPT_HEAD, content.size)));
  return { format: found, diskSize: layout.size };
}

async function streamOf(
  file: ImageFile, readFile: ReadFile, format: StreamFormat, isStated: boolean, volumeSize: number | undefined,
): Promise<PinnedImage> {
  const name = STREAM_NAMES[format];
  const head = await start(decompressed(format, piecesOf(file.size, readFile, SMALL_PIECE)));
  if (head.length === 0) { refuse(`is an empty ${name} stream`); }
  refuseInside(format, head, isStated);

  const exact = format === 'XZ' ? withoutLikelyFooter((await xzFraming(file))?.size) : undefined;
  if (exact !== undefined) { return { format, diskSize: exact, stream: { atLeast: exact, limit: 'STATED' } }; }
  const stated = format === 'ZSTD' ? withoutLikelyFooter(frameHeader(await file.read(0, Math.min(file.size, 18)))?.contentSize) : undefined;
  if (stated === undefined && volumeSize === undefined) { refuse(`is a ${name} stream that does not say how large the disk is; set 'volumeSize'`); }
  // Compressed data is smaller than before, or hardly larger.
  const atLeast = stated ?? Math.floor(file.size * 0.99);
  const size = volumeSize === undefined ? stated! : volumeSize * GIB;
  const limit = volumeSize === undefined ? 'STATED' : 'VOLUME_SIZE';
  return {
    format,
    diskSize: Math.min(size, MOST_STREAM_BYTES),
    stream: { atLeast, limit: size > MOST_STREAM_BYTES ? 'WORKER' : limit },
  };
}

/**
 * Subtracts the footer of a fixed VHD from a size of whole GiB and one footer, so that the volume need not be a GiB larger.
 * Only the end of the stream shows whether it is a fixed VHD; if it is not, the stream is too long and the import fails.
 */
function withoutLikelyFooter(size: number | undefined): number | undefined {
  return size !== undefined && size > GIB && size % GIB === VHD_FOOTER ? size - VHD_FOOTER : size;
}

/** Returns the size of a compressed disk that can be read at any offset, without the footer of a fixed VHD. */
async function sizeInside(format: StreamFormat, file: ImageFile, isStated: boolean): Promise<number> {
  refuseInside(format, await headOf(file), isStated);
  const before = Math.max(0, file.size - TAIL);
  return file.size - footerInside(format, await file.read(before, file.size - before), before);
}

/** An archive shows itself by the same first bytes as a disk. */
function readingHeadOnce({ size, readFile }: OpenFile): OpenFile {
  const length = Math.min(DISK_HEAD, size);
  let head: Promise<Buffer> | undefined;
  return {
    size,
    readFile: async (offset, into, arrived) => {
      if (offset !== 0 || into.length !== length) { return readFile(offset, into, arrived); }
      head ??= fileOf(size, readFile).read(0, length);
      (await head).copy(into);
      arrived?.(length);
    },
  };
}

function headOf(file: ImageFile): Promise<Buffer> {
  return file.read(0, Math.min(DISK_HEAD, file.size));
}

async function start(pieces: AsyncGenerator<Buffer>, most = DISK_HEAD): Promise<Buffer> {
  const taken: Buffer[] = [];
  let length = 0;
  // Leaving the loop closes the stream.
  for await (const piece of pieces) {
    taken.push(piece);
    length += piece.length;
    if (length >= most) { break; }
  }
  return Buffer.concat(taken);
}
