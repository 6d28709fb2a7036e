import * as fs from 'fs';
import * as path from 'path';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import * as s3_assets from 'aws-cdk-lib/aws-s3-assets';
import type { Construct } from 'constructs';
import { check, misuse } from '../private/validation';

/**
 * A disk image for an EBS snapshot: the raw content of a disk, byte for byte.
 *
 * The image is read once, when the snapshot is made.
 */
export abstract class DiskImage {
  /**
   * An image in a bucket.
   *
   * Without `versionId`, the version that is current when the snapshot is made
   * is taken. A new version under the same key is not noticed: give its version
   * id, or change `sourceRevision` of the import.
   *
   * @param bucket The bucket. It may be in another account, if its policy lets this one read.
   * @param key The key of the object.
   * @param versionId The version of the object. Default: the current one.
   */
  public static fromBucket(bucket: s3.IBucket, key: string, versionId?: string): DiskImage {
    return new BucketImage(bucket, key, versionId);
  }

  /**
   * What a `SnapshotExport` with `since` made: it leads from one snapshot to another one. The import needs `parent`: the
   * snapshot that it leads from, and no other. It writes the blocks that the delta has, all others are the parent's.
   *
   * @param bucket The bucket. It may be in another account, if its policy lets this one read.
   * @param key The key of the delta.
   * @param versionId The version of the object. Default: the current one.
   */
  public static fromDelta(bucket: s3.IBucket, key: string, versionId?: string): DiskImage {
    return new BucketImage(bucket, key, versionId, 'DELTA');
  }

  /**
   * An image in a local file, uploaded as an asset when the app is deployed.
   *
   * Another content makes another snapshot.
   *
   * @param filePath The file, relative to the working directory of the app.
   * @param options Options of the asset.
   */
  public static fromAsset(filePath: string, options?: s3_assets.AssetOptions): DiskImage {
    return new AssetImage(filePath, options);
  }

  /**
   * The size, where it is known at synthesis. Asked before `_bind`, which may copy the whole image.
   *
   * @internal
   */
  public abstract _sizeInBytes(scope: Construct): number | undefined;

  /**
   * Called by the construct that reads the image.
   *
   * @internal
   */
  public abstract _bind(scope: Construct): DiskImageLocation;
}

/**
 * Where an image lies.
 *
 * @internal
 */
export interface DiskImageLocation {
  readonly bucket: s3.IBucket;
  readonly key: string;
  readonly versionId?: string;
  /** Absent: a raw image. */
  readonly format?: 'DELTA';
}

class BucketImage extends DiskImage {
  constructor(
    private readonly bucket: s3.IBucket, private readonly key: string, private readonly versionId?: string, private readonly format?: 'DELTA',
  ) {
    super();
  }

  public _sizeInBytes(): undefined {
    return undefined;
  }

  public _bind(scope: Construct): DiskImageLocation {
    const { bucket, key, versionId, format } = this;
    check(scope, 'key', key, '1 to 1024 bytes long', value => value !== '' && Buffer.byteLength(value) <= 1024);
    check(scope, 'versionId', versionId, 'the id of a version', value => value !== '');
    return { bucket, key, versionId, format };
  }
}

class AssetImage extends DiskImage {
  constructor(private readonly filePath: string, private readonly options: s3_assets.AssetOptions = {}) {
    super();
  }

  public _sizeInBytes(scope: Construct): number | undefined {
    // What bundling makes of the path, be it a folder, is seen afterwards.
    return this.options.bundling ? undefined : sizeOf(scope, this.filePath);
  }

  public _bind(scope: Construct): DiskImageLocation {
    const asset = new s3_assets.Asset(scope, 'Image', { ...this.options, path: this.filePath });
    if (!asset.isFile) { throw misuse(scope, `'image' must be bundled into a single file, got a folder from '${this.filePath}'`); }
    return { bucket: asset.bucket, key: asset.s3ObjectKey };
  }
}

function sizeOf(scope: Construct, filePath: string): number {
  const file = path.resolve(filePath);
  const stats = fs.statSync(file, { throwIfNoEntry: false });
  if (!stats) { throw misuse(scope, `'image' must be a file, got '${file}', which does not exist`); }
  if (!stats.isFile()) { throw misuse(scope, `'image' must be a file, got '${file}', which is a folder or a device`); }
  if (stats.size === 0) { throw misuse(scope, `'image' must not be empty, got '${file}' of 0 bytes`); }
  return stats.size;
}
