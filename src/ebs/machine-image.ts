import { Annotations, type CfnResource, type ITaggableV2, RemovalPolicy, Resource, Stack, TagManager, TagType, Token } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import type { MachineDisk } from './machine-disk';
import type {
  BlockDeviceMappingProperty, LaunchPermissionProperty, MachineImageAttributes, MachineImageProperties,
} from '../contract/machine-image';
import type { OwnerProperties } from '../contract/ownership';
import { EbsProvider } from '../private/ebs/provider';
import { ImportPolicies } from '../private/ebs/shared-policies';
import { handledResource } from '../private/functions/handled-resource';
import { inRegion, refuseRivals } from '../private/resource/rivals';
import { mergedTags, TAG_RULES } from '../private/resource/tags';
import { check, misuse, notBoth, validateAccounts } from '../private/resource/validation';

const RESOURCE_TYPE = 'Custom::MachineImage';
const NAME = /^[a-zA-Z0-9()[\] ./\-'@_]{3,128}$/;
const LONGEST_DESCRIPTION = 255;
const LONGEST_UEFI_DATA = 64_000;
const YEAR = 365 * 24 * 60 * 60_000;

/**
 * How instances boot from a machine image.
 */
export enum BootMode {
  /** By BIOS. Not for ARM. */
  LEGACY_BIOS = 'legacy-bios',
  /** By UEFI. */
  UEFI = 'uefi',
  /** By UEFI where the instance type can, otherwise by BIOS; the image must be able to do both. Not for ARM. */
  UEFI_PREFERRED = 'uefi-preferred',
}

/**
 * How instances of a machine image are virtualized.
 */
export enum Virtualization {
  /** Hardware virtualization: what all current instance types need. */
  HVM = 'hvm',
  /** Paravirtualization, for some instance types of the first generations. */
  PARAVIRTUAL = 'paravirtual',
}

/**
 * Properties of a machine image.
 */
export interface MachineImageProps {
  /**
   * The disk that instances boot from.
   *
   * Another snapshot, as after a change of the disk image, makes a new machine image.
   */
  readonly rootDisk: MachineDisk;

  /**
   * More disks.
   *
   * A change makes a new machine image.
   *
   * @default - none
   */
  readonly dataDisks?: MachineDisk[];

  /**
   * The architecture that the software in the image is made for.
   *
   * A change makes a new machine image.
   */
  readonly architecture: ec2.InstanceArchitecture;

  /**
   * The name of the AMI: 3 to 128 letters, digits, spaces, and ()[]./-'@_, that no other AMI of the account in the
   * Region has.
   *
   * A change makes a new machine image. As the new one is there before the old one goes, a change of anything else
   * that makes a new one fails if the name stays: so change both, or leave the name out.
   *
   * @default - name of the root stack, logical id, and a digest that is another one for every image
   */
  readonly imageName?: string;

  /**
   * A description, at most 255 characters. A change is made in place.
   *
   * @default - none
   */
  readonly description?: string;

  /**
   * The device name of the root disk, as the software in the image expects it.
   *
   * A change makes a new machine image.
   *
   * @default '/dev/xvda'
   */
  readonly rootDeviceName?: string;

  /**
   * The boot mode.
   *
   * A change makes a new machine image.
   *
   * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-boot.html
   * @default - as the instance type prefers: UEFI for ARM, BIOS for most others
   */
  readonly bootMode?: BootMode;

  /**
   * Content of the non-volatile UEFI variable store, such as the keys of Secure Boot: Base64, at most 64000 characters.
   * It needs a `bootMode` of UEFI or UEFI_PREFERRED.
   *
   * A change makes a new machine image.
   *
   * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/uefi-secure-boot.html
   * @default - none
   */
  readonly uefiData?: string;

  /**
   * Whether instances get a NitroTPM, version 2.0. It needs `bootMode: BootMode.UEFI`.
   *
   * A change makes a new machine image.
   *
   * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/nitrotpm.html
   * @default false
   */
  readonly tpm?: boolean;

  /**
   * Whether the image has a driver for the Elastic Network Adapter, which all current instance types need.
   *
   * A change makes a new machine image.
   *
   * @default - true, but false for PARAVIRTUAL
   */
  readonly enaSupport?: boolean;

  /**
   * Whether instances take only IMDSv2 requests for their metadata, unless they are launched with other options.
   * Software from before 2020 may not know it.
   *
   * A change makes a new machine image, since EC2 does not take it back from one.
   *
   * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-IMDS-new-instances.html
   * @default true
   */
  readonly requireImdsv2?: boolean;

  /**
   * The type of virtualization.
   *
   * A change makes a new machine image.
   *
   * @default Virtualization.HVM
   */
  readonly virtualization?: Virtualization;

  /**
   * When the AMI becomes deprecated: others do not find it any more, and its owner is told; instances can still be launched.
   * At most 10 years from now, 2 for a public one. A date that has passed means at once. EC2 rounds to minutes.
   *
   * A change is made in place.
   *
   * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-deprecate.html
   * @default - never
   */
  readonly deprecationDate?: Date;

  /**
   * Ids of the accounts that may launch instances from the AMI; exactly these.
   *
   * If a disk is encrypted, its key must be your own, and let them use it. To copy the AMI they need the snapshots too: see
   * `sharedWithAccounts` of `SnapshotImport`.
   *
   * A change is made in place, for the current AMI.
   *
   * @default - none
   */
  readonly sharedWithAccounts?: string[];

  /**
   * ARNs of the organizations whose accounts may launch instances from the AMI; exactly these. A change is made in place.
   *
   * @default - none
   */
  readonly sharedWithOrganizations?: string[];

  /**
   * ARNs of the organizational units whose accounts may launch instances from the AMI; exactly these. A change is made in place.
   *
   * @default - none
   */
  readonly sharedWithOrganizationalUnits?: string[];

  /**
   * Whether everybody may launch instances from the AMI. Accounts block that by default, and encrypted images cannot
   * be public: the deployment fails then. A change is made in place.
   *
   * @default false
   */
  readonly publiclyShared?: boolean;

  /**
   * How many images that were replaced are kept, with their snapshots: for instance refreshes that go on, and
   * versions of a launch template that still name them. Older ones go after an update that made a new image has succeeded.
   * A smaller number counts from the next new image on. All of them go when this resource is removed, or its stack.
   * A rollback to one that is kept makes that the current one again; so does a change back to it, if its disks are snapshots that still exist.
   *
   * The stack records its images in a bucket, without which none is removed. To keep no more of them, set 0 in one deployment, and remove the
   * property in a later one.
   *
   * Imported snapshots that belong to them must be imported in the same stack.
   *
   * @default 0
   */
  readonly retainPrevious?: number;

  /**
   * The operating system of the image, for user data.
   *
   * @default ec2.OperatingSystemType.LINUX
   */
  readonly osType?: ec2.OperatingSystemType;

  /**
   * The initial user data of instances.
   *
   * @default - empty user data for the operating system
   */
  readonly userData?: ec2.UserData;

  /**
   * What happens to the AMI when it is removed from the stack or replaced. Its snapshots are resources of their own:
   * with RETAIN, give the imports of its disks RETAIN too, because EC2 refuses to delete the snapshot of an AMI.
   *
   * @default RemovalPolicy.DESTROY - it can be registered again from its snapshots
   */
  readonly removalPolicy?: RemovalPolicy;
}

/**
 * Defines an Amazon Machine Image (AMI) from snapshots.
 *
 * It can be given to instances, launch templates and auto-scaling groups as their `machineImage`. A change of what the image
 * is registers a new AMI, under a new id, before the old one is deregistered; description, tags, deprecation and
 * permissions change in place. AMIs are deregistered before their snapshots are deleted.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RegisterImage.html
 */
export class MachineImage extends Resource implements ec2.IMachineImage, ITaggableV2 {
  /**
   * The id of the AMI.
   *
   * @attribute
   */
  public readonly imageId: string;

  /**
   * The ARN of the AMI.
   *
   * @attribute
   */
  public readonly imageArn: string;

  /**
   * The name of the AMI.
   *
   * @attribute
   */
  public readonly imageName: string;

  /**
   * Collects the tags of the AMI.
   */
  public readonly cdkTagManager: TagManager = new TagManager(TagType.KEY_VALUE, RESOURCE_TYPE);

  private readonly resource: CfnResource;
  private readonly osType: ec2.OperatingSystemType;
  private readonly userData?: ec2.UserData;

  constructor(scope: Construct, id: string, props: MachineImageProps) {
    super(scope, id);
    this.osType = props.osType ?? ec2.OperatingSystemType.LINUX;
    this.userData = props.userData;
    const virtualization = props.virtualization ?? Virtualization.HVM;
    const rootDeviceName = props.rootDeviceName ?? props.rootDisk._deviceName ?? '/dev/xvda';
    this.validateTexts(props);
    this.validateBoot(props, virtualization);
    this.validateSharing(props);
    this.validateRetention(props);
    const properties = this.properties(props, virtualization, rootDeviceName);

    const provider = EbsProvider.getOrCreate(this);
    this.resource = handledResource<MachineImageProperties>(this, {
      resourceType: RESOURCE_TYPE,
      provider,
      removalPolicy: props.removalPolicy ?? RemovalPolicy.DESTROY,
      properties,
    });
    if (props.retainPrevious !== undefined) { provider.keepRecords(); }
    this.announce(props);
    this.refuseSecond(props);
    this.resource.node.addDependency(provider.imageAccess, ...props.publiclyShared ? [provider.publicImageAccess] : []);
    this.grantForeign(provider, [props.rootDisk, ...props.dataDisks ?? []]);

    this.imageId = this.resource.ref;
    this.imageArn = Stack.of(this).formatArn({ service: 'ec2', account: '', resource: 'image', resourceName: this.imageId });
    this.imageName = this.resource.getAtt('ImageName' satisfies keyof MachineImageAttributes).toString();
  }

  /**
   * The image, as `ec2.Instance`, launch templates and auto-scaling groups ask for it.
   *
   * @param _scope Who asks.
   */
  public getImage(_scope: Construct): ec2.MachineImageConfig {
    const known = this.osType !== ec2.OperatingSystemType.UNKNOWN;
    return {
      imageId: this.imageId,
      osType: this.osType,
      userData: this.userData ?? (known ? ec2.UserData.forOperatingSystem(this.osType) : ec2.UserData.custom('')),
    };
  }

  private properties(
    props: MachineImageProps, virtualization: Virtualization, rootDeviceName: string,
  ): Omit<MachineImageProperties, keyof OwnerProperties> {
    return {
      Name: props.imageName,
      Architecture: props.architecture,
      RootDeviceName: rootDeviceName,
      BlockDeviceMappings: this.mappings(props, rootDeviceName),
      VirtualizationType: virtualization,
      EnaSupport: props.enaSupport ?? virtualization === Virtualization.HVM,
      BootMode: props.bootMode,
      TpmSupport: props.tpm ? 'v2.0' : undefined,
      UefiData: props.uefiData,
      ImdsSupport: props.requireImdsv2 === false ? undefined : 'v2.0',
      Description: props.description,
      DeprecateAt: props.deprecationDate?.toISOString(),
      LaunchPermissions: permissionsOf(props),
      RetainPrevious: props.retainPrevious,
      Tags: mergedTags(this, this.cdkTagManager, TAG_RULES.machineImage),
    };
  }

  /** Lets the imports of the disks refuse, before they copy anything, what EC2 would refuse of the image. */
  private announce(props: MachineImageProps): void {
    const { imageName, publiclyShared, rootDisk, dataDisks = [] } = props;
    // A name that is known at deployment only may be made of the id of the snapshot.
    const name = Token.isUnresolved(imageName) ? undefined : imageName;
    const sharedWith = permissionsOf(props) && (publiclyShared ? 'ALL' : 'OTHERS');
    [rootDisk, ...dataDisks].forEach(disk => disk._announce(this, { LogicalId: this.resource.logicalId, Name: name, SharedWith: sharedWith }));
  }

  /** Refuses that two machine images of the app have one name. */
  private refuseSecond({ imageName }: MachineImageProps): void {
    if (imageName === undefined) { return; }
    refuseRivals(this, {
      kind: 'imageName',
      thing: inRegion(this, imageName),
      wants: {},
      conflict: ({ scope }) => `'imageName' must be one that no other machine image has, got that of ${scope.node.path}: choose another one, or leave it out`,
    });
  }

  private validateTexts({ imageName, description, uefiData, deprecationDate, publiclyShared }: MachineImageProps): void {
    check(this, 'imageName', imageName, "3 to 128 letters, digits, spaces, and ()[]./-'@_", value => NAME.test(value));
    check(this, 'description', description, `at most ${LONGEST_DESCRIPTION} characters long`, value => value.length <= LONGEST_DESCRIPTION);
    check(this, 'uefiData', uefiData, `Base64 of at most ${LONGEST_UEFI_DATA} characters`,
      value => value.length > 0 && value.length <= LONGEST_UEFI_DATA && Buffer.from(value, 'base64').toString('base64') === value);
    if (deprecationDate === undefined) { return; }
    const years = publiclyShared ? 2 : 10;
    const time = deprecationDate.getTime();
    if (!(time <= Date.now() + years * YEAR)) {
      throw misuse(this, `'deprecationDate' must be a date within ${years} years from now, got ${Number.isNaN(time) ? 'no date' : deprecationDate.toISOString()}`);
    }
    if (time < Date.now()) {
      Annotations.of(this).addWarningV2('cdk-durable-storage:MachineImage.deprecated',
        `'deprecationDate' ${deprecationDate.toISOString()} has passed: every new image is deprecated at once`);
    }
  }

  private validateBoot({ architecture, bootMode, tpm, uefiData, enaSupport }: MachineImageProps, virtualization: Virtualization): void {
    const arm = architecture === ec2.InstanceArchitecture.ARM_64;
    if (arm && bootMode !== undefined && bootMode !== BootMode.UEFI) { throw misuse(this, `'bootMode' must be 'uefi' for arm64, got '${bootMode}'`); }
    if (tpm && bootMode !== BootMode.UEFI) { throw misuse(this, `'tpm' needs a 'bootMode' of 'uefi', got ${quoted(bootMode)}`); }
    if (uefiData !== undefined && (bootMode === undefined || bootMode === BootMode.LEGACY_BIOS)) {
      throw misuse(this, `'uefiData' needs a 'bootMode' of 'uefi' or 'uefi-preferred', got ${quoted(bootMode)}`);
    }
    const paravirtual = virtualization === Virtualization.PARAVIRTUAL;
    notBoth(this, "'virtualization: PARAVIRTUAL'", "'enaSupport'", paravirtual && enaSupport === true);
    notBoth(this, "'virtualization: PARAVIRTUAL'", "'bootMode'", paravirtual && bootMode !== undefined);
    notBoth(this, "'virtualization: PARAVIRTUAL'", "the architecture 'arm64'", paravirtual && arm);
  }

  private validateSharing(props: MachineImageProps): void {
    const { sharedWithAccounts, sharedWithOrganizations, sharedWithOrganizationalUnits, rootDisk, dataDisks = [] } = props;
    if (permissionsOf(props)) { [rootDisk, ...dataDisks].forEach(disk => disk._refuseSharing(this, { publicly: props.publiclyShared === true })); }
    validateAccounts(this, 'sharedWithAccounts', sharedWithAccounts);
    sharedWithOrganizations?.forEach(arn => check(this, 'sharedWithOrganizations', arn, 'ARNs of organizations',
      value => /^arn:[^:]+:organizations::\d{12}:organization\/o-[a-z0-9]{10,32}$/.test(value)));
    sharedWithOrganizationalUnits?.forEach(arn => check(this, 'sharedWithOrganizationalUnits', arn, 'ARNs of organizational units',
      value => /^arn:[^:]+:organizations::\d{12}:ou\/o-[a-z0-9]{10,32}\/ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}$/.test(value)));
  }

  private validateRetention({ retainPrevious, removalPolicy, rootDisk, dataDisks = [] }: MachineImageProps): void {
    check(this, 'retainPrevious', retainPrevious, 'a whole number from 0', value => Number.isInteger(value) && value >= 0);
    if (!retainPrevious) { return; }
    // With any other policy, all images would stay, and nothing would remove the older ones.
    notBoth(this, "'retainPrevious'", `'removalPolicy: ${removalPolicy?.toUpperCase()}'`,
      removalPolicy !== undefined && removalPolicy !== RemovalPolicy.DESTROY);
    if ([rootDisk, ...dataDisks].some(disk => disk._importedElsewhere(this))) {
      throw misuse(this, "'retainPrevious' needs the imports of all disks in the stack of the machine image, which keeps their snapshots too");
    }
  }

  private mappings({ rootDisk, dataDisks = [], rootDeviceName }: MachineImageProps, root: string): BlockDeviceMappingProperty[] {
    notBoth(this, "'rootDeviceName'", "'deviceName' of the root disk", rootDeviceName !== undefined && (rootDisk._deviceName ?? root) !== root);
    const taken = [root, ...dataDisks.flatMap(disk => disk._deviceName ?? [])];
    const twice = taken.find((name, i) => taken.indexOf(name) !== i);
    if (twice !== undefined) { throw misuse(this, `'deviceName' must be another one for each disk, got '${twice}' twice`); }
    const free = [...'fghijklmnop'].map(letter => `/dev/sd${letter}`).filter(name => !taken.includes(name));
    const others = dataDisks.map(disk => {
      const name = disk._deviceName ?? free.shift();
      if (name === undefined) { throw misuse(this, "'deviceName' must be given for more than 11 'dataDisks'"); }
      return disk._bind(this, name, false);
    });
    return [rootDisk._bind(this, root, true), ...others];
  }

  /** Grants the use of each snapshot that this stack did not make; the handlers may use only the stack's own by default. */
  private grantForeign(provider: EbsProvider, disks: MachineDisk[]): void {
    const foreign = disks.flatMap(disk => disk._foreignSnapshotId(this) ?? []);
    if (foreign.length === 0) { return; }
    const stack = Stack.of(this);
    this.resource.node.addDependency(new ImportPolicies(provider).snapshots.grantFor(this, 'SnapshotAccess', [{
      actions: ['ec2:RegisterImage'],
      resources: foreign.map(resourceName => stack.formatArn({ service: 'ec2', account: '', resource: 'snapshot', resourceName })),
    }]));
  }
}

function permissionsOf(props: MachineImageProps): LaunchPermissionProperty[] | undefined {
  const { sharedWithAccounts = [], sharedWithOrganizations = [], sharedWithOrganizationalUnits = [], publiclyShared } = props;
  const permissions: LaunchPermissionProperty[] = [
    ...sharedWithAccounts.map(UserId => ({ UserId })),
    ...sharedWithOrganizations.map(OrganizationArn => ({ OrganizationArn })),
    ...sharedWithOrganizationalUnits.map(OrganizationalUnitArn => ({ OrganizationalUnitArn })),
    ...publiclyShared ? [{ Group: 'all' }] : [],
  ];
  return permissions.length > 0 ? permissions : undefined;
}

function quoted(bootMode: BootMode | undefined): string {
  return bootMode === undefined ? 'none' : `'${bootMode}'`;
}
