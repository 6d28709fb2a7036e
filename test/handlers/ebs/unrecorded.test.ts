/** Snapshots and AMIs of a step that ended before it had recorded them: only their tags say whose they are. */
import { TransferStore } from '../../../lambda/transfer/bucket/store';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { Lateness } from '../../../world/emulator/lateness';
import { disk, IMAGES, properties } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld, type EbsHandlerWorldOptions } from '../../harness/ebs/ebs-handler-world';
import { machineProperties } from '../../harness/ebs/machine-stack';
import { KILLED } from '../../harness/ebs/mortality';
import { Stack } from '../../harness/stack';

const MINUTE = 60_000;
const INVENTED = 'Stack-Image-1ABCDEFGH2IJK';

/** EC2 lists what is new as late as it may. */
class Latest extends Lateness {
  public override delay(): number { return 10_000; }
}

let world: EbsHandlerWorld;
let die: () => void;

async function start(options: EbsHandlerWorldOptions = {}): Promise<void> {
  world = await EbsHandlerWorld.start({
    ...options,
    around: (_, work) => world.run(() => Promise.race([work(), new Promise<never>((__, reject) => { die = () => reject(KILLED); })])),
  });
  await world.s3.put(IMAGES, 'disk.img', disk(2 * BLOCK_SIZE));
}

afterEach(() => world.close());

/** From now on, a step dies when it has made a thing and is about to record it. */
const dieBeforeRecord = () => jest.spyOn(TransferStore.prototype, 'saveCreation').mockImplementation(() => {
  die();
  return new Promise(() => {});
});
const givenSnapshot = () => world.ec2.snapshots.add({ volumeSize: 2, startTime: world.clock.now() }).snapshotId;
const begin = async () => {
  await world.clock.sleep(MINUTE);
  world.stacks.begun = world.clock.now();
};
const tagList = (tags: Record<string, string>) => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
const copied = (id: string, more: Record<string, string>) => ({ Tags: tagList({ ...world.ebs.snapshot(id)!.tags, ...more }) });
/** Somebody else starts a snapshot with the tags of one of ours, and fills it. */
const givenPending = (id: string, more: Record<string, string> = {}) => world.givenSnapshot({}, copied(id, more), false);

interface Kind {
  wanted(revision: number): Record<string, unknown>;
  stack(): Stack;
  there(): string[];
}

const KINDS: readonly [string, Kind][] = [
  ['a snapshot', {
    wanted: revision => properties({ VolumeSize: 10 * revision }), stack: () => world.stack(), there: () => world.snapshotIds,
  }],
  ['an AMI', {
    wanted: () => machineProperties(givenSnapshot()),
    stack: () => world.told(new Stack(world.clock, world.handlers, 'Custom::MachineImage', 'Machine')),
    there: () => world.ec2.images.all.map(({ imageId }) => imageId),
  }],
];

describe.each(KINDS)('%s without a record', (_, { wanted, stack: make, there }) => {
  test.each(['old', 'new'] as const)('goes with the update that made it (%s id)', async rollbackWith => {
    await start();
    const stack = make();
    await stack.deploy(wanted(1));
    const before = there();
    await begin();
    dieBeforeRecord();
    await expect(stack.deploy(wanted(2), { rollbackWith })).rejects.toBe(KILLED);
    expect(there()).toEqual(before);
  });

  test('goes with the creation that made it', async () => {
    await start();
    dieBeforeRecord();
    await expect(make().deploy(wanted(1))).rejects.toBe(KILLED);
    expect(there()).toEqual([]);
  });

  test('goes with the cancelled creation that made it, although it was made after the Delete was sent', async () => {
    await start();
    const stack = make();
    const properties_ = wanted(1);
    const creation = stack.event('Create', properties_);
    const deletion = stack.event('Delete', properties_, { PhysicalResourceId: INVENTED });
    stack.onStatus!('CREATE_IN_PROGRESS');
    await begin();
    world.stacks.begun -= MINUTE;
    const spy = dieBeforeRecord();
    await expect(world.handlers.act(creation)).rejects.toBe(KILLED);
    spy.mockRestore();
    await stack.play(deletion);
    expect(there()).toEqual([]);
  });

  test('stays when the Delete of an earlier creation comes hours late', async () => {
    await start();
    const stack = make();
    const properties_ = wanted(1);
    const deletion = stack.event('Delete', properties_, { PhysicalResourceId: INVENTED });
    await world.clock.sleep(60 * MINUTE);
    stack.onStatus!('CREATE_IN_PROGRESS');
    await begin();
    const creation = stack.event('Create', properties_);
    const spy = dieBeforeRecord();
    await expect(world.handlers.act(creation)).rejects.toBe(KILLED);
    spy.mockRestore();
    const made = there();
    await world.clock.sleep(MINUTE);
    await stack.play(deletion);
    expect(there()).toEqual(made);
  });

  test.each([true, false])('goes at once if it cannot be recorded, although EC2 does not list it yet (listed by its id: %s)', async youngById => {
    await start({ ec2: { lateness: new Latest(1), youngById } });
    const properties_ = wanted(1);
    await world.clock.sleep(MINUTE);
    world.server.faults.inject('s3:PutObject', { kind: 'error', code: 'InvalidRequest', status: 400, message: 'no' }, { times: Infinity });
    await expect(make().deploy(properties_)).rejects.toThrow('s3:PutObject failed');
    await world.clock.sleep(MINUTE);
    expect(there()).toEqual([]);
  });
});

describe('a pending snapshot of somebody else', () => {
  const next = properties({ VolumeSize: 10 });

  test('with copied tags is not deleted by any event', async () => {
    await start();
    const stack = world.stack();
    const { SnapshotId } = await stack.deploy(properties());
    const theirs = await givenPending(SnapshotId);
    await stack.cancel(properties());
    await expect(stack.deploy(next, { failAfter: true })).rejects.toThrow('another resource failed');
    await stack.destroy();
    expect(world.snapshotIds).toEqual([theirs]);
  });

  test('with all tags of an unfinished one, from before the operation, is not deleted by any event', async () => {
    await start();
    const stack = world.stack();
    const { SnapshotId } = await stack.deploy(properties());
    const theirs = await givenPending(SnapshotId, { [OWNERSHIP_TAGS.state]: 'creating' });
    await begin();
    await stack.cancel(properties());
    await expect(stack.deploy(next, { failAfter: true })).rejects.toThrow('another resource failed');
    await stack.destroy();
    expect(world.snapshotIds).toEqual([theirs]);
  });
});
