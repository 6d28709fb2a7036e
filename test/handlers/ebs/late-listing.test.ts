/** EC2 lists new snapshots and AMIs as late as it may. */
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import type { Ec2Options } from '../../../world/emulator/ec2';
import { Lateness } from '../../../world/emulator/lateness';
import { disk, IMAGES, properties } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld } from '../../harness/ebs/ebs-handler-world';
import { machineProperties, MachineStack } from '../../harness/ebs/machine-stack';
import { Stack } from '../../harness/stack';

/** All delays are as long as they may be. */
class Latest extends Lateness {
  public override delay(): number { return 10_000; }
}

let world: EbsHandlerWorld;

async function start(ec2: Ec2Options = {}): Promise<Buffer> {
  world = await EbsHandlerWorld.start({ rule: true, ec2: { lateness: new Latest(1), ...ec2 }, ebs: { startWindow: 0 } });
  const image = disk(3 * BLOCK_SIZE + 1);
  await world.s3.put(IMAGES, 'disk.img', image);
  return image;
}

afterEach(() => world.close());

describe.each([['only for filters', true], ['by their ids too', false]])('while EC2 does not list new things, %s', (_, youngById) => {
  test('an import is made', async () => {
    const image = await start({ youngById });
    const { SnapshotId } = await world.stack().deploy(properties());
    world.expectContent(SnapshotId, image);
  });

  test('a creation that is cancelled at once leaves nothing', async () => {
    await start({ youngById });
    const stack = world.stack();
    await world.handlers.act(stack.event('Create', properties()));
    await stack.cancel(properties());
    world.expectNothingLeft();
  });

  test('a start whose answer was lost, and that then fails, leaves nothing', async () => {
    await start({ youngById });
    world.server.faults.inject('ebs:StartSnapshot', { kind: 'lost-answer' });
    world.server.faults.inject('ebs:StartSnapshot', { kind: 'error', code: 'AccessDeniedException', status: 403, message: 'no' }, { times: Infinity });
    await expect(world.stack().deploy(properties())).rejects.toThrow('AccessDeniedException');
    await world.clock.sleep(60_000);
    world.expectNothingLeft();
  });

  test('a parent is not deleted before its child is complete', async () => {
    const image = await start({ youngById });
    const stack = world.stack();
    const { SnapshotId: first } = await stack.deploy(properties({ WaitForCompletion: false }));
    await world.clock.sleep(120_000);
    const { SnapshotId, ParentSnapshotId } = await stack.deploy(properties({ SourceRevision: '2', WaitForCompletion: false }));
    expect(ParentSnapshotId).toBe(first);
    await world.clock.sleep(300_000);
    world.expectContent(SnapshotId, image);
    expect(world.snapshotIds).toEqual([SnapshotId]);
  });

  test('an AMI that was replaced is kept, although EC2 does not list its successor at first', async () => {
    await start({ youngById });
    const stack = new MachineStack(world);
    const keep = { machine: { RetainPrevious: 1 } };
    const { imageId: first } = await stack.deploy({ ...keep, revision: '1' });
    await world.clock.sleep(60_000);
    const { imageId: second } = await stack.deploy({ ...keep, revision: '2' });
    await world.clock.sleep(60_000);
    expect(world.ec2.images.all.map(({ imageId }) => imageId).sort()).toEqual([first, second].sort());
  });

  test('the second delivery of an event finds what the first one started, although the image was replaced meanwhile', async () => {
    await start({ youngById });
    const stack = world.stack();
    const event = stack.event('Create', properties());
    const first = await world.handlers.act(event);
    await world.s3.put(IMAGES, 'disk.img', disk(2 * BLOCK_SIZE, 'other'));
    expect((await world.handlers.act(event)).PhysicalResourceId).toBe(first.PhysicalResourceId);
  });

  test('a start whose answer is lost to the end leaves nothing', async () => {
    await start({ youngById });
    world.server.faults.before('ebs:StartSnapshot', () => world.clock.advance(25_000), { times: Infinity });
    world.server.faults.inject('ebs:StartSnapshot', { kind: 'lost-answer' }, { times: Infinity });
    await expect(world.stack().deploy(properties())).rejects.toThrow();
    await world.clock.sleep(60_000);
    world.expectNothingLeft();
  });

  test('the second delivery of an event that cannot return what the first one started leaves nothing', async () => {
    await start({ youngById });
    const stack = world.stack();
    const event = stack.event('Create', properties());
    await world.handlers.act(event);
    await world.s3.put(IMAGES, 'disk.img', disk(2 * BLOCK_SIZE, 'other'));
    Object.assign(world.s3.object(IMAGES, 'disk.img')!.content, { size: 2 * 1024 ** 3 });
    await expect(world.handlers.act(event)).rejects.toThrow('was replaced while its import was being started');
    world.expectNothingLeft();
  });
});

type Properties = Record<string, unknown>;

describe.each<[string, () => Stack, () => Properties, (id: string) => Map<string, string>]>([
  ['a snapshot', () => world.stack(), () => properties(), id => world.ec2.snapshots.find(id)!.tags],
  ['an AMI', () => world.told(new Stack(world.clock, world.handlers, 'Custom::MachineImage', 'Machine')),
    () => machineProperties(world.ec2.snapshots.add({ volumeSize: 2, startTime: world.clock.now() }).snapshotId),
    id => world.ec2.images.get(id).tags],
])('while EC2 lists %s without its tags', (_, make, given, tagsOf) => {
  /** Makes the thing, and runs a step during which it has no tags. */
  async function untagged(step: (id: string, stack: Stack, wanted: Properties, begun: any) => Promise<void>): Promise<void> {
    await start();
    const stack = make();
    stack.onStatus!('CREATE_IN_PROGRESS');
    const wanted = given();
    const creation = stack.event('Create', wanted);
    const begun = { ...creation, ...await world.handlers.act(creation) };
    const tags = tagsOf(begun.PhysicalResourceId!);
    const own = [...tags];
    tags.clear();
    // The direction of the event is certain by now.
    await world.clock.sleep(90_000);
    await step(begun.PhysicalResourceId!, stack, wanted, begun);
    own.forEach(([key, value]) => tags.set(key, value));
    await step(begun.PhysicalResourceId!, stack, wanted, begun);
  }

  test('its creation goes on', async () => {
    const answers: boolean[] = [];
    await untagged(async (id, stack, __, begun) => {
      if (tagsOf(id).size > 0) { return void expect((await stack.play(begun)).id).toBe(id); }
      answers.push((await world.handlers.poll(begun)).IsComplete);
    });
    expect(answers).toEqual([false]);
  });

  test('its deletion waits', async () => {
    await untagged(async (PhysicalResourceId, stack, wanted) => {
      const deletion = stack.event('Delete', wanted, { PhysicalResourceId });
      if (tagsOf(PhysicalResourceId).size > 0) { return void await stack.play(deletion); }
      const deleting = { ...deletion, ...await world.handlers.act(deletion) };
      expect((await world.handlers.poll(deleting)).IsComplete).toBe(false);
    });
    expect(world.transferObjects).toEqual([]);
    expect(world.ec2.images.all).toEqual([]);
  });
});

test('an import that is deleted at once leaves nothing', async () => {
  await start();
  const stack = world.stack();
  const event = stack.event('Create', properties());
  const { PhysicalResourceId } = await world.handlers.act(event);
  await stack.play(stack.event('Delete', properties(), { PhysicalResourceId }));
  await world.clock.sleep(60_000);
  world.expectNothingLeft();
});

test('an AMI that is deleted at once leaves nothing', async () => {
  await start();
  const stack = new Stack(world.clock, world.handlers, 'Custom::MachineImage', 'Machine');
  const snapshotId = world.ec2.snapshots.add({ volumeSize: 2, startTime: world.clock.now() }).snapshotId;
  const { PhysicalResourceId } = await world.handlers.act(stack.event('Create', machineProperties(snapshotId)));
  await stack.play(stack.event('Delete', machineProperties(snapshotId), { PhysicalResourceId }));
  await world.clock.sleep(60_000);
  expect(world.ec2.images.all).toEqual([]);
});
