import { createHash } from 'crypto';
import { CompleteSnapshotCommand, EBSClient, PutSnapshotBlockCommand, StartSnapshotCommand } from '@aws-sdk/client-ebs';
import { CreateTagsCommand, EC2Client, RegisterImageCommand } from '@aws-sdk/client-ec2';
import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { RemovalPolicy } from 'aws-cdk-lib';
import { InstanceArchitecture } from 'aws-cdk-lib/aws-ec2';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { DiskImage, MachineDisk, MachineImage, SnapshotImport } from '../../../src';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import type { Build } from '../../harness/deployment/deployment-world';
import { disk, EbsWorld, IMAGES } from '../../harness/deployment/ebs-world';
import { forgeStep } from '../../harness/deployment/forged-step';
import type { Outcome } from '../../harness/deployment/outcome';

const EVIL = Buffer.alloc(BLOCK_SIZE, 'EVIL');

let world: EbsWorld;
let golden: Outcome;
/** A snapshot that somebody else made. */
let theirs: string;
/** The tags of the things of the first version, which everybody in the account may read. */
let first: { readonly snapshot: Tags; readonly image: Tags };
type Tags = { Key: string; Value: string }[];

const version = (n: number): Build => stack => {
  new SnapshotImport(stack, 'Disk', {
    image: DiskImage.fromBucket(Bucket.fromBucketName(stack, 'Images', IMAGES), `${n}.img`), removalPolicy: RemovalPolicy.DESTROY,
  });
  new MachineImage(stack, 'Machine', {
    rootDisk: MachineDisk.fromSnapshotId(theirs), architecture: InstanceArchitecture.X86_64, enaSupport: n === 1,
  });
};
const tagList = (tags: Iterable<[string, string]>): Tags => [...tags].map(([Key, Value]) => ({ Key, Value }));
/** The state machine of a stack's imports. */
const importerOf = (stack: Outcome) => stack.idsOf('AWS::StepFunctions::StateMachine').find(arn => /Transfer/.test(arn))!;
/** All there is to know of the things of a stack. */
const picture = () => {
  const { snapshots, images } = world.emulator.ec2;
  const { tags, createVolumePermissions } = snapshots.get(golden.id('Disk'));
  const machine = images.get(golden.id('Machine'));
  return { tags: [...tags], shared: createVolumePermissions.all, imageTags: [...machine.tags], launch: machine.launchPermissions.all };
};

/** Makes a snapshot, as somebody who may make his own. */
async function plantSnapshot(Tags: Tags): Promise<string> {
  const ebs = new EBSClient(world.emulator.config);
  const { SnapshotId } = await ebs.send(new StartSnapshotCommand({ VolumeSize: 1, Tags }));
  await world.pass({ minutes: 3 });
  const Checksum = createHash('sha256').update(EVIL).digest('base64');
  await ebs.send(new PutSnapshotBlockCommand({ SnapshotId, BlockIndex: 0, BlockData: EVIL, DataLength: BLOCK_SIZE, Checksum, ChecksumAlgorithm: 'SHA256' }));
  await ebs.send(new CompleteSnapshotCommand({ SnapshotId, ChangedBlocksCount: 1 }));
  ebs.destroy();
  await world.pass({ minutes: 2 });
  return SnapshotId!;
}

/** Registers an AMI, as somebody who may register and tag his own. */
async function plantImage(Tags: Tags): Promise<string> {
  const ec2 = new EC2Client(world.emulator.config);
  const { ImageId } = await ec2.send(new RegisterImageCommand({
    Name: 'planted',
    RootDeviceName: '/dev/xvda',
    Architecture: 'x86_64',
    VirtualizationType: 'hvm',
    EnaSupport: true,
    ImdsSupport: 'v2.0',
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: await plantSnapshot([]) } }],
  }));
  await ec2.send(new CreateTagsCommand({ Resources: [ImageId!], Tags }));
  ec2.destroy();
  await world.pass({ minutes: 1 });
  return ImageId!;
}

beforeAll(async () => {
  world = await EbsWorld.start();
  for (const n of [1, 2]) { await world.put(IMAGES, `${n}.img`, disk(1, `${n}`)); }
  theirs = await plantSnapshot([]);
  golden = (await world.deploy('Golden', version(1))).expectSuccess('CREATE_COMPLETE');
  const { snapshots, images } = world.emulator.ec2;
  first = { snapshot: tagList(snapshots.get(golden.id('Disk')).tags), image: tagList(images.get(golden.id('Machine')).tags) };
  golden = (await world.deploy('Golden', version(2))).expectSuccess('UPDATE_COMPLETE');
});
afterAll(() => world.close());

describe('an event that somebody forges for the function of another stack', () => {
  const inOther = (ResourceType: string, PhysicalResourceId: string, more: object = {}) => ({
    RequestType: 'Update' as const,
    StackId: other.stackId,
    LogicalResourceId: 'Disk',
    ResourceType,
    PhysicalResourceId,
    ResourceProperties: {
      Owner: 'Other/Disk',
      RemovalPolicy: 'Delete',
      SourceBucket: IMAGES,
      SourceKey: '1.img',
      SharedWith: ['999988887777'],
      LaunchPermissions: [{ UserId: '999988887777' }],
      StateMachineArn: importerOf(other),
      TransferBucket: world.transferBuckets('Other')[0],
      ...more,
    },
  });
  let other: Outcome;
  let step: (next: 'act' | 'poll', event: Parameters<typeof forgeStep>[3]) => Promise<string>;

  beforeAll(async () => {
    other = (await world.deploy('Other', version(1))).expectSuccess('CREATE_COMPLETE');
    const [name] = other.idsOf('AWS::Lambda::Function').filter(id => /Ebs.?Handler/.test(id));
    step = (next, event) => forgeStep(world, name, next, event);
  });

  test.each([['Custom::SnapshotImport', 'Disk'], ['Custom::MachineImage', 'Machine']])('shares, tags and deletes nothing: %s', async (type, path) => {
    const before = picture();
    const id = golden.id(path);
    expect(await step('poll', inOther(type, id))).toContain(`belongs to stack ${golden.stackId}, so it is left as it is`);
    const claim = [{ Key: OWNERSHIP_TAGS.stackId, Value: other.stackId }];
    expect(await step('poll', inOther(type, id, { Tags: claim }))).toContain("'tags' must not have keys that begin with cdk-durable-storage:");
    for (const next of ['act', 'poll'] as const) { await step(next, { ...inOther(type, id), RequestType: 'Delete' }); }
    await world.pass({ minutes: 5 });
    expect(picture()).toEqual(before);
  });

  test('is refused if it names the stack that it is about', async () => {
    const before = picture();
    const event = { ...inOther('Custom::SnapshotImport', golden.id('Disk')), StackId: golden.stackId };
    expect(await step('poll', event)).toContain('refused a step for another stack');
    expect(picture()).toEqual(before);
  });
});

test('an execution that somebody starts for a snapshot in use removes and changes nothing', async () => {
  const before = picture();
  const id = golden.id('Disk');
  const sfn = new SFNClient(world.emulator.config);
  const input = JSON.stringify({ snapshotId: id, source: { bucket: IMAGES, key: 'nothing', etag: '"x"', size: 1 } });
  const { executionArn } = await sfn.send(new StartExecutionCommand({ stateMachineArn: importerOf(golden), name: 'anything', input }));
  sfn.destroy();
  await world.pass({ minutes: 20 });
  expect(world.emulator.states.describe(executionArn!).status).toBe('FAILED');
  expect(picture()).toEqual(before);
  world.expectContent(id, disk(1, '2'));
});

test('a snapshot and an AMI with all tags of those that an update wants are neither used nor deleted', async () => {
  const planted = [await plantSnapshot(first.snapshot), await plantImage(first.image)];
  const back = (await world.deploy('Golden', version(1))).expectSuccess('UPDATE_COMPLETE');
  expect(planted).not.toContain(back.id('Disk'));
  expect(planted).not.toContain(back.id('Machine'));
  world.expectContent(back.id('Disk'), disk(1, '1'));
  (await world.destroy('Golden')).expectSuccess('DELETE_COMPLETE');
  const { snapshots, images } = world.emulator.ec2;
  expect(snapshots.find(planted[0])?.tags).toEqual(new Map(first.snapshot.map(({ Key, Value }) => [Key, Value])));
  expect(images.all.map(({ imageId }) => imageId)).toContain(planted[1]);
  expect(images.all.map(({ imageId }) => imageId)).not.toContain(back.id('Machine'));
});
