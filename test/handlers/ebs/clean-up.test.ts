import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { disk, IMAGES, properties } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld } from '../../harness/ebs/ebs-handler-world';
import type { Stack } from '../../harness/stack';

let world: EbsHandlerWorld;

async function start(options: { rule: boolean; timeoutSeconds?: number }): Promise<Stack> {
  // Workers repeat each put for minutes after the snapshot is gone, so a few blocks in three ranges and coarse time make most of the speed.
  world = await EbsHandlerWorld.start({ ...options, rangeBlocks: 2, tick: 500, ebs: { completionDelay: 60_000 } });
  await world.s3.put(IMAGES, 'disk.img', disk(5 * BLOCK_SIZE));
  return world.stack();
}

/** Act, which starts the execution, and one poll; then nothing comes from CloudFormation for a while. */
async function begin(stack: Stack) {
  const event = stack.event('Create', properties({ Verify: 'FULL' }));
  const started = { ...event, ...await world.handlers.act(event) };
  const ended = started.PhysicalResourceId!;
  await world.handlers.poll(started);
  return { started, ended };
}

function execution(snapshotId: string) {
  return world.states.describe(`arn:aws:states:eu-west-1:111122223333:execution:transfer:${snapshotId}`);
}

/** The moments at which something can happen to a transfer: the next call of an operation once a step has begun. */
const MOMENTS: Record<string, string> = {
  'before the plan': 's3:HeadObject',
  'during the copy': 'ebs:PutSnapshotBlock',
  'at the seal': 'ebs:CompleteSnapshot',
  'while EBS completes it': 'ec2:DescribeSnapshots',
  'while it is verified': 'ebs:GetSnapshotBlock',
};

/** Runs something once, in the middle of a call of the execution. */
function at(operation: string, action: () => void): void {
  // The plan asks EC2 for the snapshot too.
  const step = operation === 'ec2:DescribeSnapshots' ? 'seal' : 'plan';
  world.server.faults.before(operation, action, { when: () => world.invocations[step] > 0 });
}

afterEach(() => world.close());

/** Whether the rule on the end of executions exists: nothing depends on it alone. */
const CASES = [
  ...Object.entries(MOMENTS).map(([when, operation], i) => [when, operation, i % 2 === 1] as const),
  ...['during the copy', 'while EBS completes it'].map(when => [when, MOMENTS[when], false] as const),
];

describe('nothing is left of', () => {
  describe.each(CASES)('what happens %s (%s, with the rule: %s)', (_, operation, rule) => {
    test('an execution that somebody stops', async () => {
      const stack = await start({ rule });
      at(operation, () => (world.states as any).execution(`arn:aws:states:eu-west-1:111122223333:execution:transfer:${world.snapshotIds[0]}`).stop());
      const { started, ended } = await begin(stack);
      await world.clock.sleep(1200_000);
      expect(execution(ended).status).toBe('ABORTED');
      // The rule keeps why it failed for poll, if anything.
      if (rule) { expect(world.snapshotIds).toEqual([]); }
      await expect(world.handlers.poll(started)).rejects.toThrow('the transfer was stopped');
      world.expectNothingLeft();
    });

    test('a Delete', async () => {
      const stack = await start({ rule });
      let deletion: Promise<unknown> | undefined;
      at(operation, () => { deletion = stack.play(stack.event('Delete', properties(), { PhysicalResourceId: world.snapshotIds[0] })); });
      const { ended } = await begin(stack);
      await world.clock.sleep(1200_000);
      await deletion;
      expect(deletion).toBeDefined();
      expect(execution(ended).status).toBe('ABORTED');
      world.expectNothingLeft();
    });

    test('a cancelled creation, which CloudFormation deletes by an id that it invents', async () => {
      const stack = await start({ rule });
      let cancellation: Promise<unknown> | undefined;
      at(operation, () => { cancellation = stack.cancel(properties()); });
      const { ended } = await begin(stack);
      await world.clock.sleep(1200_000);
      await cancellation;
      expect(cancellation).toBeDefined();
      expect(execution(ended).status).toBe('ABORTED');
      world.expectNothingLeft();
    });

    test('an error that is final', async () => {
      const stack = await start({ rule });
      at(operation, () => world.denied.push(operation === 's3:HeadObject' ? 's3:GetObject' : operation));
      const { started, ended } = await begin(stack);
      await world.clock.sleep(1200_000);
      expect(execution(ended).status).toBe('FAILED');
      world.denied.length = 0;
      if (rule && operation !== 'ec2:DescribeSnapshots' && operation !== 's3:HeadObject') { expect(world.snapshotIds).toEqual([]); }
      await expect(world.handlers.poll(started)).rejects.toThrow(/AccessDenied|access is denied|UnauthorizedOperation/);
      world.expectNothingLeft();
    });
  });

  test.each([true, false])('a transfer that runs out of time, although a part of it goes on (with the rule: %s)', async rule => {
    const stack = await start({ rule, timeoutSeconds: 40 });
    world.server.faults.choose(operation => operation === 'ebs:PutSnapshotBlock'
      ? { kind: 'error', code: 'ThrottlingException', status: 400, message: 'Rate exceeded' } : undefined);
    const { started, ended } = await begin(stack);
    await world.clock.sleep(1200_000);
    expect(execution(ended).status).toBe('TIMED_OUT');
    if (rule) { expect(world.snapshotIds).toEqual([]); }
    await expect(world.handlers.poll(started)).rejects.toThrow(/did not end in time|ebs:PutSnapshotBlock failed/);
    world.expectNothingLeft();
  });

  test('a plan that is made when its import has been deleted', async () => {
    const stack = await start({ rule: false });
    let deletion: Promise<unknown> | undefined;
    let over = false;
    world.server.faults.choose(operation => {
      if (operation !== 's3:HeadObject' || !world.invocations.plan || over) { return undefined; }
      deletion ??= stack.play(stack.event('Delete', properties(), { PhysicalResourceId: world.snapshotIds[0] })).then(() => { over = true; });
      return { kind: 'error', code: 'SlowDown', status: 503, message: 'slow down' };
    });
    await begin(stack);
    await world.clock.sleep(1200_000);
    await deletion;
    expect(over).toBe(true);
    world.expectNothingLeft();
  });
});
