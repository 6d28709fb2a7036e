import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { Principal } from '../../../world/emulator/iam';
import { inEachTest, EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

const DEFERRAL = { FunctionArn: 'arn:aws:lambda:eu-west-1:111122223333:function:later', RoleArn: 'arn:aws:iam::111122223333:role/r', GroupName: 'default' };
const FAILING = { Owner: 'Stack/Files', RemovalPolicy: 'Delete' };
const PLAIN = { ...FAILING, Deferral: DEFERRAL };
const ELASTIC = { ...PLAIN, ThroughputMode: 'elastic' };
const HOUR = 3_600_000;

let world: EfsHandlerWorld;
let stack: Stack;
inEachTest('Custom::FileSystem', (...given) => { [world, stack] = given; });

const mode = () => world.efs.fileSystems[0].throughputMode;
const schedules = () => world.scheduler.schedules;
/** Lets time pass, and whatever it sets off come to an end. */
async function pass(hours: number): Promise<void> {
  await world.clock.sleep(hours * HOUR);
  while (world.deferred.length > 0) { await world.deferred.shift(); }
  await world.clock.sleep(60_000);
}

test('a throughput change that EFS does not allow yet is reported as pending, and made when the window ends', async () => {
  await stack.deploy(PLAIN);
  await stack.deploy(ELASTIC);
  const attributes = await stack.deploy({ ...PLAIN, ThroughputMode: 'provisioned', ProvisionedThroughputInMibps: 10 });
  expect(mode()).toBe('elastic');
  const due = new Date(Math.ceil((world.efs.fileSystems[0].throughputChangedAt! + 24 * HOUR) / 1000) * 1000 + 60_000).toISOString().slice(0, 19);
  expect(attributes).toMatchObject({
    ThroughputMode: 'elastic', ProvisionedThroughputInMibps: '', PendingThroughputChange: `provisioned (10 MiB/s) at ${due}Z`,
  });
  expect(schedules()).toMatchObject([{ Name: `throughput-${stack.physicalId}`, ActionAfterCompletion: 'DELETE', ScheduleExpression: `at(${due})` }]);

  await pass(25);
  expect(world.efs.fileSystems[0]).toMatchObject({ throughputMode: 'provisioned', provisionedThroughputInMibps: 10 });
  expect(schedules()).toEqual([]);
});

test('a schedule waits until Scheduler sees the role, which may be as new as the file system', async () => {
  await stack.deploy(PLAIN);
  await stack.deploy(ELASTIC);
  const seen = world.clock.now() + 20_000;
  world.scheduler.assume = () => {
    if (world.clock.now() < seen) { throw new Error('not yet'); }
    return Principal.ADMIN;
  };
  expect(await stack.deploy(PLAIN)).toMatchObject({ PendingThroughputChange: expect.stringContaining('bursting') });
  expect(schedules()).toHaveLength(1);
  expect(world.clock.now()).toBeGreaterThanOrEqual(seen);
});

test('an update back to the throughput in force cancels the pending change', async () => {
  await stack.deploy(PLAIN);
  await stack.deploy(ELASTIC);
  await stack.deploy(PLAIN);
  expect(schedules()).toHaveLength(1);
  expect(await stack.deploy(ELASTIC)).toMatchObject({ PendingThroughputChange: '' });
  expect(schedules()).toEqual([]);
});

test('an update to another throughput replaces the pending change, and one that does not defer cancels it', async () => {
  await stack.deploy(PLAIN);
  await stack.deploy(ELASTIC);
  await stack.deploy(PLAIN);
  await stack.deploy({ ...PLAIN, ThroughputMode: 'provisioned', ProvisionedThroughputInMibps: 20 });
  expect(schedules()).toHaveLength(1);
  await stack.deploy({ ...FAILING, ThroughputMode: 'elastic' });
  expect(schedules()).toEqual([]);
});

test('a deletion cancels the pending change', async () => {
  await stack.deploy(PLAIN);
  await stack.deploy(ELASTIC);
  await stack.deploy(PLAIN);
  await stack.destroy();
  expect(schedules()).toEqual([]);
  expect(world.efs.fileSystems).toEqual([]);
});

test('a rollback defers a change that EFS does not allow yet', async () => {
  await stack.deploy(PLAIN);
  await expect(stack.deploy(ELASTIC, { failAfter: true })).rejects.toThrow('another resource failed');
  expect(mode()).toBe('elastic');
  await pass(25);
  expect(mode()).toBe('bursting');
});

test('a pending change does nothing if another deployment has begun since it was scheduled', async () => {
  await stack.deploy(PLAIN);
  await stack.deploy(ELASTIC);
  await stack.deploy(PLAIN);
  await world.tag(stack.physicalId!, { [OWNERSHIP_TAGS.requestId]: 'a later one' });
  await pass(25);
  expect(mode()).toBe('elastic');
});

test('a pending change is scheduled again if somebody changed the throughput meanwhile', async () => {
  await stack.deploy(PLAIN);
  await stack.deploy(ELASTIC);
  await stack.deploy(PLAIN);
  await world.clock.sleep(10 * HOUR);
  world.efs.fileSystems[0].throughputChangedAt = world.clock.now();
  await pass(15);
  expect(mode()).toBe('elastic');
  expect(schedules()).toMatchObject([{ Name: `throughput-${stack.physicalId}-again` }]);
  await pass(24);
  expect(mode()).toBe('bursting');
  expect(schedules()).toEqual([]);
});

test('a change is deferred although the error of EFS does not name the time', async () => {
  await stack.deploy(PLAIN);
  await stack.deploy(ELASTIC);
  world.server.faults.inject('efs:UpdateFileSystem', { kind: 'error', code: 'TooManyRequests', status: 429, message: 'not now' });
  await stack.deploy(PLAIN);
  await pass(25);
  expect(mode()).toBe('bursting');
});
