import { Token } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import * as s3_assets from 'aws-cdk-lib/aws-s3-assets';
import type { Construct } from 'constructs';
import { DiskImageFormat } from './disk-image-format';
import { ExportFormat } from './export-format';
import type { SnapshotExport } from './snapshot-export';
import { DELTA_FORMAT } from '../contract/disk-image-format';
import { checkBucketOwner, foreignOwner } from '../private/ebs/bucket-owner';
import type { DiskImageLocation } from '../private/ebs/image-location';
import { lookAtImage } from '../private/ebs/local-image';
import { checkObjectKey } from '../private/ebs/object-key';
import { check, misuse, notBoth } from '../private/resource/validation';

const LONGEST_KEY = 1024;

/**
 * How a disk image is read.
 */
export interface DiskImageReadOptions {
  /**
   * The customer key that encrypts the object, if the bucket does not name it: the functions that read the image are allowed to
   * decrypt with it. Its key policy must let this account's IAM policies decide, as the default key policy does.
   *
   * Buckets of this app name their key, imported ones only if `Bucket.fromBucketAttributes` is given it. The asset bucket needs
   * it after `cdk bootstrap --bootstrap-kms-key-id`, but not after `--bootstrap-customer-key`.
   *
   * A change alone imports nothing.
   *
   * @default - the `encryptionKey` of the bucket, if it has one
   */
  readonly encryptionKey?: kms.IKeyRef;

  /**
   * The id of the account that the bucket must belong to, as in `ExpectedBucketOwner` of S3. Without it, the
   * account is not checked, and after a deletion of the bucket anybody may take its name.
   *
   * A change alone imports nothing.
   *
   * @default - any account
   */
  readonly bucketOwner?: string;
}

/**
 * What a disk image is.
 */
export interface DiskImageOptions extends DiskImageReadOptions {
  /**
   * The format of the image. Any other than `AUTO` is checked when the image is imported.
   *
   * A change makes a new snapshot.
   *
   * @default DiskImageFormat.AUTO - what its first bytes say, never its name
   */
  readonly format?: DiskImageFormat;

  /**
   * Whether, under `DiskImageFormat.RAW`, a file that holds a disk in another format may itself become the disk.
   * Without it, the deployment fails: the snapshot would have the container in it, and boot nothing.
   *
   * A change makes a new snapshot.
   *
   * @default false
   */
  readonly containerAsRaw?: boolean;

  /**
   * The name of the file that is the disk, if the object is a tar archive, an OVA or a ZIP archive, as `tar -t` or `unzip -l` prints it. `format` is then that of the file.
   * It is needed if more than one file may be a disk, or if the disk does not show itself as one.
   *
   * A change makes a new snapshot.
   *
   * @default - the only file in the archive that shows itself as a disk
   */
  readonly archiveMember?: string;
}

/**
 * Which content an object must have.
 */
export interface DiskImagePinOptions {
  /**
   * The SHA-256 that the object must have: 64 hexadecimal digits, as `sha256sum` prints them. It covers the object as it is in S3: of a
   * compressed image, the compressed file.
   *
   * The import fails, and leaves nothing, if the object has another one. If S3 has the SHA-256 of the whole object
   * (`aws s3api put-object --checksum-algorithm SHA256`, up to 5 GB), it is compared before anything is made. Otherwise one function more
   * reads the object from its start to its end while it is copied, about 14 seconds for each GiB, and the snapshot is completed after that.
   *
   * A change makes a new snapshot.
   *
   * @default - any content
   */
  readonly sha256?: string;

  /**
   * The key of an object of the same bucket in which the SHA-256 of the image is: a `SHA256SUMS`, or a `.sha256`. It is read when the
   * snapshot is made. The line for the file name of the image counts (`sha256sum` or `sha256sum --tag`), or the only line if that has nothing but
   * the digest. The import is as with `sha256` then. Whoever may write to the bucket can replace both: `sha256` does not have this gap.
   *
   * A change makes a new snapshot. Another content of the object is not noticed: change `sourceRevision` of the import.
   *
   * @default - `sha256`, or any content
   */
  readonly sha256SumsKey?: string;
}

/**
 * A delta in a bucket.
 */
export interface DiskImageDeltaOptions extends DiskImageReadOptions, DiskImagePinOptions {}

/**
 * A disk image in a bucket.
 */
export interface DiskImageBucketOptions extends DiskImageOptions, DiskImagePinOptions {
  /**
   * Whether the image is what a `SnapshotExport` made in the format RAW, or a copy of that, with its manifest beside it, at `<key>.manifest`: from it come
   * the SHA-256 of all blocks, which are not computed again. Where the snapshot becomes an increment, blocks that did not
   * change are not even read. Of an export of the same app, `DiskImage.fromExport` knows it by itself.
   *
   * The deployment fails, before anything is made, unless the manifest is that of this very object: of its size, and of its
   * CRC32, which S3 must know (`ChecksumType: FULL_OBJECT`, as that of an export is).
   *
   * The author of the manifest decides which blocks an increment does not read, so trust them as you trust the author of the image. With
   * `Verification.FULL`, each block of the object is read and hashed even so.
   *
   * A change alone imports nothing: it counts from the next import on.
   *
   * @default false
   */
  readonly manifest?: boolean;

  /**
   * Whether the `manifest` may lie in a bucket of another account, whose owner you trust. Without it, the deployment fails before
   * anything is made if the bucket does not belong to the account of the stack.
   *
   * A change alone imports nothing.
   *
   * @default false
   */
  readonly allowForeignManifest?: boolean;
}

/**
 * A disk image in a local file.
 */
export interface DiskImageAssetOptions extends s3_assets.AssetOptions, DiskImageOptions {}

/**
 * A disk image for an EBS snapshot: raw, or in one of the formats of hypervisors, or compressed; also in an archive (tar, OVA, ZIP).
 *
 * The image is read once, when the snapshot is made. It is converted on the way; the size of the
 * disk in it counts, not that of the file.
 *
 * @see DiskImageFormat
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
   * @param options What the image is, and which content it must have. Default: what its first bytes say, and any content.
   */
  public static fromBucket(bucket: s3.IBucket, key: string, versionId?: string, options?: DiskImageBucketOptions): DiskImage {
    return new BucketImage(bucket, key, versionId, options);
  }

  /**
   * What a `SnapshotExport` of this app made. The import begins when the export is complete.
   *
   * Of a raw one, the SHA-256 of all blocks come from its manifest; see `DiskImageBucketOptions.manifest`. Another object makes
   * another snapshot. Of an export with `since`, this is the delta: the import needs `parent`; see `fromDelta`.
   *
   * @param snapshotExport The export. It must not have `waitForCompletion: false`.
   */
  public static fromExport(snapshotExport: SnapshotExport): DiskImage {
    return new ExportedImage(snapshotExport);
  }

  /**
   * What a `SnapshotExport` with `since` made: it leads from one snapshot to another one. The import needs `parent`: the
   * snapshot that it leads from, and no other. It writes the blocks that the delta has, all others are the parent's.
   *
   * @param bucket The bucket. It may be in another account, if its policy lets this one read.
   * @param key The key of the delta.
   * @param versionId The version of the object. Default: the current one.
   * @param options How the delta is read, and which content it must have. Default: with the key of the bucket, if it has one
   */
  public static fromDelta(bucket: s3.IBucket, key: string, versionId?: string, options?: DiskImageDeltaOptions): DiskImage {
    return new DeltaImage(bucket, key, versionId, options);
  }

  /**
   * An image in a local file, uploaded as an asset when the app is deployed.
   *
   * Another content makes another snapshot. The first and last bytes of the file, and the headers of an archive, are looked at when the app is
   * synthesized: a file that the import would refuse by them, or that is not in the `format`, is refused then. The result of `bundling` is looked
   * at when it is imported.
   *
   * @param filePath The file, relative to the working directory of the app.
   * @param options Options of the asset, and what the image is.
   */
  public static fromAsset(filePath: string, options?: DiskImageAssetOptions): DiskImage {
    return new AssetImage(filePath, options);
  }

  /**
   * The size of the disk, where it is known at synthesis. Asked before `_bind`, which may copy the whole image.
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

class BucketImage extends DiskImage {
  constructor(
    private readonly bucket: s3.IBucket, private readonly key: string, private readonly versionId?: string,
    private readonly options: DiskImageBucketOptions = {},
  ) {
    super();
  }

  public _sizeInBytes(): undefined {
    return undefined;
  }

  public _bind(scope: Construct): DiskImageLocation {
    const { bucket, key, versionId } = this;
    checkObjectKey(scope, key, LONGEST_KEY);
    check(scope, 'versionId', versionId, 'the id of a version', value => value !== '');
    const { format = DiskImageFormat.AUTO, manifest, allowForeignManifest } = this.options;
    notBoth(scope, "'manifest'", "'archiveMember'", manifest === true && this.options.archiveMember !== undefined);
    notBoth(scope, "'manifest'", `'format: ${format}'`, manifest === true && format !== DiskImageFormat.AUTO && format !== DiskImageFormat.RAW);
    const { encryptionKey, bucketOwner } = this.options;
    checkBucketOwner(scope, bucket, bucketOwner);
    const foreign = foreignOwner(scope, bucket, bucketOwner);
    if (manifest && !allowForeignManifest && foreign !== undefined) {
      throw misuse(scope, `'manifest' needs a bucket of this account, got one of ${foreign}; leave 'manifest' out, or set 'allowForeignManifest' if you trust all who may write there`);
    }
    const pin = pinOf(scope, this.options);
    return { bucket, bucketOwner, key, versionId, manifest, allowForeignManifest, encryptionKey, ...pin, ...formatOf(scope, this.options) };
  }
}

class DeltaImage extends BucketImage {
  public _bind(scope: Construct): DiskImageLocation {
    return { ...super._bind(scope), format: DELTA_FORMAT };
  }
}

class ExportedImage extends DiskImage {
  constructor(private readonly snapshotExport: SnapshotExport) {
    super();
  }

  public _sizeInBytes(): undefined {
    return undefined;
  }

  public _bind(scope: Construct): DiskImageLocation {
    // The key as it was given can stand in a policy; by the ETag, this waits for the export.
    const { bucket, _bucketOwner: bucketOwner, _key: key, _etag: etag, _isDelta, _format, _waits, node } = this.snapshotExport;
    if (!_waits) { throw misuse(scope, `'image' must be complete before this import begins, got ${node.path}, which has 'waitForCompletion: false'`); }
    if (_isDelta) { return { bucket, bucketOwner, key, etag, format: DELTA_FORMAT }; }
    return { bucket, bucketOwner, key, etag, ...(_format === ExportFormat.RAW ? { manifest: true } : { format: _format }) };
  }
}

class AssetImage extends DiskImage {
  constructor(private readonly filePath: string, private readonly options: DiskImageAssetOptions = {}) {
    super();
  }

  public _sizeInBytes(scope: Construct): number | undefined {
    // What bundling makes of the path, be it a folder, is seen afterwards.
    if (this.options.bundling || Token.isUnresolved(this.options.archiveMember)) { return undefined; }
    return lookAtImage(scope, this.filePath, this.options);
  }

  public _bind(scope: Construct): DiskImageLocation {
    const { format, containerAsRaw, archiveMember, encryptionKey, bucketOwner, ...options } = this.options;
    const asset = new s3_assets.Asset(scope, 'Image', { ...options, path: this.filePath });
    if (!asset.isFile) { throw misuse(scope, `'image' must be bundled into a single file, got a folder from '${this.filePath}'`); }
    checkBucketOwner(scope, asset.bucket, bucketOwner);
    const what = formatOf(scope, { format, containerAsRaw, archiveMember });
    return { bucket: asset.bucket, bucketOwner, key: asset.s3ObjectKey, encryptionKey, ...what };
  }
}

function pinOf(scope: Construct, { sha256, sha256SumsKey, manifest }: DiskImageBucketOptions): DiskImagePinOptions {
  notBoth(scope, "'sha256'", "'sha256SumsKey'", sha256 !== undefined && sha256SumsKey !== undefined);
  // A manifest decides which blocks of an increment are not read, so its author could choose a content that is not that of the object.
  notBoth(scope, "'sha256'", "'manifest'", sha256 !== undefined && manifest === true);
  notBoth(scope, "'sha256SumsKey'", "'manifest'", sha256SumsKey !== undefined && manifest === true);
  check(scope, 'sha256', sha256, '64 hexadecimal digits', value => /^[0-9a-f]{64}$/i.test(value));
  checkObjectKey(scope, sha256SumsKey, LONGEST_KEY, 'sha256SumsKey');
  return { sha256: Token.isUnresolved(sha256) ? sha256 : sha256?.toLowerCase(), sha256SumsKey };
}

function formatOf(
  scope: Construct, { format, containerAsRaw, archiveMember }: DiskImageOptions,
): Pick<DiskImageOptions, 'format' | 'containerAsRaw' | 'archiveMember'> {
  check(scope, 'archiveMember', archiveMember, 'the name of a file in an archive', value => value !== '');
  notBoth(scope, "'containerAsRaw'", `'format: ${format ?? DiskImageFormat.AUTO}'`, containerAsRaw === true && format !== DiskImageFormat.RAW);
  return { format: format === DiskImageFormat.AUTO ? undefined : format, containerAsRaw: containerAsRaw || undefined, archiveMember };
}
