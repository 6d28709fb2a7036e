import { detectByHead, detectByTail } from './detect';
import { ImageRefusal, refuse } from './layout';
import { STREAM_NAMES, type StreamFormat } from './streams';
import { checkFixedVhdFooter, VHD_FOOTER } from './vhd';

/** What is compressed as a whole: it must be a disk as it is, raw or a fixed VHD, for tables would have to be read here and there. */

/** Throws if these first bytes of what is compressed are no disk's. */
export function refuseInside(format: StreamFormat, head: Buffer): void {
  told(format, () => {
    const inside = detectByHead(head);
    if (inside) { refuse(`is ${inside}, not a raw disk; decompress it first (qcow2 has a compression of its own: qemu-img convert -c -O qcow2)`); }
  });
}

/** Of the last bytes, those that are no part of the disk: the footer of a fixed VHD. `before`: how many bytes are before them. */
export function footerInside(format: StreamFormat, tail: Buffer, before: number): number {
  return told(format, () => {
    if (detectByTail(tail) !== 'VHD') { return 0; }
    checkFixedVhdFooter(tail, before);
    return VHD_FOOTER;
  });
}

function told<T>(format: StreamFormat, look: () => T): T {
  try {
    return look();
  } catch (error) {
    throw error instanceof ImageRefusal ? new ImageRefusal(`is compressed with ${STREAM_NAMES[format]}, and what it holds ${error.message}`) : error;
  }
}
