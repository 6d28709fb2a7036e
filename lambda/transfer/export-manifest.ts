import { BLOCK_SIZE } from './blocks';
import type { ExportFormatName } from '../../src/contract/snapshot-export';

/**
 * What lies beside an exported image, at `<its key>.manifest`: one line of
 * JSON, and behind it the SHA-256 of every block of 512 KiB of the volume, 32 bytes each, in
 * order, whatever the format of the image.
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
/** One line, of less than 1,024 bytes. */
export function manifestLine(manifest: Omit<ImageManifest, 'format' | 'blockSize'>): Buffer {
  return Buffer.from(`${JSON.stringify({ format: MANIFEST_FORMAT, blockSize: BLOCK_SIZE, ...manifest } satisfies ImageManifest)}\n`);
}
