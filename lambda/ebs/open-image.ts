import { DELTA_FORMAT } from '../../src/contract/disk-image-format';
import type { SnapshotImportProperties } from '../../src/contract/snapshot-import';
import type { PinnedSource } from '../../src/contract/transfer';
import { boolean, integer } from '../shared/property-values';
import { pinDelta } from '../transfer/image/delta';
import { pinManifest } from '../transfer/image/manifest';
import { nameOfImage, type Source } from '../transfer/image/object';
import { probe } from '../transfer/image/probe';

/** Pins the version of the object that is current now, and finds out what it holds. */
export async function openImage(source: Source, properties: SnapshotImportProperties): Promise<PinnedSource> {
  const { SourceETag, SourceFormat, ContainerAsRaw, Manifest, VolumeSize } = properties;
  const object = await source.pin({
    bucket: properties.SourceBucket, bucketOwner: properties.SourceBucketOwner, key: properties.SourceKey, versionId: properties.SourceVersion,
  });
  if (SourceETag !== undefined && object.etag !== SourceETag) {
    throw new Error(`${nameOfImage(object)} is no longer what was exported; somebody replaced it`);
  }
  if (SourceFormat === DELTA_FORMAT) { return pinDelta(source, object, properties); }
  // An exported image is raw, whatever its first bytes look like.
  if (Manifest !== undefined && boolean('manifest', Manifest)) { return pinManifest(source, object); }
  return probe(source, object, {
    format: SourceFormat,
    containerAsRaw: ContainerAsRaw !== undefined && boolean('containerAsRaw', ContainerAsRaw),
    volumeSize: VolumeSize === undefined ? undefined : integer('volumeSize', VolumeSize),
  });
}
