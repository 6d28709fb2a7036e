import type { ProviderEvent } from '../../../lambda/shared/provider-event';
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
  /** Returns what there is of this kind in the account. */
  left(): string[];
}

const lives: Record<string, () => Promise<Life>> = {
  SnapshotImport: async () => ({ stack: world.stack(), properties: properties(), left: () => world.snapshotIds }),
  MachineImage: async () => {
    const { snapshotId } = world.ec2.snapshots.add({ volumeSize: 2, startTime: world.clock.now() });
    world.ec2.images.pendingTime = 10_000;
    return {
      stack: new Stack(world.clock, world.handlers, 'Custom::MachineImage', 'Machine'),
      properties: machineProperties(snapshotId),
      left: () => world.ec2.images.all.map(({ imageId }) => imageId),
    };
  },
  SnapshotExport: async () => {
    const SnapshotId = await world.givenSnapshot({ 0: Buffer.alloc(BLOCK_SIZE, 'x') });
    await world.clock.sleep(120_000);
    return {
      stack: world.exports(),
      properties: { SnapshotId, Bucket: 'exports', Key: 'disk.img', Owner: 'Stack/Export', RemovalPolicy: 'Delete' },
      left: () => [...world.s3.buckets.get('exports')!.versions().map(({ key }) => key), ...world.transferObjects],
    };
  },
};
const life = (kind: string) => lives[kind]();

/** A creation whose answer CloudFormation does not wait for any longer, up to that many polls. Returns its physical id, and whether it was handed out. */
async function create({ stack, properties: wanted }: Life, polls: number): Promise<{ id: string; handedOut: boolean }> {
  const event = stack.event('Create', wanted);
  const started: ProviderEvent<any> = { ...event, ...await world.handlers.onEvent(event) };
  for (let i = 0; i < polls; i++) {
    if ((await world.handlers.isComplete(started)).IsComplete) { return { id: started.PhysicalResourceId!, handedOut: true }; }
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
    // An export refuses the object of the failed one, with an error that says so, until that is deleted.
    if (kind === 'SnapshotExport') { return; }
    const { stack, id, remove, properties: wanted, left } = await fail();
    world.stacks.statuses.set(stack.stackId, 'UPDATE_IN_PROGRESS');
    await stack.deploy(wanted);
    expect(stack.physicalId).not.toBe(id);
    world.stacks.statuses.set(stack.stackId, 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
    await remove();
    expect(left()).toEqual([stack.physicalId]);
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
