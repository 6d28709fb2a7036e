import { Stack, type CfnResource, type Size } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { IConstruct } from 'constructs';
import type { SnapshotImport } from './snapshot-import';
import type { BlockDeviceMappingProperty, RegistrationProperty } from '../contract/machine-image';
import { check, misuse, notBoth, wholeGibibytes } from '../private/resource/validation';

/** What EC2 takes for instances of one kind or another. */
const DEVICE_NAME = /^(\/dev\/)?(sd[a-z]|xvd[a-z]{1,2}|hd[a-z])\d{0,2}$/;

interface VolumeLimits {
  /** GiB. */
  readonly size: readonly [number, number];
  readonly iops?: { readonly range: readonly [number, number]; readonly perGib: number; readonly required?: boolean };
  /** MiB a second. */
  readonly throughput?: readonly [number, number];
  readonly notForRoot?: boolean;
}

/** Limits of volume types, from https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EbsBlockDevice.html and the user guide. */
const VOLUME_LIMITS: Record<string, VolumeLimits> = {
  gp2: { size: [1, 16_384] },
  gp3: { size: [1, 65_536], iops: { range: [3_000, 80_000], perGib: 500 }, throughput: [125, 2_000] },
  io1: { size: [4, 16_384], iops: { range: [100, 64_000], perGib: 50, required: true } },
  io2: { size: [4, 65_536], iops: { range: [100, 256_000], perGib: 1_000, required: true } },
  st1: { size: [125, 16_384], notForRoot: true },
  sc1: { size: [125, 16_384], notForRoot: true },
  standard: { size: [1, 1_024] },
};

/**
 * How volumes are made from a disk of a machine image. Whoever launches an instance may override all of it.
 *
 * A change of any of it makes a new image.
 */
export interface MachineDiskOptions {
  /**
   * The device name.
   *
   * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/device_naming.html
   * @default - `rootDeviceName` of the image for the root disk; for others the first that is free of /dev/sdf to /dev/sdp
   */
  readonly deviceName?: string;

  /**
   * The type of the volumes. The root disk must not be ST1 or SC1.
   *
   * @default ec2.EbsDeviceVolumeType.GP3
   */
  readonly volumeType?: ec2.EbsDeviceVolumeType;

  /**
   * The size of the volumes, a whole number of GiB, not less than that of the snapshot, and within what the
   * volume type allows.
   *
   * @default - the size of the snapshot
   */
  readonly volumeSize?: Size;

  /**
   * I/O operations per second: 3000 to 80000 for GP3, 100 to 64000 for IO1, 100 to 256000 for IO2, which
   * both need it; at most 500, 50 or 1000 for each GiB.
   *
   * @default - 3000 for GP3
   */
  readonly iops?: number;

  /**
   * Throughput of GP3 volumes in MiB a second, 125 to 2000, and at most a quarter of the `iops`.
   *
   * @default 125
   */
  readonly throughput?: number;

  /**
   * Whether the volume goes with its instance.
   *
   * @default true
   */
  readonly deleteOnTermination?: boolean;
}

/**
 * A disk of a machine image: a snapshot, and how volumes are made from it.
 */
export class MachineDisk {
  /**
   * A disk with the content of an imported image.
   *
   * @param snapshot The import. It must wait for its completion: an image cannot be registered before.
   * @param options How volumes are made from it.
   */
  public static fromImport(snapshot: SnapshotImport, options?: MachineDiskOptions): MachineDisk {
    return new MachineDisk(snapshot.snapshotId, options, snapshot);
  }

  /**
   * A disk from any completed snapshot of this account and Region.
   *
   * Whoever made the snapshot must keep it as long as the image is there.
   *
   * @param snapshotId The id of the snapshot.
   * @param options How volumes are made from it.
   */
  public static fromSnapshotId(snapshotId: string, options?: MachineDiskOptions): MachineDisk {
    return new MachineDisk(snapshotId, options);
  }

  private constructor(
    private readonly snapshotId: string, private readonly options: MachineDiskOptions = {}, private readonly snapshot?: SnapshotImport,
  ) {}

  /**
   * The device name that the user chose.
   *
   * @internal
   */
  public get _deviceName(): string | undefined {
    return this.options.deviceName;
  }

  /**
   * The id of a snapshot that was not made in this stack.
   *
   * @internal
   */
  public _foreignSnapshotId(scope: IConstruct): string | undefined {
    return this.snapshot && Stack.of(this.snapshot) === Stack.of(scope) ? undefined : this.snapshotId;
  }

  /**
   * Whether another stack makes, and replaces, the snapshot.
   *
   * @internal
   */
  public _importedElsewhere(scope: IConstruct): boolean {
    return this.snapshot !== undefined && Stack.of(this.snapshot) !== Stack.of(scope);
  }

  /**
   * Refuses to share an image with others, or with everybody, if that is known to fail.
   *
   * @internal
   */
  public _refuseSharing(scope: IConstruct, { publicly }: { readonly publicly: boolean }): void {
    if (!this.snapshot) { return; }
    const { path } = this.snapshot.node;
    if (publicly && this.snapshot._isEncrypted) {
      throw misuse(scope, `'publiclyShared' needs disks that are not encrypted, and the import ${path} is: EC2 makes no such image public`);
    }
    if (this.snapshot._hasKeyOfAws) {
      throw misuse(scope, `an image that is shared needs a 'kmsKey' of your own for the import ${path}: EC2 shares no image with a disk that is encrypted with the key that AWS manages`);
    }
  }

  /**
   * Tells the import of the disk what EC2 may refuse of an image that will be registered with it.
   *
   * @internal
   */
  public _announce(image: IConstruct, facts: Omit<RegistrationProperty, 'VolumeSize'>): void {
    if (!this.snapshot || this._importedElsewhere(image)) { return; }
    this.snapshot._announce(image.node.defaultChild as CfnResource, { ...facts, VolumeSize: this.options.volumeSize?.toGibibytes() });
  }

  /**
   * Called by the image.
   *
   * @internal
   */
  public _bind(scope: IConstruct, deviceName: string, isRoot: boolean): BlockDeviceMappingProperty {
    const { volumeType = ec2.EbsDeviceVolumeType.GP3, iops, throughput, deleteOnTermination = true } = this.options;
    if (this.snapshot && !this.snapshot._waits) {
      throw misuse(scope, `the import ${this.snapshot.node.path} has 'waitForCompletion: false', but an image can be registered of a completed snapshot only`);
    }
    check(scope, 'snapshotId', this.snapshotId, 'the id of a snapshot (snap-…)', value => /^snap-[0-9a-f]{8,17}$/.test(value));
    check(scope, 'deviceName', deviceName, 'a device name such as /dev/sdf or /dev/xvda', value => DEVICE_NAME.test(value));
    const limits = VOLUME_LIMITS[volumeType];
    if (!limits) { throw misuse(scope, `'volumeType' must be one of ${Object.keys(VOLUME_LIMITS).join(', ')}, got '${volumeType}'`); }
    if (isRoot && limits.notForRoot) { throw misuse(scope, `'volumeType' of the root disk must not be ${volumeType}`); }
    const least = this.snapshot?._leastVolumeSize;
    const volumeSize = wholeGibibytes(scope, 'volumeSize', this.options.volumeSize, limits.size[0], limits.size[1]);
    check(scope, 'volumeSize', volumeSize, `at least ${least} GiB, the size of the snapshot`, value => least === undefined || value >= least);
    // The default is the size of the snapshot, which may be beyond the type.
    check(scope, 'volumeSize', volumeSize ?? least, `from ${limits.size[0]} to ${limits.size[1]} GiB for ${volumeType}`,
      value => value >= limits.size[0] && value <= limits.size[1]);
    this.validatePerformance(scope, volumeType, volumeSize ?? least);
    return {
      DeviceName: deviceName,
      Ebs: {
        SnapshotId: this.snapshotId,
        VolumeType: volumeType,
        VolumeSize: volumeSize,
        Iops: iops,
        Throughput: throughput,
        DeleteOnTermination: deleteOnTermination,
      },
    };
  }

  private validatePerformance(scope: IConstruct, volumeType: ec2.EbsDeviceVolumeType, size: number | undefined): void {
    const { iops, throughput } = this.options;
    const limits = VOLUME_LIMITS[volumeType];
    notBoth(scope, "'iops'", `'volumeType' ${volumeType}`, iops !== undefined && !limits.iops);
    notBoth(scope, "'throughput'", `'volumeType' ${volumeType}`, throughput !== undefined && !limits.throughput);
    if (limits.iops) {
      const { range: [min, max], perGib, required } = limits.iops;
      if (required && iops === undefined) { throw misuse(scope, `'iops' must be given for 'volumeType' ${volumeType}, from ${min} to ${max}`); }
      check(scope, 'iops', iops, `a whole number from ${min} to ${max} for ${volumeType}`, value => Number.isInteger(value) && value >= min && value <= max);
      if (size !== undefined) {
        const most = Math.max(min, size * perGib);
        check(scope, 'iops', iops, `at most ${most} for ${size} GiB of ${volumeType}`, value => value <= most);
      }
    }
    if (limits.throughput) {
      const [min, max] = limits.throughput;
      check(scope, 'throughput', throughput, `a whole number from ${min} to ${max} MiB a second`, value => Number.isInteger(value) && value >= min && value <= max);
      const operations = iops ?? limits.iops!.range[0];
      check(scope, 'throughput', throughput, `at most a quarter of the ${operations} 'iops'`, value => value <= operations / 4);
    }
  }
}
