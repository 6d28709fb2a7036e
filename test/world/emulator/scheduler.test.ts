import {
  CreateScheduleCommand, DeleteScheduleCommand, GetScheduleCommand, SchedulerClient, UpdateScheduleCommand, type CreateScheduleCommandInput,
} from '@aws-sdk/client-scheduler';
import { Clock } from '../../../world/emulator/clock';
import { ACCOUNT, arn, REGION } from '../../../world/emulator/environment';
import { Principal } from '../../../world/emulator/iam';
import { Scheduler } from '../../../world/emulator/scheduler';
import { EmulatorServer } from '../../../world/emulator/server';

let clock: Clock;
let server: EmulatorServer;
let scheduler: Scheduler;
let client: SchedulerClient;
let invoked: { payload: unknown; hour: number }[];
const start = new Clock().now();
const hoursLater = (hours: number) => `at(${new Date(start + hours * 3_600_000).toISOString().slice(0, 19)})`;
const HOUR = 3_600_000;

beforeEach(async () => {
  clock = new Clock();
  server = new EmulatorServer(clock);
  invoked = [];
  scheduler = new Scheduler(clock, (_arn, payload) => invoked.push({ payload, hour: (clock.now() - start) / HOUR }));
  server.add(scheduler);
  await server.listen();
  client = connect(EmulatorServer.ADMIN);
});
afterEach(async () => {
  client.destroy();
  await server.close();
});

const connect = (credentials: typeof EmulatorServer.ADMIN) =>
  new SchedulerClient({ endpoint: server.url, region: REGION, credentials, maxAttempts: 1 });
const schedule = (more: Partial<CreateScheduleCommandInput> = {}): CreateScheduleCommandInput => ({
  Name: 'one',
  ScheduleExpression: hoursLater(24),
  FlexibleTimeWindow: { Mode: 'OFF' },
  ActionAfterCompletion: 'DELETE',
  Target: { Arn: arn('lambda', 'function:f'), RoleArn: `arn:aws:iam::${ACCOUNT}:role/r`, Input: '{"a":1}' },
  ...more,
});

test('fires at its time, once, however far the clock goes at once, and does not make time go by', async () => {
  await client.send(new CreateScheduleCommand(schedule()));
  await new Promise(resolve => setTimeout(resolve, 20));
  expect(clock.now()).toBe(start);
  await clock.sleep(23 * HOUR);
  expect(invoked).toEqual([]);
  await clock.sleep(100 * HOUR);
  expect(invoked).toEqual([{ payload: { a: 1 }, hour: 24 }]);
  expect(scheduler.schedules).toEqual([]);
});

test('can be moved, asked for and deleted', async () => {
  await client.send(new CreateScheduleCommand(schedule()));
  await expect(client.send(new CreateScheduleCommand(schedule()))).rejects.toMatchObject({ name: 'ConflictException' });
  await client.send(new UpdateScheduleCommand(schedule({ ScheduleExpression: hoursLater(2) })));
  expect(await client.send(new GetScheduleCommand({ Name: 'one' }))).toMatchObject({ ScheduleExpression: hoursLater(2), GroupName: 'default' });
  await clock.sleep(3 * HOUR);
  expect(invoked).toHaveLength(1);

  await client.send(new CreateScheduleCommand(schedule()));
  await client.send(new DeleteScheduleCommand({ Name: 'one' }));
  await clock.sleep(48 * HOUR);
  expect(invoked).toHaveLength(1);
  await expect(client.send(new DeleteScheduleCommand({ Name: 'one' }))).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
});

test.each([
  ['a time in the past', { ScheduleExpression: hoursLater(-1) }, 'ValidationException'],
  ['an expression that is none', { ScheduleExpression: 'tomorrow' }, 'ValidationException'],
  ['a group that does not exist', { GroupName: 'none' }, 'ResourceNotFoundException'],
])('refuses %s', async (_what, more, name) => {
  await expect(client.send(new CreateScheduleCommand(schedule(more)))).rejects.toMatchObject({ name });
});

test('a group takes its schedules with it', async () => {
  scheduler.groups.add('mine');
  await client.send(new CreateScheduleCommand(schedule({ GroupName: 'mine' })));
  scheduler.deleteGroup('mine');
  await clock.sleep(48 * HOUR);
  expect(invoked).toEqual([]);
});

test('needs the right to pass the role', async () => {
  const create = { Effect: 'Allow' as const, Action: 'scheduler:CreateSchedule', Resource: '*' };
  const other = connect(server.issue(new Principal(`arn:aws:sts::${ACCOUNT}:assumed-role/handler/session`, () => [create])));
  await expect(other.send(new CreateScheduleCommand(schedule()))).rejects.toThrow('iam:PassRole');
  other.destroy();
});
