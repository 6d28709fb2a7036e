import { checkedReading } from './checked-reading';
import { LaidOutDisk, fileOf, type Disk, type ReadFile } from './disk';
import { nameOfImage, type Source } from './object';
import { StreamDisk } from './stream-disk';
import type { DetectedFormat } from '../../../src/contract/image-recognition';
import type { PinnedImage, PinnedSource } from '../../../src/contract/transfer';
import type { ImageChecksum } from '../blocks/image-checksum';
import { ImageRefusal } from '../formats/layout';
import { openLayout } from '../formats/open';
import { STREAM_NAMES, type StreamFormat } from '../formats/streams';
import { VHD_FOOTER } from '../formats/vhd';

/**
 * Opens the disk in an image, whatever its format. Transient errors are thrown as they are if `giveUp` ended the retries.
 * @param checksum S3's checksum, with which a stream is compared when it was read to its end.
 */
export async function openDisk(source: Source, pinned: PinnedSource, giveUp?: () => boolean, checksum?: ImageChecksum): Promise<Disk> {
  const readFile: ReadFile = (offset, into, arrived) => source.read(pinned, offset, into, giveUp, arrived);
  const { image } = pinned;
  if (!image) { return { size: pinned.size, read: readFile }; }
  return named(pinned, async () => {
    const { stream, diskSize } = image;
    if (stream) {
      const inOrder = checksum ? checkedReading(readFile, pinned.size, checksum, nameOfImage(pinned)) : readFile;
      return withName(pinned, new StreamDisk(image.format as StreamFormat, pinned.size, inOrder, diskSize, limitOf(stream)));
    }
    const layout = await openLayout(fileOf(pinned.size, readFile), image.format as DetectedFormat);
    // A compressed disk may be a fixed VHD, which ends with a footer.
    const footer = image.format in STREAM_NAMES ? VHD_FOOTER : 0;
    if (!layout || ![image.diskSize, image.diskSize + footer].includes(layout.size)) { throw new Error(`${nameOfImage(pinned)} has a disk of ${layout?.size} bytes, where there were ${image.diskSize}`); }
    return withName(pinned, new LaidOutDisk(layout, readFile, image.diskSize));
  });
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
export function named<T>(pinned: PinnedSource, work: () => Promise<T>): Promise<T> {
  return work().catch(error => { throw error instanceof ImageRefusal ? new Error(`${nameOfImage(pinned)} ${error.message}`) : error; });
}

function limitOf({ limit }: NonNullable<PinnedImage['stream']>): string {
  switch (limit) {
    case 'VOLUME_SIZE': return 'which is what \'volumeSize\' leaves room for; set a larger \'volumeSize\'';
    case 'STATED': return 'which is all that its start states; set \'volumeSize\'';
    case 'WORKER': return 'which is all that one function can copy in its 15 minutes; convert the image with: qemu-img convert -c -O qcow2';
  }
}
