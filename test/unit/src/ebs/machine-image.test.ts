import { CfnCondition, CfnOutput, type CfnResource, RemovalPolicy, Size, Stack, Tags } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { BootMode, DiskImage, MachineDisk, MachineImage, SnapshotImport, Virtualization, type MachineDiskOptions, type MachineImageProps, type SnapshotImportProps } from '../../../../src';
import { ENV, givenStack, onlyOf, ownerOfOnly, propertiesOf, statementsAllowing, tagsIn, warningsOf } from '../../../harness/given';

const TYPE = 'Custom::MachineImage';
const SNAPSHOT = 'snap-0123456789abcdef0';
const { X86_64, ARM_64 } = ec2.InstanceArchitecture;

function givenImport(stack: Stack, props: Partial<SnapshotImportProps> = {}, id = 'Disk'): SnapshotImport {
  return new SnapshotImport(stack, id, { image: DiskImage.fromBucket(s3.Bucket.fromBucketName(stack, `${id}Bucket`, 'images'), 'disk.img'), ...props });
}

function givenImage(stack: Stack, props: Partial<MachineImageProps> = {}): MachineImage {
  return new MachineImage(stack, 'Machine', { rootDisk: MachineDisk.fromSnapshotId(SNAPSHOT), architecture: X86_64, ...props });
}

describe('the import of a disk knows of a machine image', () => {
  const registrations = (stack: Stack) => {
    const imports = Object.values(Template.fromStack(stack).findResources('Custom::SnapshotImport')) as { Properties: Record<string, unknown> }[];
    return imports.map(({ Properties }) => Properties.Registrations);
  };
  const facts = (stack: Stack) => ({ LogicalId: Object.keys(Template.fromStack(stack).findResources(TYPE))[0] });

  test('its name, with whom it is shared, and the size of its volumes', () => {
    const { stack } = givenStack();
    const [root, data] = [givenImport(stack), givenImport(stack, {}, 'Data')];
    givenImage(stack, {
      imageName: 'golden',
      sharedWithAccounts: ['444455556666'],
      rootDisk: MachineDisk.fromImport(root, { volumeSize: Size.gibibytes(8) }),
      dataDisks: [MachineDisk.fromImport(data)],
    });
    const known = { ...facts(stack), Name: 'golden', SharedWith: 'OTHERS' };
    expect(registrations(stack)).toEqual([[{ ...known, VolumeSize: 8 }], [known]]);
  });

  test('that everybody may use', () => {
    const { stack } = givenStack();
    givenImage(stack, { publiclyShared: true, sharedWithAccounts: ['444455556666'], rootDisk: MachineDisk.fromImport(givenImport(stack)) });
    expect(registrations(stack)).toEqual([[{ ...facts(stack), SharedWith: 'ALL' }]]);
  });

  test('of the same condition, and of no other', () => {
    const { stack } = givenStack();
    const [disk, conditional] = [givenImport(stack), givenImport(stack, {}, 'Conditional')];
    const image = givenImage(stack, { imageName: 'golden', rootDisk: MachineDisk.fromImport(disk), dataDisks: [MachineDisk.fromImport(conditional)] });
    const condition = new CfnCondition(stack, 'IsMain');
    for (const { node } of [image, conditional]) { (node.defaultChild as CfnResource).cfnOptions.condition = condition; }
    expect(registrations(stack)).toEqual([undefined, [{ ...facts(stack), Name: 'golden' }]]);
  });

  test.each<[string, (disk: SnapshotImport) => Partial<MachineImageProps>]>([
    ['nothing, if EC2 can refuse nothing of it', () => ({})],
    ['no name that is known at deployment only: it may depend on the import itself', disk => ({ imageName: `golden-${disk.snapshotId}` })],
  ])('%s', (_, props) => {
    const { stack } = givenStack();
    const disk = givenImport(stack);
    givenImage(stack, { rootDisk: MachineDisk.fromImport(disk), ...props(disk) });
    expect(registrations(stack)).toEqual([undefined]);
  });

  test('of its own stack only', () => {
    const { app, stack } = givenStack();
    const disk = givenImport(new Stack(app, 'Disks', { env: ENV }));
    givenImage(stack, { imageName: 'golden', rootDisk: MachineDisk.fromImport(disk) });
    expect(registrations(Stack.of(disk))).toEqual([undefined]);
  });
});

describe('a machine image', () => {
  test('of an import needs nothing but that, and has what is safe today', () => {
    const { stack } = givenStack();
    const disk = givenImport(stack);
    givenImage(stack, { rootDisk: MachineDisk.fromImport(disk) });

    const { Properties, DependsOn, ...resource } = onlyOf(stack, TYPE);
    expect(Properties).toEqual({
      ServiceToken: expect.anything(),
      ServiceTimeout: expect.anything(),
      Owner: ownerOfOnly(stack, TYPE),
      RemovalPolicy: 'Delete',
      Architecture: 'x86_64',
      RootDeviceName: '/dev/xvda',
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: stack.resolve(disk.snapshotId), VolumeType: 'gp3', DeleteOnTermination: true } }],
      VirtualizationType: 'hvm',
      EnaSupport: true,
      ImdsSupport: 'v2.0',
      Tags: [],
    });
    expect(resource).toMatchObject({ DeletionPolicy: 'Delete', UpdateReplacePolicy: 'Delete' });
    expect(DependsOn).not.toEqual([]);
  });

  test('says all that it is asked to', () => {
    const { stack } = givenStack({ tags: { stage: 'test' } });
    const image = givenImage(stack, {
      imageName: "golden [image] (v1) it's/x@y_z.1",
      description: 'ours',
      rootDeviceName: '/dev/sda1',
      rootDisk: MachineDisk.fromSnapshotId(SNAPSHOT, { volumeSize: Size.gibibytes(20), iops: 10_000, throughput: 1000, deleteOnTermination: false }),
      dataDisks: [
        MachineDisk.fromSnapshotId('snap-11111111', { volumeType: ec2.EbsDeviceVolumeType.IO2, iops: 256_000, volumeSize: Size.gibibytes(300) }),
        MachineDisk.fromSnapshotId('snap-22222222', { deviceName: '/dev/sdf', volumeType: ec2.EbsDeviceVolumeType.ST1, volumeSize: Size.gibibytes(125) }),
        MachineDisk.fromSnapshotId('snap-33333333'),
      ],
      bootMode: BootMode.UEFI,
      tpm: true,
      uefiData: Buffer.from('keys').toString('base64'),
      requireImdsv2: false,
      deprecationDate: new Date(Date.now() + 1000 * 60 * 60 * 24 * 365),
      sharedWithAccounts: ['444455556666'],
      sharedWithOrganizations: ['arn:aws:organizations::111122223333:organization/o-abcdefghij'],
      sharedWithOrganizationalUnits: ['arn:aws:organizations::111122223333:ou/o-abcdefghij/ou-abcd-12345678'],
      publiclyShared: true,
      retainPrevious: 3,
    });
    Tags.of(image).add('team', 'storage');

    const properties = propertiesOf(stack, TYPE);
    expect(properties).toMatchObject({
      Name: "golden [image] (v1) it's/x@y_z.1",
      Description: 'ours',
      RootDeviceName: '/dev/sda1',
      BlockDeviceMappings: [
        { DeviceName: '/dev/sda1', Ebs: { SnapshotId: SNAPSHOT, VolumeSize: 20, Iops: 10_000, Throughput: 1000, DeleteOnTermination: false } },
        { DeviceName: '/dev/sdg', Ebs: { VolumeType: 'io2', Iops: 256_000, VolumeSize: 300 } },
        { DeviceName: '/dev/sdf', Ebs: { VolumeType: 'st1', VolumeSize: 125 } },
        { DeviceName: '/dev/sdh', Ebs: { SnapshotId: 'snap-33333333' } },
      ],
      BootMode: 'uefi',
      TpmSupport: 'v2.0',
      UefiData: 'a2V5cw==',
      DeprecateAt: expect.stringMatching(/^20\d\d-\d\d-\d\dT.*Z$/),
      LaunchPermissions: [
        { UserId: '444455556666' },
        { OrganizationArn: 'arn:aws:organizations::111122223333:organization/o-abcdefghij' },
        { OrganizationalUnitArn: 'arn:aws:organizations::111122223333:ou/o-abcdefghij/ou-abcd-12345678' },
        { Group: 'all' },
      ],
      RetainPrevious: 3,
    });
    expect(properties.ImdsSupport).toBeUndefined();
    expect(tagsIn(properties.Tags)).toEqual({ stage: 'test', team: 'storage' });
  });

  test('may use no foreign snapshot but those it is made of, before it is registered', () => {
    const { stack } = givenStack();
    givenImage(stack, { dataDisks: [MachineDisk.fromImport(givenImport(stack))] });
    const [owned, foreign, ...others] = statementsAllowing(stack, 'EbsRole', 'ec2:RegisterImage')
      .filter(({ Resource }) => JSON.stringify(Resource).includes(':snapshot/'));
    expect(others).toEqual([]);
    expect(owned.Condition).toEqual({ StringEquals: { 'aws:ResourceTag/cdk-durable-storage:stack-id': { Ref: 'AWS::StackId' } } });
    expect(JSON.stringify(foreign.Resource)).toContain(`:ec2:eu-west-1::snapshot/${SNAPSHOT}`);
    expect(foreign.Condition).toBeUndefined();
    expect(onlyOf(stack, TYPE).DependsOn).toContain(foreign.policy);
  });

  test('may be changed and deregistered if this stack made it, and only then', () => {
    const { stack } = givenStack();
    givenImage(stack);
    // The last image is deleted after the role was updated.
    expect(onlyOf(stack, TYPE).DependsOn).toContain(statementsAllowing(stack, 'EbsRole', 'ec2:DeregisterImage')[0].policy);
    for (const action of ['DeregisterImage', 'ModifyImageAttribute', 'EnableImageDeprecation', 'DisableImageDeprecation', 'DescribeImageAttribute']) {
      expect(statementsAllowing(stack, 'EbsRole', `ec2:${action}`)).toMatchObject([
        { Condition: { StringEquals: { 'aws:ResourceTag/cdk-durable-storage:stack-id': { Ref: 'AWS::StackId' } } } },
      ]);
    }
    expect(statementsAllowing(stack, 'EbsRole', 'cloudformation:DescribeStacks')).toMatchObject([{ Resource: { Ref: 'AWS::StackId' } }]);
  });
});

describe('takes part in', () => {
  test('an instance, a launch template and an auto-scaling group', () => {
    const { stack, vpc } = givenStack();
    const machineImage = givenImage(stack, { userData: ec2.UserData.custom('#!/bin/sh\necho hello') });
    const instanceType = ec2.InstanceType.of(ec2.InstanceClass.T3, ec2.InstanceSize.MICRO);
    new ec2.Instance(stack, 'Instance', { vpc, instanceType, machineImage, vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC } });
    const launchTemplate = new ec2.LaunchTemplate(stack, 'Template', { instanceType, machineImage });
    new autoscaling.AutoScalingGroup(stack, 'Group', { vpc, launchTemplate, vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC } });

    const ImageId = stack.resolve(machineImage.imageId);
    const template = Template.fromStack(stack);
    template.hasResourceProperties('AWS::EC2::Instance', { ImageId, UserData: { 'Fn::Base64': '#!/bin/sh\necho hello' } });
    template.hasResourceProperties('AWS::EC2::LaunchTemplate', { LaunchTemplateData: Match.objectLike({ ImageId }) });
    expect(launchTemplate.osType).toBe(ec2.OperatingSystemType.LINUX);
  });

  test('other stacks, by its id and ARN', () => {
    const { app, stack } = givenStack();
    const image = givenImage(stack, { osType: ec2.OperatingSystemType.WINDOWS });
    const other = new Stack(app, 'Other', { env: ENV });
    new CfnOutput(other, 'Id', { value: image.getImage(other).imageId });
    expect(image.getImage(other).userData.render()).toContain('<powershell>');
    expect(JSON.stringify(stack.resolve(image.imageArn))).toContain(':ec2:eu-west-1::image/');
    expect(JSON.stringify(Template.fromStack(other).toJSON())).toContain('Fn::ImportValue');
  });

  test('a deployment that is told of its name', () => {
    const { stack } = givenStack();
    expect(stack.resolve(givenImage(stack).imageName)).toEqual({ 'Fn::GetAtt': [expect.stringMatching(/^Machine/), 'ImageName'] });
  });
});

describe('is refused', () => {
  const root = (options: MachineDiskOptions, snapshotId = SNAPSHOT) => ({ rootDisk: MachineDisk.fromSnapshotId(snapshotId, options) });
  const { GP2, GP3, IO1, IO2, SC1, STANDARD } = ec2.EbsDeviceVolumeType;

  test.each<[string, Partial<MachineImageProps>, string]>([
    ['a short name', { imageName: 'ab' }, "'imageName' must be 3 to 128 letters, digits, spaces, and ()[]./-'@_, got 'ab'"],
    ['a name with a colon', { imageName: 'a:b' }, "got 'a:b'"],
    ['a long description', { description: 'x'.repeat(256) }, "'description' must be at most 255 characters long"],
    ['an id of something else', root({}, 'vol-0123456789abcdef0'), "'snapshotId' must be the id of a snapshot (snap-…), got 'vol-0123456789abcdef0'"],
    ['a strange device', { rootDeviceName: '/dev/nvme0n1' }, "'deviceName' must be a device name such as /dev/sdf or /dev/xvda, got '/dev/nvme0n1'"],
    ['two names for the root device', { ...root({ deviceName: '/dev/sda1' }), rootDeviceName: '/dev/xvda' }, "specify 'rootDeviceName' or 'deviceName' of the root disk, not both"],
    ['a device twice', { dataDisks: [MachineDisk.fromSnapshotId(SNAPSHOT, { deviceName: '/dev/xvda' })] }, "'deviceName' must be another one for each disk, got '/dev/xvda' twice"],
    ['too many disks without names', { dataDisks: Array.from({ length: 12 }, () => MachineDisk.fromSnapshotId(SNAPSHOT)) }, "'deviceName' must be given for more than 11 'dataDisks'"],
    ['a root disk of SC1', root({ volumeType: SC1 }), "'volumeType' of the root disk must not be sc1"],
    ['a large standard volume', root({ volumeType: STANDARD, volumeSize: Size.tebibytes(2) }), "'volumeSize' must be a whole number of GiB from 1 to 1024, got 2048"],
    ['IO1 without iops', root({ volumeType: IO1 }), "'iops' must be given for 'volumeType' io1, from 100 to 64000"],
    ['iops of GP2', root({ volumeType: GP2, iops: 3000 }), "specify 'iops' or 'volumeType' gp2, not both"],
    ['few iops', root({ volumeType: GP3, iops: 100 }), "'iops' must be a whole number from 3000 to 80000 for gp3, got 100"],
    ['many iops for a small volume', root({ volumeType: IO2, iops: 20_000, volumeSize: Size.gibibytes(4) }), "'iops' must be at most 4000 for 4 GiB of io2, got 20000"],
    ['throughput of IO2', root({ volumeType: IO2, iops: 100, throughput: 125 }), "specify 'throughput' or 'volumeType' io2, not both"],
    ['throughput without iops', root({ throughput: 1000 }), "'throughput' must be at most a quarter of the 3000 'iops', got 1000"],
    ['BIOS on ARM', { architecture: ARM_64, bootMode: BootMode.LEGACY_BIOS }, "'bootMode' must be 'uefi' for arm64, got 'legacy-bios'"],
    ['a TPM without UEFI', { tpm: true }, "'tpm' needs a 'bootMode' of 'uefi', got none"],
    ['UEFI data with BIOS', { uefiData: 'a2V5cw==', bootMode: BootMode.LEGACY_BIOS }, "'uefiData' needs a 'bootMode' of 'uefi' or 'uefi-preferred', got 'legacy-bios'"],
    ['UEFI data that is no Base64', { uefiData: '&&&', bootMode: BootMode.UEFI }, "'uefiData' must be Base64 of at most 64000 characters, got '&&&'"],
    ['too much UEFI data', { uefiData: 'A'.repeat(64_004), bootMode: BootMode.UEFI }, "'uefiData' must be Base64 of at most 64000 characters"],
    ['ENA with PARAVIRTUAL', { virtualization: Virtualization.PARAVIRTUAL, enaSupport: true }, "specify 'virtualization: PARAVIRTUAL' or 'enaSupport', not both"],
    ['a distant deprecation', { deprecationDate: new Date('2999-01-01') }, "'deprecationDate' must be a date within 10 years from now, got 2999-01-01T00:00:00.000Z"],
    ['a distant deprecation of a public one', { publiclyShared: true, deprecationDate: new Date(Date.now() + 3 * 365 * 86_400_000) }, 'within 2 years from now'],
    ['no date', { deprecationDate: new Date('never') }, "'deprecationDate' must be a date within 10 years from now, got no date"],
    ['a strange account', { sharedWithAccounts: ['1234'] }, "'sharedWithAccounts' must be ids of accounts, of 12 digits, got '1234'"],
    ['the id of an organization', { sharedWithOrganizations: ['o-abcdefghij'] }, "'sharedWithOrganizations' must be ARNs of organizations, got 'o-abcdefghij'"],
    ['the ARN of something else', { sharedWithOrganizationalUnits: ['arn:aws:iam::1:root'] }, "'sharedWithOrganizationalUnits' must be ARNs of organizational units"],
    ['half an image', { retainPrevious: 0.5 }, "'retainPrevious' must be a whole number from 0, got 0.5"],
    ['to retain all and some', { retainPrevious: 1, removalPolicy: RemovalPolicy.RETAIN }, "specify 'retainPrevious' or 'removalPolicy: RETAIN', not both"],
  ])('%s', (_, props, message) => {
    const make = () => givenImage(new Stack(), props);
    expect(make).toThrow(message);
    expect(make).toThrow(/ \(in Default\/Machine\)$/);
  });

  test('an import that nobody waits for', () => {
    const { stack } = givenStack();
    const disk = givenImport(stack, { waitForCompletion: false });
    expect(() => givenImage(stack, { rootDisk: MachineDisk.fromImport(disk) }))
      .toThrow("the import Stack/Disk has 'waitForCompletion: false', but an image can be registered of a completed snapshot only (in Stack/Machine)");
  });

  test.each<[string, Partial<MachineImageProps>]>([
    ['with everybody', { publiclyShared: true }],
    ['with an account', { sharedWithAccounts: ['444455556666'] }],
    ['with an organization', { sharedWithOrganizations: ['arn:aws:organizations::111122223333:organization/o-abcdefghij'] }],
  ])('to share %s what the key of AWS encrypts', (_, sharing) => {
    const { stack } = givenStack();
    const rootDisk = MachineDisk.fromImport(givenImport(stack, { encrypted: true }));
    expect(() => givenImage(stack, { rootDisk, ...sharing })).toThrow(/the import Stack\/Disk.*(EC2 shares no image|EC2 makes no such image public).* \(in Stack\/Machine\)$/);
  });

  test('to make public what a key of the account encrypts, which may be shared with accounts', () => {
    const { stack } = givenStack();
    const rootDisk = MachineDisk.fromImport(givenImport(stack, { kmsKey: new kms.Key(stack, 'Key') }));
    givenImage(stack, { rootDisk, sharedWithAccounts: ['444455556666'] });
    expect(() => new MachineImage(stack, 'Public', { architecture: X86_64, rootDisk, publiclyShared: true }))
      .toThrow("'publiclyShared' needs disks that are not encrypted, and the import Stack/Disk is: EC2 makes no such image public (in Stack/Public)");
  });

  test('a volume smaller than its snapshot', () => {
    const { stack } = givenStack();
    const disk = givenImport(stack, { volumeSize: Size.gibibytes(8) });
    expect(() => givenImage(stack, { rootDisk: MachineDisk.fromImport(disk, { volumeSize: Size.gibibytes(4) }) }))
      .toThrow("'volumeSize' must be at least 8 GiB, the size of the snapshot, got 4");
  });

  test('a snapshot larger than the volume type', () => {
    const { stack } = givenStack();
    const disk = givenImport(stack, { volumeSize: Size.tebibytes(2) });
    expect(() => givenImage(stack, { rootDisk: MachineDisk.fromImport(disk, { volumeType: STANDARD }) }))
      .toThrow("'volumeSize' must be from 1 to 1024 GiB for standard, got 2048");
  });

  test('to keep images whose snapshots another stack makes', () => {
    const { app, stack } = givenStack();
    const disk = givenImport(new Stack(app, 'Disks', { env: ENV }));
    expect(() => givenImage(stack, { rootDisk: MachineDisk.fromImport(disk), retainPrevious: 1 })).toThrow("'retainPrevious' needs the imports of all disks in the stack");
  });

  test('a snapshot shared with half an account', () => {
    const { stack } = givenStack();
    expect(() => givenImport(stack, { sharedWithAccounts: ['4444'] })).toThrow("'sharedWithAccounts' must be ids of accounts, of 12 digits, got '4444' (in Stack/Disk)");
  });
});

test('what is known at deployment only is not checked', () => {
  const { stack } = givenStack();
  const disk = givenImport(stack);
  givenImage(stack, {
    imageName: stack.stackName,
    description: stack.stackId,
    rootDisk: MachineDisk.fromSnapshotId(disk.snapshotId, { volumeSize: Size.gibibytes(disk.volumeSizeInGiB) }),
    sharedWithAccounts: [stack.account],
  });
  expect(propertiesOf(stack, TYPE).BlockDeviceMappings[0].Ebs.VolumeSize).toEqual({ 'Fn::GetAtt': [expect.anything(), 'VolumeSize'] });
});

test('a deprecation date that has passed is a warning', () => {
  const { stack } = givenStack();
  givenImage(stack, { deprecationDate: new Date('2020-01-01') });
  expect(warningsOf(stack)).toEqual([expect.stringContaining("'deprecationDate' 2020-01-01T00:00:00.000Z has passed")]);
});

test('the removal policy reaches the handler', () => {
  const { stack } = givenStack();
  givenImage(stack).applyRemovalPolicy(RemovalPolicy.RETAIN);
  expect(onlyOf(stack, TYPE)).toMatchObject({ DeletionPolicy: 'Retain', Properties: { RemovalPolicy: 'Retain' } });
});
