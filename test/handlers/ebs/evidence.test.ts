import { createHash } from 'crypto';
import { ebsHandlers } from '../../../lambda/ebs/handlers';
import { MachineImageLifecycle } from '../../../lambda/ebs/machine-image';
import { ebsClients } from '../../../lambda/ebs/services';
import { SnapshotImportLifecycle } from '../../../lambda/ebs/snapshot-import';
import { identityOf } from '../../../lambda/shared/identity';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { TRANSFER_ENVIRONMENT } from '../../../src/contract/transfer';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { disk, IMAGES, properties, TRANSFERS } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld } from '../../harness/ebs/ebs-handler-world';
import { machineProperties } from '../../harness/ebs/machine-stack';
import { Stack } from '../../harness/stack';

const EVIL = Buffer.alloc(BLOCK_SIZE, 'EVIL');
const MINUTE = 60_000;

let world: EbsHandlerWorld;

beforeEach(async () => {
  world = await EbsHandlerWorld.start();
  await world.s3.put(IMAGES, 'disk.img', disk(2 * BLOCK_SIZE));
  await world.s3.put(IMAGES, 'other.img', disk(2 * BLOCK_SIZE, 'other'));
});
afterEach(() => world.close());

const tagList = (tags: Record<string, string>) => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

/** The tags that a thing of this stack carries which these properties ask for, as anybody can compute them. */
function tagsOf(stack: Stack, wanted: Record<string, unknown>, more: Record<string, string> = {}): Record<string, string> {
  const event = stack.event('Update', wanted);
  const lifecycle = event.ResourceType === 'Custom::MachineImage' ? new MachineImageLifecycle({} as any) : new SnapshotImportLifecycle({} as any);
  return {
    [OWNERSHIP_TAGS.stackId]: event.StackId,
    [OWNERSHIP_TAGS.logicalId]: event.LogicalResourceId,
    [OWNERSHIP_TAGS.identity]: identityOf<any>(lifecycle, event.ResourceProperties),
    ...more,
  };
}

describe('a snapshot that somebody planted with all tags of the next one', () => {
  const next = properties({ SourceKey: 'other.img' });

  test('is not used by an update, and is left', async () => {
    const stack = world.stack();
    await stack.deploy(properties());
    const planted = await world.givenSnapshot({ 0: EVIL }, { Tags: tagList(tagsOf(stack, next)) });
    const { SnapshotId } = await stack.deploy(next);
    expect(SnapshotId).not.toBe(planted);
    world.expectContent(SnapshotId, disk(2 * BLOCK_SIZE, 'other'));
    expect(world.snapshotIds.sort()).toEqual([planted, SnapshotId].sort());
  });

  test.each(['old', 'new'] as const)('is not used by a rollback (%s id)', async rollbackWith => {
    const stack = world.stack();
    const { SnapshotId } = await stack.deploy(properties());
    const planted = await world.givenSnapshot({ 0: EVIL }, { Tags: tagList(tagsOf(stack, properties())) });
    await expect(stack.deploy(next, { failAfter: true, rollbackWith })).rejects.toThrow('another resource failed');
    expect(stack.physicalId).toBe(SnapshotId);
    expect(world.snapshotIds).toContain(planted);
  });

  test('is not deleted as a leftover, whatever its tags say', async () => {
    const stack = world.stack();
    await stack.deploy(properties());
    const tags = tagsOf(stack, next, { [OWNERSHIP_TAGS.state]: 'creating', [OWNERSHIP_TAGS.requestId]: 'another' });
    const theirs = await world.givenSnapshot({ 0: EVIL }, { Tags: tagList(tags) });
    await stack.deploy(next);
    await stack.cancel(next);
    world.denied.push('ebs:StartSnapshot');
    await expect(world.stack().deploy(next)).rejects.toThrow();
    expect(world.snapshotIds).toContain(theirs);
  });
});

test('a copy of a snapshot with its copied tags is neither gone back to nor deleted', async () => {
  const stack = world.stack();
  const { SnapshotId } = await stack.deploy(properties());
  const copy = await world.givenSnapshot({ 0: EVIL }, { Tags: tagList(world.ebs.snapshot(SnapshotId)!.tags) });
  const { SnapshotId: second } = await stack.deploy(properties({ SourceKey: 'other.img' }));
  const { SnapshotId: third } = await stack.deploy(properties());
  expect([copy, second]).not.toContain(third);
  await stack.destroy();
  expect(world.snapshotIds).toEqual([copy]);
});

describe('there and back', () => {
  const keep = { RemovalPolicy: 'Retain' };
  const put = (day: string) => world.s3.put(IMAGES, 'disk.img', disk(2 * BLOCK_SIZE, day));
  /** CloudFormation retains what an update replaced: it sends no Delete. */
  const update = async (stack: Stack, to: Record<string, unknown>, from: Record<string, unknown>, PhysicalResourceId: string) =>
    (await stack.play(stack.event('Update', to, { PhysicalResourceId, OldResourceProperties: stack.event('Update', from).ResourceProperties }))).id;

  test('imports again, because the object may have been overwritten', async () => {
    const stack = world.stack();
    const [small, large] = [10, 20].map(VolumeSize => properties({ ...keep, VolumeSize }));
    await put('monday');
    const { SnapshotId: first } = await stack.deploy(small);
    await put('tuesday');
    world.stacks.statuses.set(stack.stackId, 'UPDATE_IN_PROGRESS');
    const second = await update(stack, large, small, first);
    await put('wednesday');
    const third = await update(stack, small, large, second);
    world.expectContent(third, disk(2 * BLOCK_SIZE, 'wednesday'));
    world.expectContent(first, disk(2 * BLOCK_SIZE, 'monday'));
  });

  test('imports again although the status is that of the rollback before', async () => {
    const stack = world.stack();
    const [small, large] = [10, 20].map(VolumeSize => properties({ ...keep, VolumeSize }));
    const { SnapshotId: first } = await stack.deploy(small);
    world.stacks.statuses.set(stack.stackId, 'UPDATE_IN_PROGRESS');
    const second = await update(stack, large, small, first);
    await put('wednesday');
    const until = world.clock.now() + MINUTE / 2;
    world.stacks.stale = { status: 'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS', isOver: () => world.clock.now() >= until };
    world.expectContent(await update(stack, small, large, second), disk(2 * BLOCK_SIZE, 'wednesday'));
  });

  test('imports again what is named by the version that S3 calls null, because that can be overwritten', async () => {
    const stack = world.stack();
    const [small, large] = [10, 20].map(VolumeSize => properties({ ...keep, VolumeSize, SourceVersion: 'null' }));
    await put('monday');
    const { SnapshotId: first } = await stack.deploy(small);
    world.stacks.statuses.set(stack.stackId, 'UPDATE_IN_PROGRESS');
    const second = await update(stack, large, small, first);
    await put('tuesday');
    world.expectContent(await update(stack, small, large, second), disk(2 * BLOCK_SIZE, 'tuesday'));
  });

  test('goes back to the snapshot that there was, if the version of the object is given', async () => {
    const stack = world.stack();
    world.s3.createBucket('versions', { versioned: true });
    const { versionId: SourceVersion } = await world.s3.put('versions', 'disk.img', disk(2 * BLOCK_SIZE, 'monday'));
    await world.s3.put('versions', 'disk.img', disk(2 * BLOCK_SIZE, 'tuesday'));
    const [small, large] = [10, 20].map(VolumeSize => properties({ ...keep, VolumeSize, SourceBucket: 'versions', SourceVersion }));
    const { SnapshotId: first } = await stack.deploy(small);
    world.stacks.statuses.set(stack.stackId, 'UPDATE_IN_PROGRESS');
    const second = await update(stack, large, small, first);
    expect(await update(stack, small, large, second)).toBe(first);
    world.expectContent(first, disk(2 * BLOCK_SIZE, 'monday'));
  });

  test.each<[string, (image: Buffer) => object]>([
    ['the ETag', image => ({ SourceETag: `"${createHash('md5').update(image).digest('hex')}"` })],
    ['the SHA-256', image => ({ SourceSha256: createHash('sha256').update(image).digest('hex') })],
  ])('goes back to the snapshot that there was, if %s of the object is given', async (_, pinOf) => {
    const stack = world.stack();
    await put('monday');
    const pin = pinOf(disk(2 * BLOCK_SIZE, 'monday'));
    const [small, large] = [10, 20].map(VolumeSize => properties({ ...keep, VolumeSize, ...pin }));
    const { SnapshotId: first } = await stack.deploy(small);
    world.stacks.statuses.set(stack.stackId, 'UPDATE_IN_PROGRESS');
    const second = await update(stack, large, small, first);
    expect(await update(stack, small, large, second)).toBe(first);
  });
});

describe('a Delete with an id that CloudFormation invented', () => {
  test('leaves what the stack lists, although it comes late', async () => {
    const stack = world.stack();
    const { SnapshotId } = await stack.deploy(properties());
    world.stacks.resources.set(SnapshotId, { stackId: stack.stackId, logicalId: 'Image', type: 'Custom::SnapshotImport' });
    await stack.cancel(properties());
    expect(world.snapshotIds).toEqual([SnapshotId]);
  });

  test('leaves what an earlier operation made', async () => {
    const stack = world.stack();
    const { SnapshotId } = await stack.deploy(properties());
    await world.clock.sleep(MINUTE);
    world.stacks.begun = world.clock.now();
    await stack.cancel(properties());
    expect(world.snapshotIds).toEqual([SnapshotId]);
  });

  test('leaves the thing of an earlier operation although CloudFormation still tells when that began', async () => {
    const stack = world.stack();
    const { SnapshotId } = await stack.deploy(properties());
    await world.clock.sleep(MINUTE);
    const begun = world.clock.now();
    world.server.faults.before('cloudformation:DescribeStacks', () => {
      if (world.clock.now() >= begun + 40_000) { world.stacks.begun = begun; }
    }, { times: Infinity });
    await stack.cancel(properties());
    expect(world.snapshotIds).toEqual([SnapshotId]);
  });

  test('leaves what a later call is making', async () => {
    const stack = world.stack();
    const late = stack.event('Delete', properties(), { PhysicalResourceId: 'Stack-Image-1ABCDEFGH2IJK' });
    await world.clock.sleep(MINUTE);
    const creation = stack.event('Create', properties());
    const begun = { ...creation, ...await world.handlers.act(creation) };
    await stack.play(late);
    expect(world.snapshotIds).toEqual([begun.PhysicalResourceId]);
  });

  test('removes what its creation made, although the answer came too late to be heard', async () => {
    const stack = world.stack();
    await stack.deploy(properties());
    await world.clock.sleep(MINUTE);
    world.stacks.statuses.set(stack.stackId, 'ROLLBACK_IN_PROGRESS');
    await stack.cancel(properties());
    world.expectNothingLeft();
  });

  test('leaves what is complete if CloudFormation does not say what it lists', async () => {
    const stack = world.stack();
    const { SnapshotId } = await stack.deploy(properties());
    world.stacks.broken = true;
    await stack.cancel(properties());
    expect(world.snapshotIds).toEqual([SnapshotId]);
  });
});

describe('an AMI that somebody planted or copied', () => {
  const machines = () => world.told(new Stack(world.clock, world.handlers, 'Custom::MachineImage', 'Machine'));
  /** The stack has neither imports nor exports, so that it has no bucket. */
  function machinesWithoutRecords(): Stack {
    delete process.env[TRANSFER_ENVIRONMENT.bucket];
    const { act, poll, ...others } = ebsHandlers(ebsClients());
    const handlers = { ...others, act: (event: any) => world.run(() => act(event)), poll: (event: any) => world.run(() => poll(event)) };
    return world.told(new Stack(world.clock, handlers, 'Custom::MachineImage', 'Machine'));
  }
  const snapshot = () => world.ec2.snapshots.add({ volumeSize: 2, startTime: world.clock.now() }).snapshotId;
  const ids = () => world.ec2.images.all.map(({ imageId }) => imageId).sort();

  test.each([true, false])('is not used by an update, and is left (with records: %s)', async withRecords => {
    const stack = withRecords ? machines() : machinesWithoutRecords();
    const [first, second] = [snapshot(), snapshot()];
    await stack.deploy(machineProperties(first));
    const planted = world.givenImage('evil', snapshot(), tagsOf(stack, machineProperties(second)));
    await world.clock.sleep(MINUTE);
    const { ImageId } = await stack.deploy(machineProperties(second));
    expect(ids()).toEqual([planted, ImageId].sort());
    await stack.destroy();
    expect(ids()).toEqual([planted]);
  });

  test.each([[true, 'old'], [true, 'new'], [false, 'old'], [false, 'new']] as const)(
    'keeps no rollback from the image that there was (with records: %s, %s id)', async (withRecords, rollbackWith) => {
      const stack = withRecords ? machines() : machinesWithoutRecords();
      const first = snapshot();
      const { ImageId } = await stack.deploy(machineProperties(first));
      const planted = world.givenImage('evil', snapshot(), tagsOf(stack, machineProperties(first)));
      await world.clock.sleep(MINUTE);
      await expect(stack.deploy(machineProperties(snapshot()), { failAfter: true, rollbackWith })).rejects.toThrow('another resource failed');
      expect(stack.physicalId).toBe(ImageId);
      expect(ids()).toContain(planted);
    });

  test('is not deregistered as one that is kept too long', async () => {
    const stack = machines();
    const keeping = () => machineProperties(snapshot(), { RetainPrevious: 1 });
    const { ImageId: kept } = await stack.deploy(keeping());
    await world.clock.sleep(MINUTE);
    stack.onStatus = undefined;
    world.stacks.statuses.set(stack.stackId, 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
    await stack.deploy(keeping());
    const copy = world.givenImage('our-own-copy', snapshot(), Object.fromEntries(world.ec2.images.get(kept).tags));
    await world.clock.sleep(MINUTE);
    await stack.deploy(keeping());
    expect(ids()).toContain(copy);
    expect(ids()).not.toContain(kept);
  });

  describe('of ours, from before the stack had a bucket,', () => {
    const keeping = (more: object = {}) => machineProperties(snapshot(), { RetainPrevious: 1, ...more });
    let stack: Stack;
    let wanted: Record<string, unknown>;
    let first: string;

    beforeEach(async () => {
      const { bucket } = TRANSFER_ENVIRONMENT;
      const name = process.env[bucket];
      const before = machinesWithoutRecords();
      wanted = machineProperties(snapshot(), { Name: 'first' });
      first = (await before.deploy(wanted)).ImageId;
      process.env[bucket] = name;
      await world.clock.sleep(MINUTE);
      stack = world.told(new Stack(world.clock, world.handlers, 'Custom::MachineImage', 'Machine', 'Stack', before.stackId));
    });

    async function update(to: Record<string, unknown>, from: Record<string, unknown>, PhysicalResourceId: string, status: string): Promise<string> {
      stack.onStatus!(status);
      const OldResourceProperties = stack.event('Update', from).ResourceProperties;
      return (await stack.play(stack.event('Update', to, { PhysicalResourceId, OldResourceProperties }))).id;
    }
    async function replace(to: Record<string, unknown>, from: Record<string, unknown>, PhysicalResourceId: string): Promise<string> {
      const id = await update(to, from, PhysicalResourceId, 'UPDATE_IN_PROGRESS');
      stack.onStatus!('UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
      await stack.play(stack.event('Delete', from, { PhysicalResourceId }));
      await world.clock.sleep(MINUTE);
      return id;
    }

    test('is pruned as the others', async () => {
      const [next, last] = [keeping(), keeping()];
      const second = await replace(next, wanted, first);
      expect(ids()).toEqual([first, second].sort());
      const third = await replace(last, next, second);
      expect(ids()).toEqual([second, third].sort());
    });

    test('is what a rollback goes back to', async () => {
      const next = keeping({ Name: 'second' });
      const second = await update(next, wanted, first, 'UPDATE_IN_PROGRESS');
      expect(await update(wanted, next, second, 'UPDATE_ROLLBACK_IN_PROGRESS')).toBe(first);
    });
  });

  test('leaves no record when all images are gone', async () => {
    const stack = machines();
    await stack.deploy(machineProperties(snapshot()));
    expect(world.transferObjects).toEqual([`images/${stack.physicalId}.json`]);
    await world.clock.sleep(MINUTE);
    await expect(stack.deploy(machineProperties(snapshot()), { failAfter: true })).rejects.toThrow('another resource failed');
    await stack.destroy();
    expect(world.transferObjects).toEqual([]);
  });
});

test('without records, because somebody emptied the bucket, a rollback still goes back to the id that CloudFormation has', async () => {
  const stack = world.stack();
  const { SnapshotId } = await stack.deploy(properties());
  const bucket = world.s3.buckets.get(TRANSFERS)!;
  for (const { key, versionId } of bucket.versions()) { bucket.remove(key, versionId); }
  await expect(stack.deploy(properties({ SourceKey: 'other.img' }), { failAfter: true, rollbackWith: 'old' })).rejects.toThrow('another resource failed');
  expect(stack.physicalId).toBe(SnapshotId);
});
