import { nameOfImage, type Source } from './object';
import { manifestKeyOf } from '../../../src/contract/snapshot-export';
import type { PinnedObject, PinnedSource } from '../../../src/contract/transfer';
import { BLOCK_SIZE } from '../blocks/sizes';
import { MANIFEST_LINE, readManifest } from '../formats/manifest';

/** Finds the manifest of an image that an export made. Throws unless the manifest belongs to this very object. */
export async function pinManifest(source: Source, image: PinnedObject): Promise<PinnedSource> {
  const object = await source.pin({ bucket: image.bucket, bucketOwner: image.bucketOwner, key: manifestKeyOf(image.key), what: 'manifest' });
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
