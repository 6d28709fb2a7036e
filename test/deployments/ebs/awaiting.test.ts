import { DescribeStateMachineCommand, ListExecutionsCommand, SFNClient, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { RemovalPolicy } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { DiskImage, Snapshot, SnapshotExport, SnapshotImport } from '../../../src';
import { KILLED_AFTER, KILLED_BEFORE, THROTTLE, type Fault } from '../../../world/emulator/faults';
import type { StatusChange } from '../../../world/emulator/states';
import type { Build, Options } from '../../harness/deployment/deployment-world';
import { disk, IMAGES, EbsWorld } from '../../harness/deployment/ebs-world';

/*
 * How the execution that answers CloudFormation receives the end of an import or an export: by a token that it leaves in the transfer
 * bucket, and that the function returns that the end of the transfer invokes.
 */

let world: EbsWorld;
beforeAll(async () => { world = await EbsWorld.start({ lateness: { iam: 0 } }); });
afterAll(() => world.close());

const [first, second] = [disk(1, 'first'), disk(1, 'second')];
type Kind = 'Import' | 'Export' | 'none';
/** The imports that stand, and one resource more. */
const build = (kind: Kind): Build => stack => {
  const bucket = Bucket.fromBucketName(stack, 'Images', IMAGES);
  const image = DiskImage.fromBucket(bucket, 'first.img');
  const base = new SnapshotImport(stack, 'Base', { image });
  const next = new SnapshotImport(stack, 'Next', { image: DiskImage.fromBucket(bucket, 'second.img'), parent: base });
  const since = Snapshot.fromSnapshotId(stack, 'Since', base.snapshotId);
  new SnapshotExport(stack, 'Standing', { snapshot: next, since, bucket, key: 'standing.delta', removalPolicy: RemovalPolicy.DESTROY });
  if (kind === 'Import') { new SnapshotImport(stack, 'More', { image }); }
  if (kind === 'Export') { new SnapshotExport(stack, 'More', { snapshot: next, since, bucket, key: 'more.delta', removalPolicy: RemovalPolicy.DESTROY }); }
};
const deploy = (kind: Kind, options?: Options) => world.deploy('Awaiting', build(kind), options);
const isEnd = ({ stateMachineArn, status }: StatusChange['detail']) => /Transfer|Exporter/.test(stateMachineArn) && status !== 'RUNNING';

/** How many calls were answered when the transfer ended. */
let callsBefore: number | undefined;
function ends(detail: StatusChange['detail']): boolean {
  if (isEnd(detail)) { callsBefore ??= world.emulator.server.calls.length; }
  return isEnd(detail);
}
/** The calls that say how the answer came about, from when the transfer ended. */
const calls = () => world.emulator.server.calls.slice(callsBefore)
  .filter(({ operation, status }) => status === 200 && /SendTaskSuccess|DescribeExecution|response:Put/.test(operation))
  .map(({ operation, caller }) => `${operation} by ${/EbsRole|CleanUp/.exec(caller)![0]}`);
const END = ['states:DescribeExecution by EbsRole', 'response:Put by EbsRole'];
const WOKEN = ['states:SendTaskSuccess by CleanUp', ...END];

const buckets = () => world.transferBuckets('Awaiting').map(name => world.emulator.s3.buckets.get(name)!);
const tokens = () => buckets().flatMap(bucket => bucket.versions()).filter(({ key }) => key.endsWith('/token'));
const faults = () => world.emulator.server.faults;
/** A call that every import makes, and one that every export makes. */
const WORK = /^(ebs:PutSnapshotBlock|ebs:ListChangedBlocks)$/;
/** Keeps the transfer at work until it is stopped. */
const holdUp = () => faults().persist(WORK, THROTTLE, () => callsBefore === undefined);
/** Lets no token be left while the transfer is at work. */
const refuseTokens = () => faults().persist(/^s3:PutToken$/, THROTTLE, () => callsBefore === undefined);

const sfn = () => new SFNClient(world.emulator.config);
const machines = (names: RegExp) => Object.values(world.cloudFormation.describe('Awaiting').resources)
  .filter(({ type, physicalId }) => type === 'AWS::StepFunctions::StateMachine' && names.test(physicalId)).map(({ physicalId }) => physicalId);
/** Changes definitions until the returned function is called. */
async function redefine(names: RegExp, change: (definition: any) => object): Promise<() => void> {
  const restore = await Promise.all(machines(names).map(async stateMachineArn => {
    const definition = (await sfn().send(new DescribeStateMachineCommand({ stateMachineArn }))).definition!;
    world.emulator.states.update(stateMachineArn, { definition: change(JSON.parse(definition)) });
    return () => world.emulator.states.update(stateMachineArn, { definition });
  }));
  return () => restore.forEach(each => each());
}
async function stopTransfer(): Promise<void> {
  for (const stateMachineArn of machines(/Transfer|Exporter/)) {
    const { executions } = await sfn().send(new ListExecutionsCommand({ stateMachineArn, statusFilter: 'RUNNING' }));
    await Promise.all(executions!.map(({ executionArn }) => sfn().send(new StopExecutionCommand({ executionArn }))));
  }
}
/** Does something while the execution waits, so many seconds after it has begun to. */
const duringAwait = (seconds: number, act: () => Promise<void>) => faults().before('s3:PutToken', () => void world.emulator.clock.sleep(1000 * seconds).then(act));

beforeAll(async () => {
  await world.put(IMAGES, 'first.img', first);
  await world.put(IMAGES, 'second.img', second);
  const { s3, states } = world.emulator;
  // A name of its own lets a test fault these calls alone.
  const operation = s3.operation.bind(s3);
  s3.operation = call => /\/token($|\?)/.test(call.path) ? operation(call).replace(/Object$/, 'Token') : operation(call);
  (await deploy('none')).expectSuccess('CREATE_COMPLETE');
  states.onStatusChange(({ detail }) => ends(detail));
});
beforeEach(() => { callsBefore = undefined; });
afterEach(async () => {
  faults().clear();
  expect((await deploy('none')).status).toMatch(/^UPDATE_(ROLLBACK_)?COMPLETE$/);
  expect(tokens()).toEqual([]);
});

describe.each<Kind>(['Import', 'Export'])('an %s', kind => {
  test('is answered because its end, or its last step, returns the token, before another poll comes', async () => {
    const before = world.emulator.server.calls.length;
    (await deploy(kind)).expectSuccess('UPDATE_COMPLETE');
    expect(calls()).toEqual(kind === 'Import' ? END : WOKEN);
    const returned = world.emulator.server.calls.slice(before).filter(({ operation, status }) => operation === 'states:SendTaskSuccess' && status === 200);
    expect(returned.map(({ caller }) => /Steps|CleanUp/.exec(caller)![0])).toEqual([kind === 'Import' ? 'Steps' : 'CleanUp']);
    expect(tokens()).toEqual([]);
  });

  test('whose end EventBridge loses is answered by the poll after the timeout', async () => {
    const stop = world.emulator.states.loseEvents({ when: ends });
    (await deploy(kind)).expectSuccess('UPDATE_COMPLETE');
    stop();
    expect(calls()).toEqual(END);
  });

  test('that ends before the token is left is answered because the step that leaves it returns it', async () => {
    refuseTokens();
    (await deploy(kind)).expectSuccess('UPDATE_COMPLETE');
    expect(calls().filter(call => call !== END[0])).toEqual(['states:SendTaskSuccess by EbsRole', END[1]]);
    expect(tokens()).toEqual([]);
  });

  test('that somebody stops fails at once', async () => {
    holdUp();
    duringAwait(5, stopTransfer);
    (await deploy(kind)).expectFailure('UPDATE_ROLLBACK_COMPLETE', /the transfer was stopped/);
    expect(calls()[0]).toBe(WOKEN[0]);
  });

  test('that takes too long fails at once', async () => {
    holdUp();
    const restore = await redefine(/Transfer|Exporter/, definition => ({ ...definition, TimeoutSeconds: 15 }));
    (await deploy(kind)).expectFailure('UPDATE_ROLLBACK_COMPLETE', /the transfer did not end in time/);
    restore();
    expect(calls()[0]).toBe(WOKEN[0]);
  });

  test('that CloudFormation cancels meanwhile leaves nothing', async () => {
    holdUp();
    (await deploy(kind, { cancelAfter: 30 })).expectRolledBack();
    expect(tokens()).toEqual([]);
    expect(world.madeBy('Awaiting/More')).toEqual([]);
  });

  test('whose execution has the definition of an earlier release, without the step that leaves a token, is polled for', async () => {
    const restore = await redefine(/Waiter/, ({ States: { Await, ...States }, ...definition }) => {
      const choices = States['Which is next?'].Choices.filter(({ Next }: any) => Next !== 'Await');
      return { ...definition, States: { ...States, 'Which is next?': { ...States['Which is next?'], Choices: choices } } };
    });
    (await deploy(kind)).expectSuccess('UPDATE_COMPLETE');
    restore();
    expect(calls()).toEqual(END);
  });

  const inAwait = (fault: Fault) => faults().before('s3:PutToken', () => faults().inject('states:DescribeExecution', fault));
  test.each<[string, () => void]>([
    ['before it has left the token', () => faults().inject('s3:PutToken', KILLED_BEFORE)],
    ['after it has left the token', () => faults().inject('s3:PutToken', KILLED_AFTER)],
    ['before it has looked whether the transfer has ended', () => inAwait(KILLED_BEFORE)],
    ['after it has looked whether the transfer has ended', () => inAwait(KILLED_AFTER)],
    ['before it returns the token itself', () => { refuseTokens(); faults().inject('states:SendTaskSuccess', KILLED_BEFORE); }],
    ['after it has returned the token itself', () => { refuseTokens(); faults().inject('states:SendTaskSuccess', KILLED_AFTER); }],
  ])('is answered if the step that leaves the token dies %s', async (_, dies) => {
    dies();
    (await deploy(kind)).expectSuccess('UPDATE_COMPLETE');
  });

  test.each<[string, Fault]>([['before', KILLED_BEFORE], ['after', KILLED_AFTER]])('is answered if the function dies %s it has returned the token', async (_, fault) => {
    faults().inject('states:SendTaskSuccess', fault);
    (await deploy(kind)).expectSuccess('UPDATE_COMPLETE');
    expect(tokens()).toEqual([]);
  });
});
