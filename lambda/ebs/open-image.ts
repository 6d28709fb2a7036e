import { DELTA_FORMAT } from '../../src/contract/disk-image-format';
import type { SnapshotImportProperties } from '../../src/contract/snapshot-import';
import type { PinnedObject, PinnedSource } from '../../src/contract/transfer';
import { log } from '../shared/log';
import { boolean, integer } from '../shared/property-values';
import type { Context } from '../shared/resource-lifecycle';
import { pinContent } from '../transfer/image/content-pin';
import { pinDelta } from '../transfer/image/delta';
import { ForeignManifest, pinManifest } from '../transfer/image/manifest';
import { nameOfImage, type Source } from '../transfer/image/object';
import { probe } from '../transfer/image/probe';

/** Pins the version of the object that is current now, and finds out what it holds. */
export async function openImage(source: Source, properties: SnapshotImportProperties, context: Pick<Context, 'stackId'>): Promise<PinnedSource> {
  const { SourceETag } = properties;
  const object = await source.pin({
    bucket: properties.SourceBucket, bucketOwner: properties.SourceBucketOwner, key: properties.SourceKey, versionId: properties.SourceVersion,
  });
  if (SourceETag !== undefined && object.etag !== SourceETag) {
    throw new Error(`${nameOfImage(object)} is no longer what was exported; somebody replaced it`);
  }
  const pin = await pinContent(source, object, properties);
  return { ...await openObject(source, object, properties, context), ...(pin && { pin }) };
}

async function openObject(
  source: Source, object: PinnedObject, properties: SnapshotImportProperties, { stackId }: Pick<Context, 'stackId'>,
): Promise<PinnedSource> {
  const { SourceFormat, ContainerAsRaw, ArchiveMember, Manifest, VolumeSize } = properties;
  if (SourceFormat === DELTA_FORMAT) { return pinDelta(source, object, properties); }
  // An exported image is raw, whatever its first bytes look like.
  if (Manifest !== undefined && boolean('manifest', Manifest)) { return withManifest(source, object, properties, stackId); }
  return probe(source, object, {
    format: SourceFormat,
    containerAsRaw: ContainerAsRaw !== undefined && boolean('containerAsRaw', ContainerAsRaw),
    archiveMember: ArchiveMember,
    volumeSize: VolumeSize === undefined ? undefined : integer('volumeSize', VolumeSize),
  });
}

async function withManifest(
  source: Source, object: PinnedObject, { SourceETag, ForeignManifest: allowed, Verify }: SnapshotImportProperties, stackId: string,
): Promise<PinnedSource> {
  const account = allowed !== undefined && boolean('allowForeignManifest', allowed) ? undefined : stackId.split(':')[4];
  try {
    const pinned = await pinManifest(source, object, account);
    // A full verification needs the digests of the object itself, so each block is read and hashed.
    return Verify === 'FULL' ? object : pinned;
  } catch (error) {
    if (!(error instanceof ForeignManifest) || SourceETag === undefined) { throw error; }
    log({ event: 'reading an export without its manifest', because: error.message });
    return object;
  }
}
