import type { ExportFormatName } from '../../../src/contract/snapshot-export';
import { DIGEST_SIZE } from '../blocks/digests';
import { BLOCK_SIZE } from '../blocks/sizes';

/**
 * The manifest beside an exported image, at `<its key>.manifest`: one line of
 * JSON, and behind it the SHA-256 of every block of 512 KiB of the volume, 32 bytes each, in
 * order, whatever the format of the image. Whoever imports a raw one need not hash it again:
 * EBS compares each digest with the block that it gets.
 */
interface ImageManifest {
  readonly format: typeof MANIFEST_FORMAT;
  readonly blockSize: number;
  readonly blocks: number;
  /** GiB. */
  readonly volumeSize: number;
  /** The snapshot that was exported. */
  readonly snapshotId: string;
  /** The format of the image. */
  readonly image: ExportFormatName;
  /** Of the image, as S3 has it: the CRC32 of the whole object, in base64. */
  readonly crc32: string;
}

const MANIFEST_FORMAT = 'cdk-durable-storage manifest 1';
/** The line is no longer than that. */
export const MANIFEST_LINE = 1_024;

export function manifestLine(manifest: Omit<ImageManifest, 'format' | 'blockSize'>): Buffer {
  return Buffer.from(`${JSON.stringify({ format: MANIFEST_FORMAT, blockSize: BLOCK_SIZE, ...manifest } satisfies ImageManifest)}\n`);
}

/** From the manifest's first bytes, and the size of all of it. `name`: what it is called. `digestsAt`: where the first digest lies. */
export function readManifest(start: Buffer, name: string, size: number): ImageManifest & { readonly digestsAt: number } {
  const end = start.subarray(0, MANIFEST_LINE).indexOf('\n');
  let manifest: ImageManifest | undefined;
  try {
    manifest = JSON.parse(start.toString('utf8', 0, Math.max(end, 0))) as ImageManifest;
  } catch {
    // It is none.
  }
  if (manifest?.format !== MANIFEST_FORMAT || manifest.blockSize !== BLOCK_SIZE || !Number.isSafeInteger(manifest.blocks)) {
    throw new Error(`${name} is no manifest that an export of this library made`);
  }
  const digestsAt = end + 1;
  const whole = digestsAt + manifest.blocks * DIGEST_SIZE;
  if (size !== whole) { throw new Error(`${name} is damaged: it has ${size} bytes, where ${manifest.blocks} digests need ${whole}`); }
  return { ...manifest, digestsAt };
}
