import type { ResourceEvent } from '../../../lambda/shared/resource-event';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { disk, IMAGES, properties } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld } from '../../harness/ebs/ebs-handler-world';
import { machineProperties } from '../../harness/ebs/machine-stack';
import { Stack } from '../../harness/stack';

const POLL = 5_000;
/** More than any of these creations takes. */
const MOST_POLLS = 100;

let world: EbsHandlerWorld;
beforeEach(async () => {
  world = await EbsHandlerWorld.start({ ebs: { completionDelay: 60_000 }, smallExport: { partBlocks: 10, rangeParts: 2, blocks: 36 } });
  world.s3.createBucket('exports');
  await world.s3.put(IMAGES, 'disk.img', disk(3 * BLOCK_SIZE));
});
afterEach(() => world.close());

interface Life {
  readonly stack: Stack;
  readonly properties: Record<string, unknown>;
  /** The properties of an update that replaces the resource. */
  readonly next: Record<string, unknown>;
  /** Lets that update fail until the returned function is called. */
  fail(): Promise<() => void>;
  /** Returns the physical ids of all that there is of this kind in the account. */
  ids(): string[];
  /** Returns what there is of this kind in the account. */
  left(): string[];
}

const lives: Record<string, () => Promise<Life>> = {
  SnapshotImport: async () => ({
    stack: world.stack(),
    properties: properties(),
    next: properties({ SourceRevision: '2' }),
    fail: async () => {
      await world.s3.put(IMAGES, 'disk.img', disk(3 * BLOCK_SIZE, 'another'));
      return denying('ebs:PutSnapshotBlock');
    },
    ids: () => world.snapshotIds,
    left: () => [...world.snapshotIds, ...world.transferObjects],
  }),
  MachineImage: async () => {
    const { snapshotId } = world.ec2.snapshots.add({ volumeSize: 2, startTime: world.clock.now() });
    const other = world.ec2.snapshots.add({ volumeSize: 2, startTime: world.clock.now() }).snapshotId;
    world.ec2.images.pendingTime = 10_000;
    const ids = () => world.ec2.images.all.map(({ imageId }) => imageId);
    return {
      stack: new Stack(world.clock, world.handlers, 'Custom::MachineImage', 'Machine'),
      properties: machineProperties(snapshotId),
      next: machineProperties(other),
      fail: async () => {
        world.ec2.images.failNext = 'simulated';
        return () => { world.ec2.images.failNext = undefined; };
      },
      ids,
      left: ids,
    };
  },
  SnapshotExport: async () => {
    const SnapshotId = await world.givenSnapshot({ 0: Buffer.alloc(BLOCK_SIZE, 'x') });
    await world.clock.sleep(120_000);
    const exported = (Key: string) => ({ SnapshotId, Bucket: 'exports', Key, Owner: 'Stack/Export', RemovalPolicy: 'Delete' });
    return {
      stack: world.exports(),
      properties: exported('disk.img'),
      next: exported('second.img'),
      fail: async () => denying('ebs:GetSnapshotBlock'),
      ids: () => [...new Set(world.transferObjects.map(key => /export-[0-9a-f]{32}/.exec(key)![0]))],
      left: () => [...objects(), ...world.transferObjects],
    };
  },
};
/** The keys of what was exported. */
const objects = () => world.s3.buckets.get('exports')!.versions().map(({ key }) => key);

function denying(action: string): () => void {
  world.denied.push(action);
  return () => void world.denied.splice(world.denied.indexOf(action), 1);
}

const life = (kind: string) => lives[kind]();

/** Starts what an event asks for, and stops polling before it is done. Returns the physical id. */
async function giveUp(event: ResourceEvent<any>): Promise<string> {
  const started = { ...event, ...await world.handlers.act(event) };
  expect((await world.handlers.poll(started)).IsComplete).toBe(false);
  return started.PhysicalResourceId!;
}

/** A creation that CloudFormation does not wait for any longer, up to that many polls. Returns its physical id, and whether it was handed out. */
async function create({ stack, properties: wanted }: Life, polls: number): Promise<{ id: string; handedOut: boolean }> {
  const event = stack.event('Create', wanted);
  const started: ResourceEvent<any> = { ...event, ...await world.handlers.act(event) };
  for (let i = 0; i < polls; i++) {
    if ((await world.handlers.poll(started)).IsComplete) { return { id: started.PhysicalResourceId!, handedOut: true }; }
    await world.clock.sleep(POLL);
  }
  return { id: started.PhysicalResourceId!, handedOut: false };
}

describe.each(Object.keys(lives))('a %s whose creation CloudFormation has given up without rolling back', kind => {
  test.each(['CREATE_FAILED', 'UPDATE_FAILED'])('is not handed out in %s, and is deleted with the id that CloudFormation made up', async status => {
    const given = await life(kind);
    world.stacks.statuses.set(given.stack.stackId, status);
    expect(await create(given, MOST_POLLS)).toMatchObject({ handedOut: false });
    world.stacks.statuses.set(given.stack.stackId, 'DELETE_IN_PROGRESS');
    await given.stack.cancel(given.properties);
    expect(given.left()).toEqual([]);
  });
});

describe.each(Object.keys(lives))('a %s whose creation failed without a rollback', kind => {
  const fail = async () => {
    const given = await life(kind);
    world.stacks.statuses.set(given.stack.stackId, 'CREATE_IN_PROGRESS');
    const { id } = await create(given, 2);
    const remove = async () => {
      await given.stack.play(given.stack.event('Delete', given.properties, { PhysicalResourceId: id }));
    };
    return { ...given, id, remove };
  };

  test('is deleted and made again by the next deployment', async () => {
    const { stack, remove, properties: wanted, left } = await fail();
    world.stacks.statuses.set(stack.stackId, 'UPDATE_IN_PROGRESS');
    await remove();
    await stack.deploy(wanted);
    const now = left();
    expect(now).not.toEqual([]);
    world.stacks.statuses.set(stack.stackId, 'DELETE_IN_PROGRESS');
    await stack.destroy();
    expect(left()).toEqual([]);
  });

  test('is deleted in the clean-up of the next deployment, and what that made stays', async () => {
    const { stack, id, remove, properties: wanted, next, ids, left } = await fail();
    world.stacks.statuses.set(stack.stackId, 'UPDATE_IN_PROGRESS');
    // An export needs another key, as the next test shows.
    await stack.deploy(kind === 'SnapshotExport' ? next : wanted);
    expect(stack.physicalId).not.toBe(id);
    world.stacks.statuses.set(stack.stackId, 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
    await remove();
    expect(ids()).toEqual([stack.physicalId]);
    if (kind === 'SnapshotExport') { expect(objects()).toEqual(['second.img', 'second.img.manifest']); }
    world.stacks.statuses.set(stack.stackId, 'DELETE_IN_PROGRESS');
    await stack.destroy();
    expect(left()).toEqual([]);
  });

  test('is deleted with its stack', async () => {
    const { stack, remove, left } = await fail();
    world.stacks.statuses.set(stack.stackId, 'DELETE_IN_PROGRESS');
    await remove();
    expect(left()).toEqual([]);
  });
});

test('a SnapshotExport whose creation failed without a rollback refuses its key to the next one once, which removes what failed', async () => {
  const { stack, properties: wanted, ...given } = await life('SnapshotExport');
  world.stacks.statuses.set(stack.stackId, 'CREATE_FAILED');
  const { id, handedOut } = await create({ ...given, stack, properties: wanted }, MOST_POLLS);
  expect([handedOut, objects()]).toEqual([false, ['disk.img', 'disk.img.manifest']]);

  world.stacks.statuses.set(stack.stackId, 'UPDATE_IN_PROGRESS');
  await expect(stack.deploy(wanted)).rejects.toThrow('s3://exports/disk.img exists already, made by another export; nothing is overwritten');
  world.stacks.statuses.set(stack.stackId, 'UPDATE_FAILED');
  expect(given.left()).toEqual([]);

  world.stacks.statuses.set(stack.stackId, 'UPDATE_IN_PROGRESS');
  await stack.deploy(wanted);
  world.stacks.statuses.set(stack.stackId, 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
  await stack.play(stack.event('Delete', wanted, { PhysicalResourceId: id }));
  expect([given.ids(), objects()]).toEqual([[stack.physicalId], ['disk.img', 'disk.img.manifest']]);
});

/** How the update fails: with an error; because it takes too long; because its answer is lost after it has succeeded. */
const FAILURES = ['an error', 'its time', 'a lost answer'] as const;
/** The physical id in the event by which CloudFormation takes a failed update back in the same operation; none: it does not. */
const TAKEN_BACK = [undefined, 'old', 'new'] as const;

describe.each(Object.keys(lives))('a %s whose replacement failed without a rollback', kind => {
  describe.each(FAILURES)('by %s', how => {
    const fail = async (takenBack?: 'old' | 'new') => {
      const given = await life(kind);
      const { stack } = given;
      const [before, after] = [given.properties, given.next].map(each => stack.event('Update', each).ResourceProperties as Record<string, unknown>);
      const status = (name: string) => world.stacks.statuses.set(stack.stackId, name);
      const update = async (to: object, from: object, id: string) =>
        stack.play(stack.event('Update', to as any, { PhysicalResourceId: id, OldResourceProperties: from as any }));
      const remove = (id: string, of: object) => stack.play(stack.event('Delete', of as any, { PhysicalResourceId: id }));

      status('CREATE_IN_PROGRESS');
      await stack.deploy(before);
      const first = stack.physicalId!;
      await world.clock.sleep(120_000);
      world.stacks.disableRollback = true;
      status('UPDATE_IN_PROGRESS');
      const mend = await given.fail();
      if (how !== 'an error') { mend(); }
      const failed = {
        'an error': () => update(after, before, first).then(
          () => { throw new Error('it succeeded'); },
          error => (error as { physicalId: string }).physicalId,
        ),
        'its time': () => giveUp(stack.event('Update', after as any, { PhysicalResourceId: first, OldResourceProperties: before as any })),
        'a lost answer': async () => (await update(after, before, first)).id,
      };
      const id = await failed[how]();
      if (how === 'an error') { mend(); }
      if (takenBack) { expect((await update(before, after, takenBack === 'new' ? id : first)).id).toBe(first); }
      status('UPDATE_FAILED');
      await world.clock.sleep(120_000);
      return { ...given, first, failed: id, before, after, status, update, remove };
    };

    // Nothing says then that an import is taken back, and that the image is the same.
    const known = TAKEN_BACK.filter(takenBack => !(kind === 'SnapshotImport' && how === 'a lost answer' && takenBack === 'new'));
    test.each(known)('goes forward, after it was taken back with this id: %s', async takenBack => {
      const { first, failed, before, after, status, update, remove, ids, left } = await fail(takenBack);
      status('UPDATE_IN_PROGRESS');
      const { id } = await update(after, before, first);
      expect(id).not.toBe(first);
      // CloudFormation has the id of what failed on its list of things to delete.
      if (how !== 'a lost answer') { expect(id).not.toBe(failed); }
      status('UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
      await remove(first, before);
      if (id !== failed) { await remove(failed, after); }
      expect(ids()).toEqual([id]);
      if (kind === 'SnapshotExport') { expect(objects()).toEqual(['second.img', 'second.img.manifest']); }
      if (kind === 'SnapshotImport') { world.expectContent(id, disk(3 * BLOCK_SIZE, 'another')); }
      status('DELETE_IN_PROGRESS');
      await remove(id, after);
      expect(left()).toEqual([]);
    });

    test.each(['old', 'new'] as const)('goes back, with the %s id', async rollbackWith => {
      const { first, failed, before, after, status, update, remove, ids, left } = await fail();
      status('UPDATE_ROLLBACK_IN_PROGRESS');
      expect((await update(before, after, rollbackWith === 'new' ? failed : first)).id).toBe(first);
      status('UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS');
      await remove(failed, after);
      expect(ids()).toEqual([first]);
      if (kind === 'SnapshotExport') { expect(objects()).toEqual(['disk.img', 'disk.img.manifest']); }
      status('DELETE_IN_PROGRESS');
      await remove(first, before);
      expect(left()).toEqual([]);
    });
  });
});

test.each(['SnapshotImport', 'MachineImage'])('a %s whose update in place failed without a rollback goes forward, taken back or not', async kind => {
  const { stack, properties: wanted, ids } = await life(kind);
  const status = (name: string) => world.stacks.statuses.set(stack.stackId, name);
  const tagged = (Value: string): Record<string, unknown> =>
    stack.event('Update', { ...wanted, Tags: [{ Key: 'version', Value }] }).ResourceProperties;
  const update = (to: string, from: string) =>
    stack.play(stack.event('Update', tagged(to), { PhysicalResourceId: stack.physicalId, OldResourceProperties: tagged(from) as any }));
  const version = () => [...world.ec2.snapshots.all, ...world.ec2.images.all].flatMap(({ tags }) => tags.get('version') ?? []);
  status('CREATE_IN_PROGRESS');
  await stack.deploy(tagged('1'));
  for (const [to, takenBack] of [['2', true], ['3', false]] as const) {
    status('UPDATE_IN_PROGRESS');
    const mend = denying('ec2:CreateTags');
    await expect(update(to, '1')).rejects.toThrow('ec2:CreateTags');
    mend();
    if (takenBack) { await update('1', to); }
    expect(version()).toEqual(['1']);
    status('UPDATE_FAILED');
  }
  status('UPDATE_IN_PROGRESS');
  await update('3', '1');
  expect([version(), ids()]).toEqual([['3'], [stack.physicalId]]);
});
