import { type CfnResource, RemovalPolicy, Resource } from 'aws-cdk-lib';
import type * as events from 'aws-cdk-lib/aws-events';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { ExportFormat } from './export-format';
import type { ISnapshot } from './snapshot';
import { manifestKeyOf, type SnapshotExportAttributes, type SnapshotExportProperties } from '../contract/snapshot-export';
import { refuseRetainedBackground } from '../private/ebs/background';
import { checkBucketOwner } from '../private/ebs/bucket-owner';
import { grantExport } from '../private/ebs/export-access';
import { executionEnded } from '../private/ebs/import-events';
import { checkObjectKey } from '../private/ebs/object-key';
import { objectUse } from '../private/ebs/object-use';
import { EbsProvider } from '../private/ebs/provider';
import { ExportPolicies } from '../private/ebs/shared-policies';
import { KEY_READ_ACTIONS } from '../private/ebs/snapshot-access';
import { handledResource } from '../private/functions/handled-resource';
import { grantKey } from '../private/resource/key-access';
import type { MergedPolicies } from '../private/resource/merged-policies';
import { refuseRivals } from '../private/resource/rivals';
import { check, checkWhole, notBoth } from '../private/resource/validation';

const RESOURCE_TYPE = 'Custom::SnapshotExport';
/** S3's limit in bytes, less those of `.manifest`. */
const LONGEST_KEY = 1024 - 9;

const EXTENSIONS = { [ExportFormat.RAW]: 'img', [ExportFormat.QCOW2]: 'qcow2', [ExportFormat.VHD]: 'vhd' };

/**
 * Properties of a snapshot export.
 */
export interface SnapshotExportProps {
  /**
   * The snapshot. It must be completed when the export begins, and not archived.
   *
   * Another one is exported anew. Give it another `key`, or none: nothing is ever overwritten.
   */
  readonly snapshot: ISnapshot;

  /**
   * The bucket to write to. It may be in another account or Region, if its policy lets this account write.
   *
   * Another one is written to anew.
   */
  readonly bucket: s3.IBucket;

  /**
   * The id of the account that the bucket must belong to, as in `ExpectedBucketOwner` of S3. Without it, the
   * account is not checked, and after a deletion of the bucket anybody may take its name.
   *
   * A change alone exports nothing. The object of an earlier export is removed from a bucket of that account only.
   *
   * @default - any account
   */
  readonly bucketOwner?: string;

  /**
   * The key of the object, at most 1015 bytes. Nothing may lie there, nor at `<key>.manifest`, or the deployment fails.
   *
   * Another one is written to anew, and the object at the old one is treated as `removalPolicy` says.
   *
   * @default - the id of the snapshot, and `.img`, or `.qcow2`, or `.vhd`, as `format` is; with `since`, the ids of both, with `-` between them, and `.delta`
   */
  readonly key?: string;

  /**
   * What is written. A VHD holds at most 2040 GiB: of a larger volume, the deployment fails before anything is made. Not with `since`.
   *
   * Another one is exported anew, to another `key`, and the object at the old one is treated as `removalPolicy` says.
   *
   * @default ExportFormat.RAW
   */
  readonly format?: ExportFormat;

  /**
   * An earlier snapshot of the same volume, or a parent: only what changed since is exported, as a delta, whose format
   * `docs/delta-format.md` describes.
   *
   * A change exports anew.
   *
   * @see https://docs.aws.amazon.com/ebs/latest/userguide/readsnapshots.html
   * @default - all of the snapshot is exported, as an image
   */
  readonly since?: ISnapshot;

  /**
   * The key that the snapshots are encrypted with, unless it is that which AWS manages.
   *
   * A change alone exports nothing.
   *
   * @default - none
   */
  readonly kmsKey?: kms.IKeyRef;

  /**
   * Whether the deployment waits until the object is there, which it can for 50 minutes.
   *
   * `false` is for larger snapshots, of more than 1.3 TiB of blocks or so: the resource is complete
   * as soon as the copying has begun, and the attributes that tell of the object are empty. `onCompleted` and `onFailed` tell of its end; if it
   * fails, nothing is left in the bucket. Until it is there, `removalPolicy` must be DESTROY: if the stack were deleted
   * meanwhile, a retained export would never be completed. Another snapshot under DESTROY needs an export of its own, or
   * the former object is deleted.
   *
   * @default true
   */
  readonly waitForCompletion?: boolean;

  /**
   * How many blocks of 512 KiB are read a second, 10 to 1000.
   *
   * EBS gives 1000 of a snapshot, and of all snapshots of an account in a Region together,
   * unless that quota was raised.
   *
   * @default 900
   */
  readonly maxGetsPerSecond?: number;

  /**
   * How many functions copy at once, 1 to 1000. At most 40 do, and never more than a tenth of `maxGetsPerSecond`.
   *
   * @default - as many as `maxGetsPerSecond` needs: 12 for the default
   */
  readonly maxConcurrency?: number;

  /**
   * What happens to the object and its manifest when the export is removed from the stack or replaced. DESTROY removes
   * just what it made: of a bucket with versions, its version.
   *
   * @default RemovalPolicy.RETAIN - it may be the only copy
   */
  readonly removalPolicy?: RemovalPolicy;
}

/**
 * Defines an object in S3 with the content of an EBS snapshot: a disk image, raw, qcow2 or VHD, in which the blocks
 * that the snapshot does not have are zeros; or what changed since another snapshot.
 *
 * Beside the image lies a manifest, with the SHA-256 of every block. S3 compares the checksum (CRC32) of the whole object
 * with that of the bytes as they were read. The
 * deployment waits until the object is there, 50 minutes at most, unless told otherwise. If it fails, nothing is left, no unfinished upload either.
 *
 * Another snapshot, bucket, key, format or `since` is another export, whose object is written before the old one is treated as `removalPolicy` says.
 *
 * @see https://docs.aws.amazon.com/ebs/latest/userguide/readsnapshots.html
 */
export class SnapshotExport extends Resource {
  /**
   * The bucket of the object.
   */
  public readonly bucket: s3.IBucket;

  /**
   * The key of the object. Who refers to it waits for the export.
   *
   * @attribute
   */
  public readonly objectKey: string;

  /**
   * The version of the object. Empty if the bucket keeps none, or if nobody waited for the end of the export.
   *
   * @attribute
   */
  public readonly objectVersion: string;

  /**
   * The CRC32 of the whole object in base64, as S3 has it. Empty if nobody waited for the end of the export.
   *
   * @attribute
   */
  public readonly checksumCrc32: string;

  /**
   * The bytes of the object, a number in decimal digits. Empty if nobody waited for the end of the export.
   *
   * @attribute
   */
  public readonly objectSize: string;

  /**
   * The key as it was given, for policies.
   *
   * @internal
   */
  public readonly _key: string;

  /**
   * The account that the bucket must belong to.
   *
   * @internal
   */
  public readonly _bucketOwner: string | undefined;

  /**
   * The ETag of the object. Unlike the version, it is never empty, so that another stack can import it.
   *
   * @internal
   */
  public readonly _etag: string;

  /**
   * Whether the object is what changed, and no image.
   *
   * @internal
   */
  public readonly _isDelta: boolean;

  /**
   * Of an image; a delta has its own.
   *
   * @internal
   */
  public readonly _format: ExportFormat;

  /**
   * Whether the object is there once the resource is complete.
   *
   * @internal
   */
  public readonly _waits: boolean;

  private readonly resource: CfnResource;

  constructor(scope: Construct, id: string, props: SnapshotExportProps) {
    super(scope, id);
    const { snapshot, since, format = ExportFormat.RAW } = props;
    this._isDelta = since !== undefined;
    this._bucketOwner = props.bucketOwner;
    this._format = format;
    this._key = props.key ?? (since ? `${since.snapshotId}-${snapshot.snapshotId}.delta` : `${snapshot.snapshotId}.${EXTENSIONS[format]}`);
    this._waits = props.waitForCompletion !== false;
    this.validate(props);

    const provider = EbsProvider.getOrCreate(this);
    this.resource = handledResource<SnapshotExportProperties>(this, {
      resourceType: RESOURCE_TYPE,
      provider,
      removalPolicy: props.removalPolicy ?? RemovalPolicy.RETAIN,
      properties: {
        SnapshotId: snapshot.snapshotId,
        SinceSnapshotId: since?.snapshotId,
        Bucket: props.bucket.bucketName,
        BucketOwner: props.bucketOwner,
        Key: this._key,
        Format: format === ExportFormat.RAW ? undefined : format,
        WaitForCompletion: !this._waits ? false : undefined,
        MaxGetsPerSecond: props.maxGetsPerSecond,
        MaxConcurrency: props.maxConcurrency,
        ...provider.exporter.place,
      },
    });
    if (!this._waits) { refuseRetainedBackground(this, this.resource); }
    this.grantAccess(props, provider);
    this.refuseSecond(props.bucket);

    this.bucket = props.bucket;
    const attribute = (name: keyof SnapshotExportAttributes) => this.resource.getAtt(name).toString();
    this.objectKey = attribute('Key');
    this.objectVersion = attribute('VersionId');
    this._etag = attribute('ETag');
    this.checksumCrc32 = attribute('ChecksumCrc32');
    this.objectSize = attribute('ObjectSize');
  }

  /**
   * Defines a rule for when the object is there. The event is Step Functions' own; bucket and key are in its input.
   *
   * @param id The id of the rule.
   * @param options What to do then.
   */
  public onCompleted(id: string, options?: events.OnEventOptions): events.Rule {
    return this.onEnd(id, ['SUCCEEDED'], options);
  }

  /**
   * Defines a rule for when the export has failed. The event is Step Functions' own; bucket and key are in its input.
   *
   * @param id The id of the rule.
   * @param options What to do then.
   */
  public onFailed(id: string, options?: events.OnEventOptions): events.Rule {
    return this.onEnd(id, ['FAILED', 'TIMED_OUT'], options);
  }

  private validate({ bucket, bucketOwner, key, maxGetsPerSecond, maxConcurrency, snapshot, since }: SnapshotExportProps): void {
    checkBucketOwner(this, bucket, bucketOwner);
    checkObjectKey(this, key, LONGEST_KEY);
    checkWhole(this, 'maxGetsPerSecond', maxGetsPerSecond, 10, 1000);
    checkWhole(this, 'maxConcurrency', maxConcurrency, 1, 1000);
    notBoth(this, "'since'", `'format: ${this._format}'`, this._isDelta && this._format !== ExportFormat.RAW);
    check(this, 'since', since?.snapshotId, 'another snapshot', value => value !== snapshot.snapshotId);
  }

  /** Refuses that anything else of the app writes or reads the objects that this writes. */
  private refuseSecond({ bucketName }: s3.IBucket): void {
    const keys = this._isDelta ? [this._key] : [this._key, manifestKeyOf(this._key)];
    for (const key of keys) {
      refuseRivals(this, objectUse(this, [bucketName, key], { writes: true }, ({ scope: { node: { path } }, wants: { writes } }) =>
        `'key' must be one where nothing lies, but ${writes ? `${path} writes there too: choose another one`
          : `${path} reads its image there: choose another one, or import the export by DiskImage.fromExport`}`));
    }
  }

  private grantAccess({ snapshot, since, bucket, bucketOwner, kmsKey }: SnapshotExportProps, { exporter }: EbsProvider): void {
    const lists = this._format === ExportFormat.QCOW2;
    const policies = new ExportPolicies(exporter);
    const access = grantExport(this, { snapshot, since, bucket, bucketOwner, key: this._key, lists, policies });
    this.resource.node.addDependency(exporter.standing, ...access);
    if (!kmsKey) { return; }
    const read = (name: string, readers: MergedPolicies) =>
      this.resource.node.addDependency(...grantKey(this, name, { key: kmsKey, actions: KEY_READ_ACTIONS, grants: false, policies: readers }));
    read('KeyAccess', policies.keys);
    if (this._isDelta || lists) { read('PlanKeyAccess', policies.planKeys); }
  }

  private onEnd(id: string, status: string[], options?: events.OnEventOptions): events.Rule {
    return executionEnded(this, id, EbsProvider.getOrCreate(this).exporter.stateMachine.stateMachineArn, status, options);
  }
}
