import { type CustomResource, type ITaggableV2, RemovalPolicy, Resource, type Size, Stack, TagManager, TagType, Token } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as events from 'aws-cdk-lib/aws-events';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import type { DiskImage } from './disk-image';
import { Verification, ZeroBlocks } from './integrity';
import type { TransferOptions } from './transfer-options';
import { IMPORT_METRICS } from '../contract/metrics';
import type { SnapshotImportAttributes, SnapshotImportProperties } from '../contract/snapshot-import';
import { TRANSFER_METRICS } from '../contract/transfer-metrics';
import { EbsProvider } from '../private/ebs-provider';
import { handledResource } from '../private/handled-resource';
import { ImageAccess } from '../private/image-access';
import { importEnded } from '../private/import-events';
import { importMetric, importWidget } from '../private/import-metrics';
import { KeyAccess } from '../private/key-access';
import { mergedTags, TAG_RULES } from '../private/tags';
import { check, misuse, notBoth, wholeGibibytes } from '../private/validation';

const RESOURCE_TYPE = 'Custom::SnapshotImport';
const GIB = 1024 ** 3;
const LARGEST_VOLUME = 65_536;
const LONGEST_DESCRIPTION = 255;

/** As the user guide of the EBS direct APIs lists them for encrypted snapshots; kms:CreateGrant comes with limits of its own. */
const KEY_ACTIONS = [
  'kms:DescribeKey',
  'kms:Encrypt',
  'kms:Decrypt',
  'kms:GenerateDataKey',
  'kms:GenerateDataKeyWithoutPlaintext',
  'kms:ReEncrypt*',
];

/** To read encrypted blocks. */
const KEY_READ_ACTIONS = ['kms:DescribeKey', 'kms:Decrypt'];

/**
 * Properties of a snapshot import.
 */
export interface SnapshotImportProps {
  /**
   * The disk image.
   *
   * Another bucket, key, version, or content of an asset makes a new snapshot;
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
   * @default - the account's default key for EBS, if the snapshot is encrypted
   */
  readonly kmsKey?: kms.IKeyRef;

  /**
   * How much of the snapshot is read back and compared once it is completed.
   *
   * EBS checks the SHA-256 of each block when it takes it, and that of all of them
   * when it completes the snapshot, whatever is chosen here. A change alone verifies nothing.
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
   * fails, the snapshot is deleted. Until it is completed, nothing can be made from it.
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
   * How many functions copy at once, 1 to 1000.
   *
   * @default - as many as `maxPutsPerSecond` needs: 7 for the default
   */
  readonly maxConcurrency?: number;

  /**
   * What happens to the snapshot when it is removed from the stack or replaced.
   *
   * Volumes made from it do not need it any longer. A machine image that uses it
   * keeps EC2 from deleting it.
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
export class SnapshotImport extends Resource implements ITaggableV2 {
  /**
   * Changes how the functions run that all imports of a stack share.
   *
   * @param scope The stack, or anything in it.
   * @param options What to change.
   */
  public static configureTransfers(scope: Construct, options: TransferOptions): void {
    const { workerMemory } = options;
    check(scope, 'workerMemory', workerMemory?.toMebibytes(), 'from 512 to 10240 MiB', value => isWhole(value, 512, 10240));
    EbsProvider.getOrCreate(scope).configure(options);
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
   * Collects the tags of the snapshot.
   */
  public readonly cdkTagManager: TagManager = new TagManager(TagType.KEY_VALUE, RESOURCE_TYPE);

  private readonly resource: CustomResource;

  constructor(scope: Construct, id: string, props: SnapshotImportProps) {
    super(scope, id);
    const volumeSize = wholeGibibytes(this, 'volumeSize', props.volumeSize, 1, LARGEST_VOLUME);
    check(this, 'description', props.description, `at most ${LONGEST_DESCRIPTION} characters long`, value => value.length <= LONGEST_DESCRIPTION);
    notBoth(this, "'kmsKey'", "'encrypted: false'", props.kmsKey !== undefined && props.encrypted === false);
    const omitsZeros = props.zeroBlocks === ZeroBlocks.OMIT;
    notBoth(this, "'zeroBlocks: OMIT'", "'encrypted'", omitsZeros && props.encrypted === true);
    notBoth(this, "'zeroBlocks: OMIT'", "'kmsKey'", omitsZeros && props.kmsKey !== undefined);
    const verify = props.verify ?? Verification.SAMPLE;
    check(this, 'maxPutsPerSecond', props.maxPutsPerSecond, 'a whole number from 10 to 1000', value => isWhole(value, 10, 1000));
    check(this, 'maxConcurrency', props.maxConcurrency, 'a whole number from 1 to 1000', value => isWhole(value, 1, 1000));
    this.validateImageSize(props.image._sizeInBytes(this), volumeSize);
    const image = props.image._bind(this);

    const provider = EbsProvider.getOrCreate(this);
    this.resource = handledResource<SnapshotImportProperties>(this, {
      resourceType: RESOURCE_TYPE,
      serviceToken: provider.serviceToken,
      removalPolicy: props.removalPolicy ?? RemovalPolicy.DESTROY,
      properties: {
        SourceBucket: image.bucket.bucketName,
        SourceKey: image.key,
        SourceVersion: image.versionId,
        SourceRevision: props.sourceRevision,
        SourceFormat: image.format,
        ContainerAsRaw: image.containerAsRaw,
        VolumeSize: volumeSize,
        Description: props.description,
        // Never `false`, which EBS refuses where the account encrypts by default.
        Encrypted: (props.encrypted ?? props.kmsKey !== undefined) ? true : undefined,
        KmsKeyId: props.kmsKey?.keyRef.keyArn,
        ZeroBlocks: omitsZeros ? ZeroBlocks.OMIT : undefined,
        Verify: verify === Verification.NONE ? undefined : verify,
        WaitForCompletion: props.waitForCompletion === false ? false : undefined,
        MaxPutsPerSecond: props.maxPutsPerSecond,
        MaxConcurrency: props.maxConcurrency,
        Tags: mergedTags(this, this.cdkTagManager, TAG_RULES.snapshot),
      },
    });
    this.resource.node.addDependency(provider.standing, new ImageAccess(this, 'ImageAccess', { image, roles: provider.imageReaders }));
    if (props.kmsKey) {
      this.resource.node.addDependency(new KeyAccess(this, 'KeyAccess', { key: props.kmsKey, actions: KEY_ACTIONS, roles: provider.keyUsers }));
      if (verify !== Verification.NONE) {
        const access = { key: props.kmsKey, actions: KEY_READ_ACTIONS, grants: false, roles: provider.keyReaders };
        this.resource.node.addDependency(new KeyAccess(this, 'KeyReadAccess', access));
      }
    }

    this.snapshotId = this.resource.ref;
    this.snapshotArn = Stack.of(this).formatArn({ service: 'ec2', account: '', resource: 'snapshot', resourceName: this.snapshotId });
    this.volumeSizeInGiB = Token.asNumber(this.resource.getAtt('VolumeSize' satisfies keyof SnapshotImportAttributes));
  }

  /**
   * Changes what happens to the snapshot when it is removed from the stack or replaced.
   *
   * @param policy The policy.
   */
  public applyRemovalPolicy(policy: RemovalPolicy): void {
    this.resource.applyRemovalPolicy(policy);
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

  private validateImageSize(sizeInBytes: number | undefined, volumeSize: number | undefined): void {
    if (sizeInBytes === undefined) { return; }
    const needed = Math.ceil(sizeInBytes / GIB);
    if (needed > LARGEST_VOLUME) {
      throw misuse(this, `'image' must be at most ${LARGEST_VOLUME} GiB, got a file of ${sizeInBytes} bytes`);
    }
    check(this, 'volumeSize', volumeSize, `at least ${needed} GiB for an image of ${sizeInBytes} bytes`, value => value >= needed);
  }
}

function isWhole(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}
