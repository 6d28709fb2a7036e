import { fileOf, LaidOutDisk, type ReadFile } from './disk';
import type { Source } from './object';
import { named } from './open-disk';
import { piecesOf } from './stream-disk';
import { DISK_IMAGE_FORMATS } from '../../../src/contract/disk-image-format';
import { DISK_HEAD, refuseMisplacedGpt } from '../../../src/contract/disk-signature';
import { recognize, TAIL, type StatedFormat } from '../../../src/contract/image-recognition';
import type { PinnedImage, PinnedSource } from '../../../src/contract/transfer';
import { GIB } from '../blocks/sizes';
import { MOST_STREAM_BYTES } from '../flow/division';
import { endsOf } from '../formats/detect';
import { refuse, type ImageFile } from '../formats/layout';
import { footerInside, refuseInside } from '../formats/nested-format';
import { openLayout } from '../formats/open';
import { decompressed, STREAM_NAMES, type StreamFormat } from '../formats/streams';
import { VHD_FOOTER } from '../formats/vhd';
import { xzFraming } from '../formats/xz';
import { frameHeader } from '../formats/zstd';

export interface ProbeOptions extends StatedFormat {
  /** Size of the volume in whole GiB. */
  readonly volumeSize?: number;
}

const SMALL_PIECE = 128 * 1024;

/** Bytes of a disk in which it has its GPT, whatever the size of its sectors. */
const GPT_HEAD = 8192;

/** Finds out the format of an object and the size of the disk in it, from headers only. Throws if it cannot be imported. */
export async function probe(source: Source, pinned: PinnedSource, options: ProbeOptions): Promise<PinnedSource> {
  const format = options.format ?? 'AUTO';
  if (!(DISK_IMAGE_FORMATS as readonly string[]).includes(format)) { throw new Error(`format must be one of ${DISK_IMAGE_FORMATS.join(', ')}, got ${format}`); }
  if (pinned.size === 0 || (format === 'RAW' && options.containerAsRaw)) { return pinned; }
  const readFile: ReadFile = (offset, into) => source.read(pinned, offset, into);
  const file = fileOf(pinned.size, readFile);
  return named(pinned, async () => {
    const found = recognize(await endsOf(file), options);
    if (found === 'RAW') { return pinned; }
    const isStated = format !== 'AUTO';
    const layout = await openLayout(file, found);
    if (!layout) { return { ...pinned, image: await streamOf(file, readFile, found as StreamFormat, isStated, options.volumeSize) }; }
    const disk = new LaidOutDisk(layout, readFile);
    const content = fileOf(disk.size, (offset, into) => disk.read(offset, into));
    if (found in STREAM_NAMES) {
      const diskSize = await sizeInside(found as StreamFormat, content, isStated);
      return { ...pinned, image: { format: found, diskSize } };
    }
    refuseMisplacedGpt(await content.read(0, Math.min(GPT_HEAD, content.size)));
    return { ...pinned, image: { format: found, diskSize: layout.size } };
  });
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

function headOf(file: ImageFile): Promise<Buffer> {
  return file.read(0, Math.min(DISK_HEAD, file.size));
}

async function start(pieces: AsyncGenerator<Buffer>): Promise<Buffer> {
  const taken: Buffer[] = [];
  let length = 0;
  // Leaving the loop closes the stream.
  for await (const piece of pieces) {
    taken.push(piece);
    length += piece.length;
    if (length >= DISK_HEAD) { break; }
  }
  return Buffer.concat(taken);
}
