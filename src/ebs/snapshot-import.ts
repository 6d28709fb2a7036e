import { type CfnResource, type ITaggableV2, Lazy, RemovalPolicy, Resource, type Size, Stack, TagManager, TagType, Token } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as events from 'aws-cdk-lib/aws-events';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import type { DiskImage } from './disk-image';
import { estimateImport, type ImportEstimate, type ImportEstimateOptions } from './import-estimate';
import { Verification, ZeroBlocks } from './integrity';
import { snapshotArnOf, type ISnapshot } from './snapshot';
import { DELTA_FORMAT } from '../contract/disk-image-format';
import type { RegistrationProperty } from '../contract/machine-image';
import { IMPORT_METRICS, TRANSFER_METRICS } from '../contract/metrics';
import type { OwnerProperties } from '../contract/ownership';
import type { SnapshotImportAttributes, SnapshotImportProperties } from '../contract/snapshot-import';
import type { TransferPlace } from '../contract/transfer';
import { refuseRetainedBackground } from '../private/ebs/background';
import { grantImage } from '../private/ebs/image-access';
import type { DiskImageLocation } from '../private/ebs/image-location';
import { importEnded } from '../private/ebs/import-events';
import { importMetric, importWidget } from '../private/ebs/import-metrics';
import { objectUse } from '../private/ebs/object-use';
import { grantParent } from '../private/ebs/parent-access';
import { EbsProvider } from '../private/ebs/provider';
import { ImportPolicies } from '../private/ebs/shared-policies';
import { KEY_READ_ACTIONS } from '../private/ebs/snapshot-access';
import { handledResource } from '../private/functions/handled-resource';
import { grantKey, isKeyOfAws } from '../private/resource/key-access';
import type { MergedPolicies } from '../private/resource/merged-policies';
import { refuseRivals } from '../private/resource/rivals';
import { mergedTags, TAG_RULES } from '../private/resource/tags';
import { check, checkWhole, misuse, notBoth, validateAccounts, wholeGibibytes } from '../private/resource/validation';

const RESOURCE_TYPE = 'Custom::SnapshotImport';
const GIB = 1024 ** 3;
const LARGEST_VOLUME = 65_536;
const LONGEST_DESCRIPTION = 255;

/** The actions that the user guide of the EBS direct APIs lists for encrypted snapshots, without kms:CreateGrant, whose statement has conditions of its own. */
const KEY_ACTIONS = [
  'kms:DescribeKey',
  'kms:Encrypt',
  'kms:Decrypt',
  'kms:GenerateDataKey',
  'kms:GenerateDataKeyWithoutPlaintext',
  'kms:ReEncrypt*',
];

/**
 * Properties of a snapshot import.
 */
export interface SnapshotImportProps {
  /**
   * The disk image.
   *
   * Another bucket, key, version, or content of an asset makes a new snapshot, an increment of the old one if it can be;
   * the old one is deleted afterwards, unless `removalPolicy` retains it.
   */
  readonly image: DiskImage;

  /**
   * The size of volumes made from the snapshot: a whole number of GiB from 1 to
   * 65536, and not less than the image needs. What the image does not fill is not
   * written: it reads as zeros, or, if the snapshot is encrypted, as anything.
   *
   * A change makes a new snapshot.
   *
   * Of a compressed disk that does not say how large it is, this is the most that it may have; it is needed then.
   *
   * @default - the size of the disk in the image, rounded up to a whole GiB
   */
  readonly volumeSize?: Size;

  /**
   * A description of the snapshot, at most 255 characters.
   *
   * EC2 cannot change the description of a snapshot, so a change makes a new one.
   *
   * @default - none
   */
  readonly description?: string;

  /**
   * Whether the snapshot is encrypted.
   *
   * If the account encrypts by default, it is in any case: EBS refuses to make an
   * unencrypted snapshot there, so `false` means to leave the choice to the account.
   *
   * A change makes a new snapshot.
   *
   * @see https://docs.aws.amazon.com/ebs/latest/userguide/ebsapis-using-encryption.html
   * @default - true if `kmsKey` is given, otherwise as the account's default says
   */
  readonly encrypted?: boolean;

  /**
   * The key to encrypt the snapshot with. Its key policy must let this account's
   * IAM policies decide, as the default key policy does.
   *
   * A change makes a new snapshot.
   *
   * Needed, too, if the snapshot is encrypted with the account's default key for EBS, and that is a key of your own (`aws ec2
   * get-ebs-default-kms-key-id` shows it): the functions may only use a key that is given here.
   *
   * @default - the account's default key for EBS, if the snapshot is encrypted
   */
  readonly kmsKey?: kms.IKeyRef;

  /**
   * How much of the snapshot is read back and compared once it is completed.
   *
   * EBS checks the SHA-256 of each block when it takes it, and that of all of them
   * when it completes the snapshot, whatever is chosen here. With FULL, an image with a `manifest` is read as any other one: nothing is taken
   * from the manifest. A change alone verifies nothing.
   *
   * @default Verification.SAMPLE - reading all of it back costs half as much as writing it, and takes as long
   */
  readonly verify?: Verification;

  /**
   * What becomes of blocks that hold nothing but zeros.
   *
   * A change makes a new snapshot.
   *
   * @default ZeroBlocks.WRITE - safe whether or not the snapshot is encrypted
   */
  readonly zeroBlocks?: ZeroBlocks;

  /**
   * Whether a new version of the image becomes an increment of the snapshot that it replaces: only the blocks that differ are
   * written, and only those are stored, and paid for, again. The old snapshot can be deleted all the same.
   *
   * That needs the same encryption and key, a volume that is not smaller, `zeroBlocks: WRITE`, and the digests of the
   * old snapshot in the transfer bucket. Where anything is missing, everything is written; `parentSnapshotId` and the log tell.
   * A change alone imports nothing.
   *
   * @default true
   */
  readonly incremental?: boolean;

  /**
   * A snapshot that the new one shall be an increment of, whether or not it was imported by this stack. One that
   * was not is read once, as a whole, to learn what it holds.
   *
   * The new snapshot has its encryption: if it is encrypted with a key that AWS does not manage, give
   * that as `kmsKey`. `volumeSize` must not be smaller than its volume. If it cannot be used, the deployment fails before
   * anything is made. A change alone imports nothing: it counts from the next import on.
   *
   * @see https://docs.aws.amazon.com/ebs/latest/userguide/writesnapshots.html
   * @default - the snapshot that is replaced, if there is one; see `incremental`
   */
  readonly parent?: ISnapshot;

  /**
   * Any string. Another one imports the image again: for objects that change
   * under the same key in a bucket without versions.
   *
   * @default - none
   */
  readonly sourceRevision?: string;

  /**
   * Whether the deployment waits until the snapshot is completed, which it can for 50 minutes.
   *
   * `false` is for larger images, of more than 1.3 TiB or so: the resource is complete
   * as soon as the copying has begun. `onCompleted` and `onFailed` tell of its end; if it
   * fails, the snapshot is deleted. Until it is completed, nothing can be made from it, and
   * `removalPolicy` must be DESTROY: if the stack were deleted meanwhile, a retained snapshot would never be completed.
   *
   * @default true
   */
  readonly waitForCompletion?: boolean;

  /**
   * How many blocks of 512 KiB are written a second, 10 to 1000.
   *
   * EBS takes 1000 of a snapshot, and of all snapshots of an account in a Region together,
   * unless that quota was raised. Imports that run at the same time share it by themselves.
   *
   * @default 900
   */
  readonly maxPutsPerSecond?: number;

  /**
   * How many functions copy at once, 1 to 1000. At most 40 do, and never more than a tenth of `maxPutsPerSecond`.
   *
   * @default - as many as `maxPutsPerSecond` needs: 12 for the default
   */
  readonly maxConcurrency?: number;

  /**
   * Ids of the accounts that may make volumes from the snapshot, and copy it; exactly these.
   *
   * If the snapshot is encrypted, a `kmsKey` is needed, which the accounts may use too: EC2 shares no snapshot that is encrypted with
   * the key that AWS manages. If that is known at deployment only, the deployment fails before anything is copied. To launch instances from a machine image, its snapshot need not be shared.
   *
   * A change is made in place.
   *
   * @see https://docs.aws.amazon.com/ebs/latest/userguide/ebs-modifying-snapshot-permissions.html
   * @default - none
   */
  readonly sharedWithAccounts?: string[];

  /**
   * What happens to the snapshot when it is removed from the stack or replaced.
   *
   * Volumes made from it do not need it any longer. A machine image that uses it
   * keeps EC2 from deleting it; so it stays as long as the `retainPrevious` of a machine image keeps that.
   *
   * @default RemovalPolicy.DESTROY - the image is still there
   */
  readonly removalPolicy?: RemovalPolicy;
}

/**
 * Defines an EBS snapshot with the content of a disk image in S3.
 *
 * The snapshot is made by the EBS direct APIs: no instance is started. The
 * deployment waits until it is completed, 50 minutes at most, unless told otherwise. If it
 * fails, the snapshot is deleted. Tags change in place; every other change makes a new snapshot.
 *
 * All imports of a stack share a few functions, a state machine, and a bucket that is
 * emptied and removed with the last of them.
 *
 * @see https://docs.aws.amazon.com/ebs/latest/userguide/ebs-accessing-snapshot.html
 */
export class SnapshotImport extends Resource implements ISnapshot, ITaggableV2 {
  /**
   * Estimates what an import takes, in time and money, before there is one.
   *
   * @param options Of which size, and how it would be imported.
   */
  public static estimate(options: ImportEstimateOptions): ImportEstimate {
    return estimateImport(options);
  }

  /**
   * The id of the snapshot.
   *
   * @attribute
   */
  public readonly snapshotId: string;

  /**
   * The ARN of the snapshot.
   *
   * @attribute
   */
  public readonly snapshotArn: string;

  /**
   * The size of volumes made from the snapshot, in GiB; a number known at deployment only.
   *
   * @attribute
   */
  public readonly volumeSizeInGiB: number;

  /**
   * The id of the snapshot that this one is an increment of. Empty if all of it was written.
   *
   * @attribute
   */
  public readonly parentSnapshotId: string;

  /**
   * GiB that a volume has at least, as far as that is known at synthesis.
   *
   * @internal
   */
  public readonly _leastVolumeSize: number | undefined;

  /**
   * Whether the snapshot is completed once the resource is.
   *
   * @internal
   */
  public readonly _waits: boolean;

  /**
   * Whether the snapshot is known to be encrypted.
   *
   * @internal
   */
  public readonly _isEncrypted: boolean;

  /**
   * Whether the snapshot is known to be encrypted with the key that AWS manages. A default key of the account's own must be given as `kmsKey`.
   *
   * @internal
   */
  public readonly _hasKeyOfAws: boolean;

  /**
   * Collects the tags of the snapshot.
   */
  public readonly cdkTagManager: TagManager = new TagManager(TagType.KEY_VALUE, RESOURCE_TYPE);

  private readonly resource: CfnResource;
  private readonly registrations: { readonly image: CfnResource; readonly facts: RegistrationProperty }[] = [];

  constructor(scope: Construct, id: string, props: SnapshotImportProps) {
    super(scope, id);
    this._waits = props.waitForCompletion !== false;
    this._isEncrypted = props.encrypted ?? props.kmsKey !== undefined;
    this._hasKeyOfAws = this._isEncrypted && (props.kmsKey === undefined || isKeyOfAws(props.kmsKey));
    this.validate(props);
    const volumeSize = wholeGibibytes(this, 'volumeSize', props.volumeSize, 1, LARGEST_VOLUME);
    const needed = this.neededVolumeSize(props.image, volumeSize);
    this._leastVolumeSize = volumeSize ?? needed;
    const image = this.bind(props);

    const provider = EbsProvider.getOrCreate(this);
    this.resource = handledResource<SnapshotImportProperties>(this, {
      resourceType: RESOURCE_TYPE,
      provider,
      removalPolicy: props.removalPolicy ?? RemovalPolicy.DESTROY,
      properties: { ...this.properties(props, image, volumeSize), ...provider.importer.place },
    });
    const policies = new ImportPolicies(provider);
    this.resource.node.addDependency(provider.importer.standing, ...grantImage(this, image, policies));
    if (!this._waits) { refuseRetainedBackground(this, this.resource); }
    if (props.parent) { this.resource.node.addDependency(...grantParent(this, props.parent, policies)); }
    if (props.kmsKey) { this.grantKey(props.kmsKey, props, policies); }
    this.refuseWritten(image);

    this.snapshotId = this.resource.ref;
    this.snapshotArn = snapshotArnOf(this, this.snapshotId);
    this.volumeSizeInGiB = Token.asNumber(this.resource.getAtt('VolumeSize' satisfies keyof SnapshotImportAttributes));
    this.parentSnapshotId = this.resource.getAtt('ParentSnapshotId' satisfies keyof SnapshotImportAttributes).toString();
  }

  /**
   * Defines a rule for when the snapshot is completed. The event is Step Functions' own;
   * the name of the execution in it is the id of the snapshot.
   *
   * @param id The id of the rule.
   * @param options What to do then.
   */
  public onCompleted(id: string, options?: events.OnEventOptions): events.Rule {
    return importEnded(this, id, ['SUCCEEDED'], options);
  }

  /**
   * Defines a rule for when the import has failed. The event is Step Functions' own;
   * the name of the execution in it is the id of the snapshot, which is deleted.
   *
   * @param id The id of the rule.
   * @param options What to do then.
   */
  public onFailed(id: string, options?: events.OnEventOptions): events.Rule {
    return importEnded(this, id, ['FAILED', 'TIMED_OUT'], options);
  }

  /**
   * The imports that failed: by default their number per minute.
   *
   * @param props Properties of the metric.
   */
  public metricFailed(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return importMetric(this, IMPORT_METRICS.failed, props);
  }

  /**
   * The blocks of the image that were written: by default their sum per minute.
   *
   * @param props Properties of the metric.
   */
  public metricBlocksWritten(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return importMetric(this, TRANSFER_METRICS.blocks, props);
  }

  /**
   * The bytes of the image that were copied, zeros that were left out included: by default their sum per minute.
   *
   * @param props Properties of the metric.
   */
  public metricBytesCopied(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return importMetric(this, TRANSFER_METRICS.bytes, props);
  }

  /**
   * The puts that EBS refused because there were too many, and that were repeated: by default their sum per minute.
   *
   * @param props Properties of the metric.
   */
  public metricThrottles(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return importMetric(this, TRANSFER_METRICS.throttles, props);
  }

  /**
   * A graph of the blocks written, and of the puts that had to be repeated, by cause; for a dashboard.
   */
  public widget(): cloudwatch.IWidget {
    return importWidget(this);
  }

  /**
   * Called by a machine image of the stack that is registered with the snapshot.
   *
   * @internal
   */
  public _announce(image: CfnResource, facts: RegistrationProperty): void {
    if ([facts.Name, facts.SharedWith, facts.VolumeSize].some(fact => fact !== undefined)) { this.registrations.push({ image, facts }); }
  }

  private validate(props: SnapshotImportProps): void {
    const { parent } = props;
    check(this, 'description', props.description, `at most ${LONGEST_DESCRIPTION} characters long`, value => value.length <= LONGEST_DESCRIPTION);
    notBoth(this, "'kmsKey'", "'encrypted: false'", props.kmsKey !== undefined && props.encrypted === false);
    const omitsZeros = props.zeroBlocks === ZeroBlocks.OMIT;
    notBoth(this, "'zeroBlocks: OMIT'", "'encrypted'", omitsZeros && props.encrypted === true);
    notBoth(this, "'zeroBlocks: OMIT'", "'kmsKey'", omitsZeros && props.kmsKey !== undefined);
    notBoth(this, "'zeroBlocks: OMIT'", "'parent'", omitsZeros && parent !== undefined);
    notBoth(this, "'incremental: false'", "'parent'", props.incremental === false && parent !== undefined);
    if (parent instanceof SnapshotImport && !parent._waits) {
      throw misuse(this, `'parent' must be completed before this import begins, got ${parent.node.path}, which has 'waitForCompletion: false'`);
    }
    const region = Stack.of(this).region;
    check(this, 'kmsKey', props.kmsKey?.env.region, `a key in ${region}, where the snapshot is made`, keyRegion => keyRegion === region || Token.isUnresolved(region));
    checkWhole(this, 'maxPutsPerSecond', props.maxPutsPerSecond, 10, 1000);
    checkWhole(this, 'maxConcurrency', props.maxConcurrency, 1, 1000);
    validateAccounts(this, 'sharedWithAccounts', props.sharedWithAccounts);
    if (props.sharedWithAccounts?.length && this._hasKeyOfAws) {
      throw misuse(this, "'sharedWithAccounts' needs a 'kmsKey' of your own: EC2 shares no snapshot that is encrypted with the key that AWS manages for EBS");
    }
  }

  /** Returns the GiB that the image needs, if its size is known at synthesis, and checks that they fit into `volumeSize`. */
  private neededVolumeSize(image: DiskImage, volumeSize: number | undefined): number | undefined {
    const sizeInBytes = image._sizeInBytes(this);
    if (sizeInBytes === undefined) { return undefined; }
    const needed = Math.ceil(sizeInBytes / GIB);
    if (needed > LARGEST_VOLUME) {
      throw misuse(this, `'image' must be at most ${LARGEST_VOLUME} GiB, got a file of ${sizeInBytes} bytes`);
    }
    check(this, 'volumeSize', volumeSize, `at least ${needed} GiB for an image of ${sizeInBytes} bytes`, value => value >= needed);
    return needed;
  }

  private bind({ image, parent }: SnapshotImportProps): DiskImageLocation {
    const location = image._bind(this);
    if (location.format === DELTA_FORMAT && !parent) { throw misuse(this, "'image' is a delta, so it needs 'parent', the snapshot that it leads from"); }
    return location;
  }

  /** Refuses an image that an export of the stack writes, unless it must be the object of an export. */
  private refuseWritten({ bucket, key, etag, manifest, format }: DiskImageLocation): void {
    if (etag !== undefined || manifest || format === DELTA_FORMAT) { return; }
    refuseRivals(this, objectUse(this, [bucket.bucketName, key], { writes: false }, ({ scope }) =>
      `'image' is the object that ${scope.node.path} writes: import it by DiskImage.fromExport, so that the import waits for the export`));
  }

  private properties(
    props: SnapshotImportProps, image: DiskImageLocation, volumeSize: number | undefined,
  ): Omit<SnapshotImportProperties, keyof OwnerProperties | keyof TransferPlace> {
    const verify = verificationOf(props);
    return {
      SourceBucket: image.bucket.bucketName,
      SourceBucketOwner: image.bucketOwner,
      SourceKey: image.key,
      SourceVersion: image.versionId,
      SourceETag: image.etag,
      SourceSha256: image.sha256,
      SourceSha256SumsKey: image.sha256SumsKey,
      SourceRevision: props.sourceRevision,
      SourceFormat: image.format,
      ContainerAsRaw: image.containerAsRaw,
      ArchiveMember: image.archiveMember,
      Manifest: image.manifest || undefined,
      ForeignManifest: image.allowForeignManifest || undefined,
      VolumeSize: volumeSize,
      Description: props.description,
      // Never `false`, which EBS refuses where the account encrypts by default.
      Encrypted: this._isEncrypted ? true : undefined,
      KmsKeyId: props.kmsKey?.keyRef.keyArn,
      ZeroBlocks: props.zeroBlocks === ZeroBlocks.OMIT ? ZeroBlocks.OMIT : undefined,
      Incremental: props.incremental === false ? false : undefined,
      ParentSnapshotId: props.parent?.snapshotId,
      Verify: verify === Verification.NONE ? undefined : verify,
      WaitForCompletion: !this._waits ? false : undefined,
      MaxPutsPerSecond: props.maxPutsPerSecond,
      MaxConcurrency: props.maxConcurrency,
      Registrations: Lazy.any({
        // An image with a condition of its own may not be registered at all.
        produce: () => this.registrations.filter(each => [undefined, this.resource.cfnOptions.condition].includes(each.image.cfnOptions.condition))
          .map(({ facts }) => facts),
      }, { omitEmptyArray: true }) as unknown as RegistrationProperty[],
      SharedWith: props.sharedWithAccounts?.length ? props.sharedWithAccounts : undefined,
      Tags: mergedTags(this, this.cdkTagManager, TAG_RULES.snapshot),
    };
  }

  /** Lets the functions write with the key of the snapshot, and read with it if they verify or compare with a parent. */
  private grantKey(key: kms.IKeyRef, props: SnapshotImportProps, policies: ImportPolicies): void {
    this.resource.node.addDependency(...grantKey(this, 'KeyAccess', { key, actions: KEY_ACTIONS, policies: policies.keys }));
    const read = (name: string, readers: MergedPolicies) =>
      this.resource.node.addDependency(...grantKey(this, name, { key, actions: KEY_READ_ACTIONS, grants: false, policies: readers }));
    if (verificationOf(props) !== Verification.NONE) { read('KeyReadAccess', policies.verifiedKeys); }
    if (props.parent) { read('ParentKeyAccess', policies.parentKeys); }
  }
}

function verificationOf({ verify = Verification.SAMPLE }: SnapshotImportProps): Verification {
  return verify;
}
