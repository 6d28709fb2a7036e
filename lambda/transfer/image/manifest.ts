import { nameOfImage, type ImageLocation, type Source } from './object';
import { manifestKeyOf } from '../../../src/contract/snapshot-export';
import type { PinnedObject, PinnedSource } from '../../../src/contract/transfer';
import { isDenial } from '../../shared/denials';
import { BLOCK_SIZE } from '../blocks/sizes';
import { MANIFEST_LINE, readManifest } from '../formats/manifest';

/** The error for a manifest whose writer the user does not vouch for. */
export class ForeignManifest extends Error {}

/**
 * Finds the manifest of an image that an export made. Throws unless the manifest belongs to this very object.
 *
 * @param account The account that the bucket must belong to. Absent: the user allows any.
 */
export async function pinManifest(source: Source, image: PinnedObject, account: string | undefined): Promise<PinnedSource> {
  const object = await findManifest(source, image, account);
  const name = nameOfImage(object);
  const start = Buffer.alloc(Math.min(object.size, MANIFEST_LINE));
  if (start.length > 0) { await source.read(object, 0, start); }
  const { blocks, image: format, crc32, digestsAt } = readManifest(start, name, object.size);
  if (format !== 'RAW') { throw new Error(`${name} is that of an image in the format ${format}, and only raw images are read with theirs; leave 'manifest' out`); }
  if (image.size !== blocks * BLOCK_SIZE) {
    throw new Error(`${name} is that of another object: of ${blocks * BLOCK_SIZE} bytes, and the ${nameOfImage(image)} has ${image.size}`);
  }
  const checksum = await source.verify(image);
  if (checksum?.algorithm !== 'CRC32') {
    throw new Error(`${nameOfImage(image)} cannot be compared with its manifest, for S3 knows no CRC32 of the whole object; `
      + 'copy it so that it has one (ChecksumAlgorithm CRC32, ChecksumType FULL_OBJECT), or leave \'manifest\' out');
  }
  if (checksum.value !== crc32) { throw new Error(`${name} is that of another object: with CRC32 ${crc32}, and the ${nameOfImage(image)} has ${checksum.value}`); }
  return { ...image, manifest: { ...object, digestsAt } };
}

async function findManifest(source: Source, { bucket, bucketOwner, key }: PinnedObject, account: string | undefined): Promise<PinnedObject> {
  const manifest = { bucket, bucketOwner: account ?? bucketOwner, key: manifestKeyOf(key), what: 'manifest' } as const;
  if (account !== undefined && bucketOwner !== undefined && bucketOwner !== account) { throw new ForeignManifest(notUsed(manifest, account)); }
  try {
    return await source.pin(manifest);
  } catch (error) {
    // The image could be read, so it is the owner that S3 denies, unless this key is denied alone.
    throw account !== undefined && isDenial(error) ? new ForeignManifest(notUsed(manifest, account), { cause: error }) : error;
  }
}

function notUsed(manifest: ImageLocation, account: string): string {
  return `${nameOfImage(manifest)} is not used, because its bucket is not known to be of this account (${account}), and a manifest decides what an increment does not read; `
    + "leave 'manifest' out, or set 'allowForeignManifest' if you trust all who may write there";
}
