import { checkedReading } from './checked-reading';
import { LaidOutDisk, fileOf, type Disk, type ReadFile } from './disk';
import { fileIn, inMember, type OpenFile } from './member-file';
import { nameOfImage, type Source } from './object';
import { piecesOf, StreamDisk } from './stream-disk';
import { quoted } from '../../../src/contract/archive/tar';
import type { DetectedFormat } from '../../../src/contract/image-recognition';
import type { PinnedImage, PinnedMember, PinnedSource } from '../../../src/contract/transfer';
import type { ImageChecksum } from '../blocks/image-checksum';
import { memberAt } from '../formats/archive-file';
import { withCrc32 } from '../formats/checked-stream';
import { ImageRefusal, refuse } from '../formats/layout';
import { openLayout } from '../formats/open';
import { decompressed, STREAM_NAMES, type StreamFormat } from '../formats/streams';
import { diskInTar } from '../formats/tar-stream';
import { VHD_FOOTER } from '../formats/vhd';
import { frameChecksums } from '../formats/zstd-seekable';

/**
 * Opens the disk in an image, whatever its format. Transient errors are thrown as they are if `giveUp` ended the retries.
 * @param checksum S3's checksum, with which a stream is compared when it was read to its end.
 */
export async function openDisk(source: Source, pinned: PinnedSource, giveUp?: () => boolean, checksum?: ImageChecksum): Promise<Disk> {
  const readFile: ReadFile = (offset, into, arrived) => source.read(pinned, offset, into, giveUp, arrived);
  const { image } = pinned;
  if (!image) { return { size: pinned.size, read: readFile }; }
  return named(pinned, async () => {
    const { stream, diskSize, member } = image;
    const file = member && !member.isInStream ? await openMember({ size: pinned.size, readFile }, member) : { size: pinned.size, readFile };
    if (stream) {
      const format = image.format as StreamFormat;
      const inOrder = checksum ? checkedReading(file.readFile, file.size, checksum, nameOfImage(pinned)) : file.readFile;
      const checksums = format === 'ZSTD' ? await frameChecksums(fileOf(file.size, file.readFile)) : undefined;
      const content = contentOf(decompressed(format, piecesOf(file.size, inOrder), checksums), member);
      return withName(pinned, new StreamDisk(format, content, diskSize, limitOf(stream)));
    }
    const layout = await openLayout(fileOf(file.size, file.readFile), image.format as DetectedFormat);
    // A compressed disk may be a fixed VHD, which ends with a footer.
    const footer = image.format in STREAM_NAMES ? VHD_FOOTER : 0;
    if (!layout || ![image.diskSize, image.diskSize + footer].includes(layout.size)) { throw new Error(`${nameOfImage(pinned)} has a disk of ${layout?.size} bytes, where there were ${image.diskSize}`); }
    return withName(pinned, new LaidOutDisk(layout, file.readFile, image.diskSize));
  });
}

function contentOf(content: AsyncGenerator<Buffer>, member: PinnedMember | undefined): AsyncGenerator<Buffer> {
  if (member?.isInStream) { return diskInTar(content, member); }
  return member?.deflated ? withCrc32(content, { size: member.size, crc32: member.deflated.crc32 }) : content;
}

async function openMember(archive: OpenFile, pinned: PinnedMember): Promise<OpenFile> {
  const { name, at, size, deflated } = pinned;
  if (pinned.archive === 'ZIP') {
    const stored = deflated?.length ?? size;
    return fileIn(archive, { at, stored, size: stored });
  }
  const member = await memberAt(fileOf(archive.size, archive.readFile), at);
  if (member.name !== name || member.size !== size) { refuse(`is a tar archive in which ${quoted(member.name)} is found now, where ${quoted(name)} was`); }
  return fileIn(archive, member);
}

function withName(pinned: PinnedSource, disk: Disk): Disk {
  return {
    size: disk.size,
    get endsAt() { return disk.endsAt; },
    read: (from, into, arrived) => named(pinned, () => disk.read(from, into, arrived)),
    close: () => disk.close?.() ?? Promise.resolve(),
  };
}

/** Prefixes a refusal with the name of the image, which the readers of formats do not have. */
export function named<T>({ image, ...object }: PinnedSource, work: () => Promise<T>): Promise<T> {
  const done = image?.member && !image.member.isInStream ? inMember(image.member, work) : work();
  return done.catch(error => { throw error instanceof ImageRefusal ? new Error(`${nameOfImage(object)} ${error.message}`) : error; });
}

function limitOf({ limit }: NonNullable<PinnedImage['stream']>): string {
  switch (limit) {
    case 'VOLUME_SIZE': return 'which is what \'volumeSize\' leaves room for; set a larger \'volumeSize\'';
    case 'STATED': return 'which is all that its start states; set \'volumeSize\'';
    case 'WORKER': return 'which is all that one function can copy in its 15 minutes; convert the image with: qemu-img convert -c -O qcow2';
  }
}
