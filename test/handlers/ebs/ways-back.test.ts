/** Rollbacks that meet what somebody has deleted or changed by hand: it is left as it is, and the rollback succeeds. */
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { disk, IMAGES, properties, TRANSFERS } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld } from '../../harness/ebs/ebs-handler-world';
import { machineProperties } from '../../harness/ebs/machine-stack';
import { Stack } from '../../harness/stack';

let world: EbsHandlerWorld;
beforeEach(async () => {
  world = await EbsHandlerWorld.start({ smallExport: { partBlocks: 10, rangeParts: 2, blocks: 36 } });
  world.s3.createBucket('exports');
  await world.s3.put(IMAGES, 'disk.img', disk(3 * BLOCK_SIZE));
});
afterEach(() => world.close());

const tagged = (Value: string) => ({ Tags: [{ Key: 'a', Value }] });
const machines = () => new Stack(world.clock, world.handlers, 'Custom::MachineImage', 'Machine');
const givenSnapshot = () => world.ec2.snapshots.add({ volumeSize: 2, startTime: world.clock.now() }).snapshotId;
const exported = (more: object = {}) => ({ SnapshotId: '', Bucket: 'exports', Key: 'disk.img', Owner: 'Stack/Export', RemovalPolicy: 'Delete', ...more });
const objects = () => world.s3.buckets.get('exports')!.versions().map(({ key }) => key);

function showing(stack: Stack): Stack {
  stack.onStatus = status => world.stacks.statuses.set(stack.stackId, status);
  stack.onStatus('CREATE_IN_PROGRESS');
  return stack;
}

describe('what somebody has removed by hand', () => {
  test('a snapshot', async () => {
    const stack = showing(world.stack());
    await stack.deploy(properties(tagged('1')));
    world.ec2.snapshots.remove(stack.physicalId!);
    await expect(stack.deploy(properties(tagged('2')))).rejects.toThrow("no longer exists; change 'sourceRevision' to import the image again");
    expect(stack.isStuck).toBe(false);
  });

  test('a snapshot, long after its execution is forgotten', async () => {
    const stack = showing(world.stack());
    await stack.deploy(properties(tagged('1')));
    world.ec2.snapshots.remove(stack.physicalId!);
    await world.clock.sleep(91 * 24 * 3_600_000);
    await expect(stack.deploy(properties(tagged('2')))).rejects.toThrow('no longer exists');
    expect(stack.isStuck).toBe(false);
  });

  test.each([
    ['deregistered', 'somebody deregistered it', (id: string) => { void world.ec2.images.deregister(id); }],
    ['disabled', 'is disabled; enable it again', (id: string) => { world.ec2.images.all.find(({ imageId }) => imageId === id)!.disabled = true; }],
  ])('an AMI that is %s', async (_, message, change) => {
    const stack = showing(machines());
    const snapshotId = givenSnapshot();
    await stack.deploy(machineProperties(snapshotId, tagged('1')));
    change(stack.physicalId!);
    await expect(stack.deploy(machineProperties(snapshotId, tagged('2')))).rejects.toThrow(message);
    expect(stack.isStuck).toBe(false);
  });

  test('the content of the transfer bucket', async () => {
    const SnapshotId = await world.givenSnapshot({ 0: Buffer.alloc(BLOCK_SIZE, 'x') });
    await world.clock.sleep(120_000);
    const stack = showing(world.exports());
    await stack.deploy(exported({ SnapshotId }));
    const bucket = world.s3.buckets.get(TRANSFERS)!;
    bucket.versions().forEach(({ key, versionId }) => bucket.remove(key, versionId));
    await expect(stack.deploy(exported({ SnapshotId, WaitForCompletion: false }))).rejects.toThrow("somebody emptied the transfer bucket, and another 'key' exports again");
    expect(stack.isStuck).toBe(false);
    expect(objects()).not.toEqual([]);
  });
});

describe('a creation under RETAIN that is taken back', () => {
  const RETAIN = { RemovalPolicy: 'Retain' };

  test('removes its snapshot', async () => {
    const stack = showing(world.stack());
    await expect(stack.deploy(properties(RETAIN), { failAfter: true })).rejects.toThrow(/^another resource failed$/);
    world.expectNothingLeft();
  });

  test('removes its AMI', async () => {
    const stack = showing(machines());
    await expect(stack.deploy(machineProperties(givenSnapshot(), RETAIN), { failAfter: true })).rejects.toThrow(/^another resource failed$/);
    expect(world.ec2.images.all).toEqual([]);
  });

  test('removes its object', async () => {
    const SnapshotId = await world.givenSnapshot({ 0: Buffer.alloc(BLOCK_SIZE, 'x') });
    await world.clock.sleep(120_000);
    const stack = showing(world.exports());
    await expect(stack.deploy(exported({ SnapshotId, ...RETAIN }), { failAfter: true })).rejects.toThrow(/^another resource failed$/);
    expect(objects()).toEqual([]);
  });

  test('in an update, removes what the update made, and nothing else', async () => {
    const stack = showing(world.stack());
    const { SnapshotId } = await stack.deploy(properties(RETAIN));
    await world.s3.put(IMAGES, 'other.img', disk(2 * BLOCK_SIZE, 'other'));
    await expect(stack.deploy(properties({ ...RETAIN, SourceKey: 'other.img' }), { failAfter: true })).rejects.toThrow(/^another resource failed$/);
    expect(world.snapshotIds).toEqual([SnapshotId]);
  });
});
