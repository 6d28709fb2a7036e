/** Things that CloudFormation retained when an update replaced them. */
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { disk, IMAGES, properties } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld } from '../../harness/ebs/ebs-handler-world';
import { machineProperties } from '../../harness/ebs/machine-stack';
import { Stack } from '../../harness/stack';

const RETAIN = { RemovalPolicy: 'Retain' };
const MINUTE = 60_000;
const EXPORTS = 'exports';

let world: EbsHandlerWorld;
let stack: Stack;

beforeEach(async () => {
  world = await EbsHandlerWorld.start({ smallExport: { partBlocks: 10, rangeParts: 2, blocks: 36 } });
  world.s3.createBucket(EXPORTS);
  await world.s3.put(IMAGES, 'disk.img', disk(2 * BLOCK_SIZE));
});
afterEach(() => world.close());

type Properties = Record<string, unknown>;

interface Kind {
  /** Returns the properties of two contents. */
  given(): Promise<readonly Properties[]>;
  stack(): Stack;
  /** The physical ids of what is there. */
  there(): string[];
}

const givenSnapshot = () => world.givenSnapshot({ 0: Buffer.alloc(BLOCK_SIZE, 'x') });

const KINDS: readonly [string, Kind][] = [
  ['a snapshot', {
    async given() {
      const SourceETag = `"${world.s3.object(IMAGES, 'disk.img')!.etag}"`;
      return [10, 20].map(VolumeSize => properties({ ...RETAIN, SourceETag, VolumeSize }));
    },
    stack: () => world.stack(),
    there: () => world.snapshotIds,
  }],
  ['an AMI', {
    async given() {
      return [machineProperties(await givenSnapshot(), RETAIN), machineProperties(await givenSnapshot(), RETAIN)];
    },
    stack: () => world.told(new Stack(world.clock, world.handlers, 'Custom::MachineImage', 'Machine')),
    there: () => world.ec2.images.all.map(({ imageId }) => imageId),
  }],
  ['an exported object', {
    async given() {
      const exported = { SnapshotId: await givenSnapshot(), Bucket: EXPORTS, Owner: 'Stack/Export', ...RETAIN };
      await world.clock.sleep(2 * MINUTE);
      return [{ ...exported, Key: 'one.img' }, { ...exported, Key: 'two.img' }];
    },
    stack: () => world.exports(),
    there: () => world.transferObjects.flatMap(key => /^transfers\/(export-[0-9a-f]+)\/record.json$/.exec(key)?.[1] ?? []),
  }],
];

const begin = async (status: string) => {
  await world.clock.sleep(MINUTE);
  world.stacks.begun = world.clock.now();
  stack.onStatus!(status);
};
const event = (type: 'Update' | 'Delete', to: Properties, PhysicalResourceId: string, from = to) => stack.event(type, to, {
  PhysicalResourceId, ...type === 'Update' && { OldResourceProperties: stack.event('Update', from).ResourceProperties },
});
const update = async (to: Properties, from: Properties, id: string) => (await stack.play(event('Update', to, id, from))).id;

describe.each(KINDS)('%s under a policy that retains', (_, kind) => {
  let one: Properties;
  let two: Properties;
  let first: string;
  let second: string;

  beforeEach(async () => {
    [one, two] = await kind.given();
    stack = kind.stack();
    await begin('CREATE_IN_PROGRESS');
    first = (await stack.play(stack.event('Create', one))).id;
    await begin('UPDATE_IN_PROGRESS');
    second = await update(two, one, first);
    stack.onStatus!('UPDATE_COMPLETE');
  });

  const expectBoth = () => expect(kind.there().sort()).toEqual([first, second].sort());

  test('survives the rollback of an update that goes back to it', async () => {
    await begin('UPDATE_IN_PROGRESS');
    expect(await update(one, two, second)).toBe(first);
    stack.onStatus!('UPDATE_ROLLBACK_IN_PROGRESS');
    expect(await update(two, one, first)).toBe(second);
    stack.onStatus!('UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS');
    await stack.play(event('Delete', one, first));
    expectBoth();
  });

  test('survives that rollback if CloudFormation does not say when the operation began', async () => {
    await begin('UPDATE_IN_PROGRESS');
    await update(one, two, second);
    stack.onStatus!('UPDATE_ROLLBACK_IN_PROGRESS');
    await update(two, one, first);
    world.stacks.broken = true;
    await stack.play(event('Delete', one, first));
    expectBoth();
  });

  test('goes if only its deletion policy retains, and an update replaces it', async () => {
    stack.onStatus!('UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
    await stack.play(event('Delete', one, first));
    expect(kind.there()).toEqual([second]);
  });

  test('goes then although CloudFormation still tells the update', async () => {
    const until = world.clock.now() + 50_000;
    world.stacks.stale = { status: 'UPDATE_IN_PROGRESS', isOver: () => world.clock.now() >= until };
    stack.onStatus!('UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
    await stack.play(event('Delete', one, first));
    expect(kind.there()).toEqual([second]);
  });

  test('goes if the failed operation made it', async () => {
    stack.onStatus!('UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS');
    await stack.play(event('Delete', two, second));
    expect(kind.there()).toEqual([first]);
  });

  describe('and to which an update goes back that sets DESTROY', () => {
    const destroy = () => ({ ...one, RemovalPolicy: 'Delete' });
    const goBack = async () => {
      await begin('UPDATE_IN_PROGRESS');
      expect(await update(destroy(), two, second)).toBe(first);
    };
    const rollBack = async () => {
      stack.onStatus!('UPDATE_ROLLBACK_IN_PROGRESS');
      expect(await update(two, destroy(), first)).toBe(second);
      stack.onStatus!('UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS');
      await stack.play(event('Delete', destroy(), first));
    };

    test('survives the rollback of that update', async () => {
      await goBack();
      await rollBack();
      expectBoth();
    });

    test('survives that rollback if the update began with the status of the rollback before', async () => {
      const until = world.clock.now() + 1.5 * MINUTE;
      world.stacks.stale = { status: 'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS', isOver: () => world.clock.now() >= until };
      await goBack();
      await rollBack();
      expectBoth();
    });

    test('survives that rollback if CloudFormation does not say its status', async () => {
      await goBack();
      world.stacks.broken = true;
      await stack.play(event('Delete', destroy(), first));
      expectBoth();
    });

    test('goes with the stack', async () => {
      await goBack();
      stack.onStatus!('DELETE_IN_PROGRESS');
      await stack.play(event('Delete', destroy(), first));
      expect(kind.there()).toEqual([second]);
    });

    test('goes when a later update replaces it', async () => {
      await goBack();
      await begin('UPDATE_IN_PROGRESS');
      expect(await update(two, destroy(), first)).toBe(second);
      stack.onStatus!('UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
      await stack.play(event('Delete', destroy(), first));
      expect(kind.there()).toEqual([second]);
    });

    test('does not keep what its rollback goes back to: that goes although CloudFormation does not say its status', async () => {
      await goBack();
      await rollBack();
      world.stacks.broken = true;
      await stack.play(event('Delete', { ...two, RemovalPolicy: 'Delete' }, second));
      expect(kind.there()).toEqual([first]);
    });
  });
});
