/** EC2 refuses to delete a snapshot while it is pending, which no source says, and no source denies. */
import { EC2Client } from '@aws-sdk/client-ec2';
import { clientConfig } from '../../../lambda/shared/client-config';
import type { ActResult } from '../../../lambda/shared/resource-event';
import { cleanUp } from '../../../lambda/transfer/import/clean-up';
import { importClients } from '../../../lambda/transfer/import/clients';
import { Snapshots } from '../../../lambda/transfer/snapshot/snapshots';
import type { ExecutionEnded } from '../../../src/contract/transfer';
import { BLOCK_SIZE, type EbsOptions } from '../../../world/emulator/ebs';
import { disk, IMAGES, properties } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld } from '../../harness/ebs/ebs-handler-world';
import type { Stack } from '../../harness/stack';

const MINUTE = 60_000;
/** The longest that EBS keeps a snapshot pending after its last block, and a little more. */
const GIVEN_UP = 65 * MINUTE;
/** Longer than a Delete repeats what is refused, and much shorter than EBS keeps the snapshot. */
const SOON = 8 * MINUTE;
const IS_PENDING = /snapshot snap-\w+ cannot be deleted while it is pending \(.*IncorrectState.*\); EBS gives it up 60 minutes after its last block, .*; delete it then/;

let world: EbsHandlerWorld;

async function start(ebs: EbsOptions = {}): Promise<Stack> {
  world = await EbsHandlerWorld.start({ rule: true, rangeBlocks: 2, tick: 500, ebs, ec2: { pendingDeletion: 'refused' } });
  await world.s3.put(IMAGES, 'disk.img', disk(5 * BLOCK_SIZE));
  return world.stack();
}

/** Act, which starts the execution, and one poll; then CloudFormation waits no longer. */
async function begin(stack: Stack): Promise<string> {
  const event = stack.event('Create', properties());
  const started = { ...event, ...await world.handlers.act(event) };
  await world.handlers.poll(started);
  return started.PhysicalResourceId!;
}

/** Act, without the execution, which would complete the snapshot. */
async function actAlone(stack: Stack, more: Record<string, unknown> = {}): Promise<ActResult> {
  world.denied.push('states:StartExecution');
  const result = await world.handlers.act(stack.event('Create', properties(more)));
  world.denied.pop();
  return result;
}

/** Waits for the error of something, and returns its message and the time that passed. */
async function failure(work: Promise<unknown>): Promise<{ message: string; milliseconds: number }> {
  const from = world.clock.now();
  const error = await work.then(() => { throw new Error('it succeeded'); }, (thrown: Error) => thrown);
  return { message: error.message, milliseconds: world.clock.now() - from };
}

const logged = () => (console.log as jest.Mock).mock.calls.map(([line]) => JSON.parse(line));
const stop = (id: string) => (world.states as any).execution(`arn:aws:states:eu-west-1:111122223333:execution:transfer:${id}`).stop();

/** Lambda repeats the clean-up, with the event on the end of the execution. */
const repeatCleanUp = (ended: ExecutionEnded) =>
  world.run(() => cleanUp({ snapshots: new Snapshots(new EC2Client(clientConfig())), store: importClients().store }, ended));

afterEach(() => world.close());

test('a failed import says so beside its reason; its Delete ends soon, and leaves nothing once EBS has given the snapshot up', async () => {
  const stack = await start();
  world.denied.push('ebs:PutSnapshotBlock');
  const { message, milliseconds } = await failure(stack.deploy(properties()));
  expect(message).toMatch(/ebs:PutSnapshotBlock failed for block/);
  expect(message.split('; and then: ')).toEqual([expect.stringMatching(IS_PENDING), expect.stringMatching(IS_PENDING)]);
  expect(milliseconds).toBeLessThan(SOON + 3 * MINUTE);
  await world.clock.sleep(GIVEN_UP);
  await stack.abandon();
  world.expectNothingLeft();
});

test('a cancelled import is named by the Delete, which ends soon, and is removed by a later one', async () => {
  const stack = await start();
  const { PhysicalResourceId } = await actAlone(stack);
  const { message, milliseconds } = await failure(stack.cancel(properties()));
  expect(message).toMatch(IS_PENDING);
  expect(message).toContain(PhysicalResourceId);
  expect(milliseconds).toBeLessThan(SOON);
  await world.clock.sleep(GIVEN_UP);
  await stack.cancel(properties());
  world.expectNothingLeft();
});

test('all that a cancelled creation made is deleted, except for what is refused', async () => {
  const stack = await start();
  const { PhysicalResourceId: stays } = await actAlone(stack, { WaitForCompletion: false });
  const { PhysicalResourceId: goes } = await actAlone(stack);
  await world.clock.sleep(GIVEN_UP);
  expect(world.snapshotIds).toEqual([stays, goes]);
  expect((await failure(stack.cancel(properties()))).message).toContain(stays);
  expect(world.snapshotIds).toEqual([stays]);
});

test('a Delete during the import stops it, ends soon, and leaves nothing when it is repeated later', async () => {
  const stack = await start();
  let id: string | undefined;
  const deletion = new Promise<{ message: string; milliseconds: number }>(resolve => {
    world.server.faults.before('ebs:PutSnapshotBlock', () => {
      id = world.snapshotIds[0];
      resolve(failure(stack.play(stack.event('Delete', properties(), { PhysicalResourceId: id }))));
    });
  });
  await begin(stack);
  await world.clock.sleep(20 * MINUTE);
  const { message, milliseconds } = await deletion;
  expect(message).toMatch(IS_PENDING);
  expect(milliseconds).toBeLessThan(SOON);
  await world.clock.sleep(GIVEN_UP);
  await stack.play(stack.event('Delete', properties(), { PhysicalResourceId: id }));
  world.expectNothingLeft();
});

test('a Delete while EBS completes the snapshot waits for it, and leaves nothing', async () => {
  const stack = await start({ completionDelay: 2 * MINUTE });
  let deletion: Promise<unknown> | undefined;
  world.server.faults.before('ec2:DescribeSnapshots', () => {
    deletion = stack.play(stack.event('Delete', properties(), { PhysicalResourceId: world.snapshotIds[0] }));
  }, { when: () => world.invocations.seal > 0 });
  await begin(stack);
  await world.clock.sleep(20 * MINUTE);
  expect(deletion).toBeDefined();
  await deletion;
  world.expectNothingLeft();
});

test('the clean-up at the end of an execution names what stays, fails so that Lambda repeats it, and removes it later', async () => {
  const stack = await start();
  let ended!: ExecutionEnded;
  world.states.onStatusChange(event => { ended = event as ExecutionEnded; });
  world.server.faults.before('ebs:PutSnapshotBlock', () => stop(world.snapshotIds[0]));
  const id = await begin(stack);
  await world.clock.sleep(20 * MINUTE);
  expect(ended.detail.status).toBe('ABORTED');
  expect(world.snapshotIds).toEqual([id]);
  expect(logged()).toContainEqual({ event: 'could not clean up', snapshotId: id, error: expect.stringMatching(IS_PENDING) });
  await expect(repeatCleanUp(ended)).rejects.toThrow(IS_PENDING);
  await world.clock.sleep(GIVEN_UP);
  await repeatCleanUp(ended);
  world.expectNothingLeft();
});

test('a creation that fails after its start names the snapshot that stays', async () => {
  const stack = await start();
  world.server.faults.inject('ebs:StartSnapshot', { kind: 'lost-answer' });
  world.server.faults.inject('ebs:StartSnapshot', { kind: 'error', code: 'AccessDeniedException', status: 403, message: 'no' }, { times: Infinity });
  const { message } = await failure(stack.play(stack.event('Create', properties())));
  expect(message).toContain('AccessDeniedException');
  expect(message).toMatch(IS_PENDING);
  expect(message).toContain(world.snapshotIds[0]);
});

describe('an update whose import fails', () => {
  const fail = async () => {
    const stack = await start();
    const { SnapshotId: id } = await stack.deploy(properties());
    await world.clock.sleep(2 * MINUTE);
    await world.s3.put(IMAGES, 'disk.img', disk(5 * BLOCK_SIZE, 'other'));
    world.denied.push('ebs:PutSnapshotBlock');
    const { message } = await failure(stack.deploy(properties({ SourceRevision: '2' })));
    world.denied.length = 0;
    return { stack, id, message };
  };

  test('names the snapshot, rolls back, and leaves it to the next replacement', async () => {
    const { stack, id, message } = await fail();
    expect(message).toMatch(IS_PENDING);
    expect(stack.physicalId).toBe(id);
    await world.clock.sleep(GIVEN_UP);
    const { SnapshotId } = await stack.deploy(properties({ SourceRevision: '3' }));
    expect(world.snapshotIds).toEqual([SnapshotId]);
  });

  test('does not keep the snapshot before it, its parent, from being deleted', async () => {
    const { stack, id } = await fail();
    const from = world.clock.now();
    await stack.destroy();
    expect(world.clock.now() - from).toBeLessThan(SOON);
    expect(world.snapshotIds).not.toContain(id);
  });
});

test('a refusal by a name that no source has is repeated too, because the snapshot is pending', async () => {
  const stack = await start();
  await actAlone(stack);
  world.server.faults.inject('ec2:DeleteSnapshot', { kind: 'error', code: 'SnapshotNotReady', status: 400, message: 'not yet' }, { times: Infinity });
  const { message, milliseconds } = await failure(stack.cancel(properties()));
  expect(message).toMatch(/cannot be deleted while it is pending \(SnapshotNotReady: not yet\)/);
  expect(milliseconds).toBeGreaterThan(4 * MINUTE);
});

test('another refusal fails the Delete at once', async () => {
  const stack = await start();
  await stack.deploy(properties());
  world.server.faults.inject('ec2:DeleteSnapshot', { kind: 'error', code: 'OperationNotPermitted', status: 400, message: 'The snapshot is locked' });
  const { message, milliseconds } = await failure(stack.destroy());
  expect(message).toContain('The snapshot is locked');
  expect(milliseconds).toBeLessThan(MINUTE);
});
