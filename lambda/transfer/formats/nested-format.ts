import { ImageRefusal, refuse } from './layout';
import { STREAM_NAMES, type StreamFormat } from './streams';
import { checkFixedVhdFooter, VHD_FOOTER } from './vhd';
import { refuseMisplacedGpt } from '../../../src/contract/disk-signature';
import { detectByHead, detectByTail, refuseUnlikeDisk } from '../../../src/contract/image-recognition';

/*
 * The content of an image that is compressed as a whole. It must be a raw disk or a fixed VHD, because a stream cannot be read at random,
 * as the tables of other formats require.
 */

/** Throws if the first bytes of the content are not those of a raw disk. `isStated`: the user says that it is one, by the format of the stream. */
export function refuseInside(format: StreamFormat, head: Buffer, isStated: boolean): void {
  namingTheStream(format, () => {
    const inside = detectByHead(head);
    if (inside) { refuse(`is ${inside}, not a raw disk; decompress it first (qcow2 has a compression of its own: qemu-img convert -c -O qcow2)`); }
    refuseMisplacedGpt(head);
    if (!isStated) { refuseUnlikeDisk(head, `if it is a raw disk all the same, set 'format' to DiskImageFormat.${format}`); }
  });
}

/** Returns the number of bytes at the end that are no part of the disk: the footer of a fixed VHD. `before` is the number of bytes before `tail`. */
export function footerInside(format: StreamFormat, tail: Buffer, before: number): number {
  return namingTheStream(format, () => {
    if (detectByTail(tail, before) !== 'VHD') { return 0; }
    const footer = tail.length - VHD_FOOTER;
    checkFixedVhdFooter(tail.subarray(footer), before + footer);
    return VHD_FOOTER;
  });
}

/** Adds the format of the stream to a refusal of its content. */
function namingTheStream<T>(format: StreamFormat, look: () => T): T {
  try {
    return look();
  } catch (error) {
    throw error instanceof ImageRefusal ? new ImageRefusal(`is compressed with ${STREAM_NAMES[format]}, and what it holds ${error.message}`) : error;
  }
}
