/** Ten minutes in which EC2, or every service, throttles: no import is lost, and no deletion or rollback fails. */
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { THROTTLE } from '../../../world/emulator/faults';
import { disk, IMAGES, properties } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld, type EbsHandlerWorldOptions } from '../../harness/ebs/ebs-handler-world';
import { machineProperties, MachineStack } from '../../harness/ebs/machine-stack';
import { Stack } from '../../harness/stack';

const MINUTE = 60_000;
const EC2 = /^ec2:/;
/** CloudFormation is asked beside the work itself. */
const EVERYTHING = /^(?!cloudformation:)/;

let world: EbsHandlerWorld;

async function start(options?: EbsHandlerWorldOptions): Promise<Buffer> {
  world = await EbsHandlerWorld.start(options);
  const image = disk(3 * BLOCK_SIZE + 1);
  await world.s3.put(IMAGES, 'disk.img', image);
  await world.s3.put(IMAGES, 'other.img', disk(2 * BLOCK_SIZE, 'other'));
  return image;
}

function throttle(operations: RegExp, minutes = 10): void {
  const until = world.clock.now() + minutes * MINUTE;
  world.server.faults.persist(operations, THROTTLE, () => world.clock.now() < until);
}

/** Throttles from the moment in which an operation succeeds. */
function throttleAfter(operation: string, operations: RegExp): void {
  world.server.faults.before(operation, () => throttle(operations));
}

const tag = (Value: string) => ({ Tags: [{ Key: 'team', Value }] });
const machines = () => new Stack(world.clock, world.handlers, 'Custom::MachineImage', 'Machine');
const givenSnapshot = () => world.ec2.snapshots.add({ volumeSize: 2, startTime: world.clock.now() }).snapshotId;

afterEach(() => world.close());

describe.each([['EC2', EC2], ['every service', EVERYTHING]])('while %s throttles for ten minutes', (_, operations) => {
  test('an import begins, and ends as it should', async () => {
    const image = await start();
    throttle(operations);
    const { SnapshotId } = await world.stack().deploy(properties());
    world.expectContent(SnapshotId, image);
    expect(world.snapshotIds).toEqual([SnapshotId]);
  });

  test('an import that was started goes on', async () => {
    const image = await start();
    throttleAfter('states:StartExecution', operations);
    const { SnapshotId } = await world.stack().deploy(properties());
    world.expectContent(SnapshotId, image);
  });

  test('an import that is being copied and read back goes on', async () => {
    const image = await start();
    world.server.faults.before('ebs:PutSnapshotBlock', () => throttle(operations));
    world.server.faults.before('ebs:GetSnapshotBlock', () => throttle(/^(ec2|s3|ebs):/));
    const { SnapshotId } = await world.stack().deploy(properties({ Verify: 'FULL' }));
    world.expectContent(SnapshotId, image);
  });

  test('an import that is being completed is handed out afterwards', async () => {
    const image = await start({ ebs: { completionDelay: 40_000 } });
    throttleAfter('ebs:CompleteSnapshot', EC2);
    const { SnapshotId } = await world.stack().deploy(properties());
    world.expectContent(SnapshotId, image);
  });

  test('a background import settles', async () => {
    const image = await start({ rule: true, ebs: { completionDelay: 60_000 } });
    const statuses: string[] = [];
    world.states.onStatusChange(({ detail }) => statuses.push(detail.status));
    throttleAfter('ebs:CompleteSnapshot', EC2);
    const { SnapshotId } = await world.stack().deploy(properties({ WaitForCompletion: false }));
    await world.clock.sleep(60 * MINUTE);
    world.expectContent(SnapshotId, image);
    expect(statuses).toEqual(['RUNNING', 'SUCCEEDED']);
  });

  test('a background import that fails is cleaned up', async () => {
    await start({ rule: true });
    world.denied.push('ebs:PutSnapshotBlock');
    world.server.faults.before('ebs:PutSnapshotBlock', () => throttle(EC2));
    await world.stack().deploy(properties({ WaitForCompletion: false }));
    await world.clock.sleep(60 * MINUTE);
    expect(world.snapshotIds).toEqual([]);
  });

  test('an import is deleted', async () => {
    await start();
    const stack = world.stack();
    await stack.deploy(properties());
    throttle(operations);
    await stack.destroy();
    world.expectNothingLeft();
  });

  test('an export is made, and deleted', async () => {
    await start({ smallExport: { partBlocks: 10, rangeParts: 2, blocks: 36 }, ebs: { startWindow: 0 } });
    world.s3.createBucket('exports', {});
    const snapshotId = await world.givenSnapshot({ 0: Buffer.alloc(BLOCK_SIZE, 'x') });
    const stack = world.exports();
    throttle(operations);
    await stack.deploy({ SnapshotId: snapshotId, Bucket: 'exports', Key: 'disk.img', Owner: 'Stack/Export', RemovalPolicy: 'Delete' });
    expect(world.s3.object('exports', 'disk.img')).toBeDefined();
    throttle(/^(s3|states):/);
    await stack.destroy();
    expect(world.s3.object('exports', 'disk.img')).toBeUndefined();
  });

  test('a cancelled creation is removed', async () => {
    await start();
    const stack = world.stack();
    const event = stack.event('Create', properties());
    await world.handlers.act(event);
    throttle(operations);
    await stack.cancel(properties());
    world.expectNothingLeft();
  });

  test('a change of tags is rolled back', async () => {
    await start();
    const stack = world.stack();
    await stack.deploy(properties(tag('a')));
    throttle(operations);
    await expect(stack.deploy(properties(tag('b')), { failAfter: true })).rejects.toThrow('another resource failed');
    expect(stack.isStuck).toBe(false);
    expect(world.ebs.snapshot(stack.physicalId!)!.tags).toMatchObject({ team: 'a' });
  });

  test('a replacement is rolled back, and nothing of it stays', async () => {
    const image = await start();
    const stack = world.stack();
    const { SnapshotId } = await stack.deploy(properties());
    stack.onStatus = status => {
      world.stacks.statuses.set(stack.stackId, status);
      if (status === 'UPDATE_ROLLBACK_IN_PROGRESS') { throttle(operations); }
    };
    await expect(stack.deploy(properties({ SourceKey: 'other.img' }), { failAfter: true })).rejects.toThrow('another resource failed');
    expect([stack.isStuck, stack.physicalId]).toEqual([false, SnapshotId]);
    expect(world.snapshotIds).toEqual([SnapshotId]);
    world.expectContent(SnapshotId, image);
  });

  test('an increment is made of its parent, not of nothing', async () => {
    await start();
    const stack = world.stack();
    const { SnapshotId: first } = await stack.deploy(properties());
    throttle(operations);
    const { ParentSnapshotId } = await stack.deploy(properties({ SourceRevision: '2' }));
    expect(ParentSnapshotId).toBe(first);
  });

  test('an AMI is registered, changed and deregistered', async () => {
    await start();
    const stack = machines();
    const snapshotId = givenSnapshot();
    throttle(operations);
    await stack.deploy(machineProperties(snapshotId));
    throttle(operations);
    await stack.deploy(machineProperties(snapshotId, { Description: 'new', ...tag('b'), LaunchPermissions: [{ UserId: '444455556666' }] }));
    expect(world.ec2.images.all).toMatchObject([{ description: 'new' }]);
    throttle(operations);
    await stack.destroy();
    expect(world.ec2.images.all).toEqual([]);
  });

  test('kept AMIs and their snapshots go when there are too many', async () => {
    await start();
    const stack = new MachineStack(world);
    const keep = { machine: { RetainPrevious: 1 } };
    await stack.deploy({ ...keep, revision: '1' });
    await stack.deploy({ ...keep, revision: '2' });
    throttle(operations);
    await stack.deploy({ ...keep, revision: '3' });
    expect(world.ec2.images.all).toHaveLength(2);
    expect(world.snapshotIds).toHaveLength(2);
  });
});

test('a creation that CloudFormation has cancelled while EC2 throttled makes nothing, and removes what it made', async () => {
  await start();
  const stack = machines();
  const snapshotId = givenSnapshot();
  throttle(EC2, 3);
  const event = stack.event('Create', machineProperties(snapshotId));
  world.stacks.statuses.set(stack.stackId, 'CREATE_IN_PROGRESS');
  void world.clock.sleep(120_000).then(() => world.stacks.statuses.set(stack.stackId, 'ROLLBACK_COMPLETE'));
  await expect(stack.play(event)).rejects.toThrow(/CloudFormation cancelled the operation/);
  expect(world.ec2.images.all).toEqual([]);
});
