import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { disk, IMAGES, properties } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld } from '../../harness/ebs/ebs-handler-world';
import { machineProperties } from '../../harness/ebs/machine-stack';
import { Stack } from '../../harness/stack';

let world: EbsHandlerWorld;

beforeEach(async () => {
  world = await EbsHandlerWorld.start();
  await world.s3.put(IMAGES, 'disk.img', disk(2 * BLOCK_SIZE));
});
afterEach(() => world.close());

const TEAM = [{ Key: 'team', Value: 'a' }];

/** An Update of one stack whose physical id is a thing of another one. */
function update(stack: Stack, wanted: Record<string, unknown>, old: Record<string, unknown>, PhysicalResourceId: string) {
  return stack.event('Update', wanted, { PhysicalResourceId, OldResourceProperties: stack.event('Update', old).ResourceProperties });
}

describe('an Update with the id of another stack\'s snapshot', () => {
  const change = { SharedWith: ['999988887777'], Tags: TEAM };
  let theirs: string;
  let tags: Record<string, string>;
  beforeEach(async () => {
    theirs = (await world.stack('Theirs').deploy(properties())).SnapshotId;
    tags = world.ebs.snapshot(theirs)!.tags;
  });

  test('shares nothing, changes no tag, and names that stack', async () => {
    const ours = world.stack('Ours');
    await expect(ours.play(update(ours, properties(change), properties(), theirs))).rejects.toThrow(
      new RegExp(`snapshot ${theirs} belongs to stack \\S+stack/Theirs/\\S+, so it is left as it is`));
    expect(world.ec2.snapshots.find(theirs)!.createVolumePermissions.show()).toEqual([]);
    expect(world.ebs.snapshot(theirs)!.tags).toEqual(tags);
  });

  test('changes nothing in a rollback either, which succeeds', async () => {
    const ours = world.stack('Ours');
    world.stacks.statuses.set(ours.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
    await ours.play(update(ours, properties(change), properties(), theirs));
    expect(world.ec2.snapshots.find(theirs)!.createVolumePermissions.show()).toEqual([]);
    expect(world.ebs.snapshot(theirs)!.tags).toEqual(tags);
  });

  test('does not delete it because a transfer with its id has failed', async () => {
    const ours = world.stack('Ours');
    (world.states as any).execution(`arn:aws:states:eu-west-1:111122223333:execution:transfer:${theirs}`).status = 'FAILED';
    await expect(ours.play(update(ours, properties(change), properties(), theirs))).rejects.toThrow('belongs to stack');
    expect(world.snapshotIds).toEqual([theirs]);
  });
});

test('an Update with the id of another stack\'s AMI shares nothing and changes no tag', async () => {
  const { snapshotId } = world.ec2.snapshots.add({ volumeSize: 2, startTime: world.clock.now() });
  const machines = (name: string) => new Stack(world.clock, world.handlers, 'Custom::MachineImage', 'Machine', name);
  const { ImageId } = await machines('Theirs').deploy(machineProperties(snapshotId));
  const tags = new Map(world.ec2.images.get(ImageId).tags);
  const ours = machines('Ours');
  const wanted = machineProperties(snapshotId, { LaunchPermissions: [{ UserId: '999988887777' }], Tags: TEAM });
  await expect(ours.play(update(ours, wanted, machineProperties(snapshotId), ImageId))).rejects.toThrow(`AMI ${ImageId} belongs to stack`);
  expect(world.ec2.images.get(ImageId).tags).toEqual(tags);
  expect(world.ec2.images.get(ImageId).launchPermissions.show()).toEqual([]);
});

describe('tags with keys of this library', () => {
  const reserved = { Tags: [{ Key: OWNERSHIP_TAGS.stackId, Value: 'another stack' }] };
  const message = `'tags' must not have keys that begin with cdk-durable-storage:, got ${OWNERSHIP_TAGS.stackId}`;

  test('are refused in a Create, which makes nothing', async () => {
    await expect(world.stack().deploy(properties(reserved))).rejects.toThrow(message);
    world.expectNothingLeft();
  });

  test('are refused in an Update, in each of its steps', async () => {
    const stack = world.stack();
    const { SnapshotId } = await stack.deploy(properties());
    const event = update(stack, properties(reserved), properties(), SnapshotId);
    await expect(world.handlers.act(event)).rejects.toThrow(message);
    await expect(world.handlers.poll(event)).rejects.toThrow(message);
    expect(world.ebs.snapshot(SnapshotId)!.tags[OWNERSHIP_TAGS.stackId]).toBe(stack.stackId);
  });

  test('are refused for an AMI', async () => {
    const { snapshotId } = world.ec2.snapshots.add({ volumeSize: 2, startTime: world.clock.now() });
    await expect(new Stack(world.clock, world.handlers, 'Custom::MachineImage', 'Machine').deploy(machineProperties(snapshotId, reserved)))
      .rejects.toThrow(message);
    expect(world.ec2.images.all).toEqual([]);
  });

  test('are not removed because an earlier event had them', async () => {
    const stack = world.stack();
    const { SnapshotId } = await stack.deploy(properties());
    const { [OWNERSHIP_TAGS.logicalId]: Value } = world.ebs.snapshot(SnapshotId)!.tags;
    await stack.play(update(stack, properties({ Tags: TEAM }), properties({ Tags: [{ Key: OWNERSHIP_TAGS.logicalId, Value }] }), SnapshotId));
    expect(world.ebs.snapshot(SnapshotId)!.tags).toMatchObject({ team: 'a', [OWNERSHIP_TAGS.logicalId]: Value });
  });
});
