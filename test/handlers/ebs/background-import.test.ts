import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { disk, IMAGES, properties as waited } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld, type EbsHandlerWorldOptions } from '../../harness/ebs/ebs-handler-world';

let world: EbsHandlerWorld;

async function start(options?: EbsHandlerWorldOptions, image = disk(3 * BLOCK_SIZE + 1)): Promise<Buffer> {
  world = await EbsHandlerWorld.start(options);
  await world.s3.put(IMAGES, 'disk.img', image);
  await world.s3.put(IMAGES, 'other.img', disk(2 * BLOCK_SIZE, 'other'));
  return image;
}

/** Nobody waits for it. */
const properties = (more: Record<string, unknown> = {}) => waited({ WaitForCompletion: false, ...more });
const stateOf = (id: string) => world.ebs.snapshot(id)?.state;
const ended = () => world.clock.sleep(3_600_000);

afterEach(() => world.close());

describe('an import that nobody waits for', () => {
  test('is complete when the copying has begun, and ends by itself', async () => {
    const image = await start({ ebs: { completionDelay: 60_000 } });
    const { SnapshotId, VolumeSize } = await world.stack().deploy(properties());

    expect(VolumeSize).toBe('1');
    expect(stateOf(SnapshotId)).toBe('pending');
    await ended();
    world.expectContent(SnapshotId, image);
  });

  test('is accepted however large the image is', async () => {
    await start({ rule: true });
    Object.assign(world.s3.object(IMAGES, 'disk.img')!.content, { size: 3_000_001 * BLOCK_SIZE });
    // Enough of it: there are no bytes.
    world.denied.push('ebs:PutSnapshotBlock');

    const { SnapshotId } = await world.stack().deploy(properties());

    expect(SnapshotId).toMatch(/^snap-/);
    await ended();
    expect(world.snapshotIds).toEqual([]);
    // The reason stays, for the next event of the resource.
    expect(world.transferObjects).toEqual([`transfers/${SnapshotId}/failure`]);
  });

  test('of a volume that EBS completes after four days has less than 25,000 events in its history, and does not wait much longer', async () => {
    const days = 96 * 3_600_000 - 600_000;
    const image = await start({ ebs: { completionDelay: days } });
    const { SnapshotId } = await world.stack().deploy(properties());
    const execution = `arn:aws:states:eu-west-1:111122223333:execution:transfer:${SnapshotId}`;

    await world.clock.sleep(days + 1_200_000);

    const { status, startDate, stopDate } = world.states.describe(execution);
    expect(status).toBe('SUCCEEDED');
    expect(stopDate! - startDate).toBeLessThan(days + 900_000);
    expect(world.states.events(execution)).toBeLessThan(10_000);
    world.expectContent(SnapshotId, image);
  }, 60_000);

  test('takes other tags while it runs', async () => {
    await start({ ebs: { completionDelay: 60_000 } });
    const stack = world.stack();
    const { SnapshotId } = await stack.deploy(properties({ Tags: [{ Key: 'team', Value: 'a' }] }));

    expect(await stack.deploy(properties({ Tags: [{ Key: 'team', Value: 'b' }] }))).toEqual({ SnapshotId, VolumeSize: '1', ParentSnapshotId: '' });

    expect(stateOf(SnapshotId)).toBe('pending');
    expect(world.ebs.snapshot(SnapshotId)!.tags).toMatchObject({ team: 'b' });
  });

  test('is waited for by an update that wants to', async () => {
    const image = await start({ ebs: { completionDelay: 60_000 } });
    const stack = world.stack();
    const { SnapshotId } = await stack.deploy(properties());
    await stack.deploy(waited());
    world.expectContent(SnapshotId, image);
  });

  test('is stopped when it is deleted', async () => {
    await start({ ebs: { completionDelay: 60_000 }, rule: true });
    const stack = world.stack();
    const statuses: string[] = [];
    world.states.onStatusChange(({ detail }) => statuses.push(detail.status));
    await stack.deploy(properties());

    await stack.destroy();

    world.expectNothingLeft();
    expect(statuses).toEqual(['RUNNING', 'ABORTED']);
  });

  test('is cleaned up when it fails, and holds up no later change of the stack', async () => {
    await start({ rule: true });
    world.denied.push('ebs:PutSnapshotBlock');
    const stack = world.stack();
    await stack.deploy(properties());
    await ended();
    expect(world.snapshotIds).toEqual([]);

    await stack.deploy(properties({ Tags: [{ Key: 'team', Value: 'b' }] }));
    world.denied.pop();
    const { SnapshotId } = await stack.deploy(properties({ SourceRevision: '2' }));
    await ended();
    expect(stateOf(SnapshotId)).toBe('completed');
    await stack.destroy();
    world.expectNothingLeft();
  });

  test('is replaced while it runs, and only then removed', async () => {
    await start({ ebs: { completionDelay: 60_000 } });
    const stack = world.stack();
    const first = await stack.deploy(properties());
    const second = await stack.deploy(properties({ SourceKey: 'other.img' }));

    expect(second.SnapshotId).not.toBe(first.SnapshotId);
    expect(world.snapshotIds).toEqual([second.SnapshotId]);
    await ended();
    world.expectContent(second.SnapshotId, disk(2 * BLOCK_SIZE, 'other'));
  });

  test.each(['old', 'new'] as const)('comes back, still running, when its replacement is rolled back with the %s id', async rollbackWith => {
    const image = await start({ ebs: { completionDelay: 300_000 } });
    const stack = world.stack();
    const first = await stack.deploy(properties());
    await world.clock.sleep(10_000);
    await expect(stack.deploy(properties({ SourceKey: 'other.img' }), { failAfter: true, rollbackWith })).rejects.toThrow('another resource failed');

    expect(stack.physicalId).toBe(first.SnapshotId);
    expect(stateOf(first.SnapshotId)).toBe('pending');
    await ended();
    world.expectContent(first.SnapshotId, image);
  });

  test('comes back although EC2 knows later than the execution that it is completed', async () => {
    await start();
    const stack = world.stack();
    const { SnapshotId } = await stack.deploy(properties());
    await ended();
    Object.assign((world.ebs as any).find(SnapshotId).content.seal, { completesAt: world.clock.now() + 60_000 });
    expect(stateOf(SnapshotId)).toBe('pending');
    const back = await stack.play(stack.event('Update', properties(), {
      PhysicalResourceId: SnapshotId, OldResourceProperties: properties({ SourceKey: 'other.img' }),
    }));
    expect(back.id).toBe(SnapshotId);
    expect(world.snapshotIds).toEqual([SnapshotId]);
  });

  test('leaves nothing when its creation fails or is cancelled', async () => {
    await start();
    world.denied.push('states:StartExecution');
    await expect(world.stack().deploy(properties())).rejects.toThrow('states:StartExecution');
    world.expectNothingLeft();
    world.denied.pop();

    const stack = world.stack('Other');
    await world.handlers.act(stack.event('Create', properties()));
    await stack.cancel(properties());
    world.expectNothingLeft();
  });
});

test('an import that takes too long fails before CloudFormation gives it up, says why, and leaves nothing', async () => {
  await start({ ebs: { completionDelay: 3_600_000 } });
  const began = world.clock.now();
  await expect(world.stack().deploy(waited())).rejects.toThrow('the import did not end in time');
  expect((world.clock.now() - began) / 60_000).toBeLessThan(52);
  world.expectNothingLeft();
});
