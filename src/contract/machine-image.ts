import type { OwnerProperties, TagProperty } from './ownership';

/** What `MachineImage` and its handler say to each other. */
export interface MachineImageProperties extends OwnerProperties {
  /** Absent: the owner, and a digest of the request. */
  readonly Name?: string;
  readonly Architecture: string;
  readonly RootDeviceName: string;
  readonly BlockDeviceMappings: readonly BlockDeviceMappingProperty[];
  readonly VirtualizationType: string;
  readonly EnaSupport: string | boolean;
  /** Absent: as the instance type prefers. */
  readonly BootMode?: string;
  readonly TpmSupport?: string;
  /** Base64. */
  readonly UefiData?: string;
  /** `v2.0`. Absent: as the account says. */
  readonly ImdsSupport?: string;
  readonly Description?: string;
  /** ISO 8601. */
  readonly DeprecateAt?: string;
  readonly LaunchPermissions?: readonly LaunchPermissionProperty[];
  /** How many images that were replaced are kept. Absent: none. */
  readonly RetainPrevious?: string | number;
  readonly Tags?: readonly TagProperty[];
}

export interface BlockDeviceMappingProperty {
  readonly DeviceName: string;
  readonly Ebs: {
    readonly SnapshotId: string;
    readonly VolumeType: string;
    /** GiB. Absent: as large as the snapshot says. */
    readonly VolumeSize?: string | number;
    readonly Iops?: string | number;
    readonly Throughput?: string | number;
    readonly DeleteOnTermination: string | boolean;
  };
}

/** The facts about a machine image of the same stack that decide whether EC2 refuses it when its disk has been copied. They go to the import of the disk. */
export interface RegistrationProperty {
  /** Of the machine image. */
  readonly LogicalId: string;
  /** Absent: one that no other image has, or one that is known at deployment only. */
  readonly Name?: string;
  /** `ALL`: with everybody. `OTHERS`: with accounts, organizations or organizational units. Absent: with nobody. */
  readonly SharedWith?: string;
  /** GiB of volumes. Absent: as many as the snapshot has. */
  readonly VolumeSize?: string | number;
}

/** Exactly one of them. */
export interface LaunchPermissionProperty {
  readonly UserId?: string;
  readonly OrganizationArn?: string;
  readonly OrganizationalUnitArn?: string;
  /** `all` */
  readonly Group?: string;
}

/** All of them, always: CloudFormation fails a `Fn::GetAtt` on a missing one. */
export interface MachineImageAttributes {
  readonly ImageId: string;
  readonly ImageName: string;
}

/** Tags of an image beside the ownership tags. */
export const MACHINE_IMAGE_TAGS = {
  /** When it was last handed to CloudFormation as what the resource is; milliseconds since 1970. The latest of its resource is current. */
  currentSince: 'cdk-durable-storage:current-since',
  /** How many images before it are to be kept when it replaces another. */
  retainPrevious: 'cdk-durable-storage:retain-previous',
} as const;
