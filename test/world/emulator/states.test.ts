import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  DescribeExecutionCommand, DescribeStateMachineCommand, ListExecutionsCommand, SendTaskFailureCommand, SendTaskHeartbeatCommand,
  SendTaskSuccessCommand, SFNClient, StartExecutionCommand, StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { Clock } from '../../../world/emulator/clock';
import { arn, REGION } from '../../../world/emulator/environment';
import { KILLED_AFTER, KILLED_BEFORE } from '../../../world/emulator/faults';
import { Principal, type Statement } from '../../../world/emulator/iam';
import { Kms } from '../../../world/emulator/kms';
import { Lambda } from '../../../world/emulator/lambda';
import { EmulatorServer } from '../../../world/emulator/server';
import { StepFunctions, type StatusChange } from '../../../world/emulator/states';

const directory = mkdtempSync(path.join(tmpdir(), 'states-'));
const INVOKE = 'arn:aws:states:::lambda:invoke';
const MANY = 'exports.handler = async event => event;';

let clock: Clock;
let server: EmulatorServer;
let lambda: Lambda;
let states: StepFunctions;
let changes: StatusChange['detail'][];
let files = 0;

beforeEach(async () => {
  clock = new Clock();
  server = new EmulatorServer(clock);
  lambda = new Lambda(clock, server, { maxProcesses: 4 });
  states = new StepFunctions(clock, lambda);
  server.add(lambda);
  server.add(states);
  await server.listen();
  changes = [];
  states.onStatusChange(event => changes.push(event.detail));
});

afterEach(async () => {
  states.close();
  await lambda.close();
  await server.close();
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function define(functionName: string, code: string, options: { timeoutSeconds?: number; reservedConcurrentExecutions?: number } = {}): string {
  const file = `index${files++}`;
  writeFileSync(path.join(directory, `${file}.js`), code);
  return lambda.create({
    functionName, handler: `${file}.handler`, codeDirectory: directory, role: role(ALL), timeoutSeconds: 900, memorySize: 256, ...options,
  });
}

function role(...statements: Statement[]): Principal {
  return new Principal('arn:aws:sts::111122223333:assumed-role/states/session', () => statements);
}

const ALL: Statement = { Effect: 'Allow', Action: '*', Resource: '*' };

function machine(definition: object, statement: Statement = ALL, name = `machine-${files++}`): string {
  return states.create({ name, definition, role: role(statement) });
}

/** Runs one execution to its end. */
async function run(definition: object, input: unknown = {}, statement?: Statement) {
  const executionArn = states.start(machine(definition, statement), input);
  await ended(executionArn);
  const { output, startDate, stopDate, ...rest } = states.describe(executionArn);
  return { ...rest, executionArn, output: output === undefined ? undefined : JSON.parse(output), seconds: (stopDate! - startDate) / 1000 };
}

async function ended(executionArn: string): Promise<void> {
  while (states.describe(executionArn).status === 'RUNNING') { await pause(1); }
}

/** One state, and where its Catch goes. */
function single(state: object): object {
  return { StartAt: 'Only', States: { Only: { End: true, ...state }, ...('Catch' in state ? { Caught: { Type: 'Pass', End: true } } : {}) } };
}

function client(credentials = EmulatorServer.ADMIN): SFNClient {
  return new SFNClient({ region: REGION, endpoint: server.url, credentials, maxAttempts: 1 });
}

describe('a task', () => {
  test('passes its input to a function and gives back its result', async () => {
    const functionArn = define('double', 'exports.handler = async ({ n }) => n * 2;');

    expect(await run(single({ Type: 'Task', Resource: functionArn, ResultPath: '$.doubled' }), { n: 4 }))
      .toMatchObject({ status: 'SUCCEEDED', output: { n: 4, doubled: 8 } });
  });

  test('wraps the result of lambda:invoke as the integration does', async () => {
    const functionArn = define('double', 'exports.handler = async ({ n }) => ({ doubled: n * 2 });');
    const task = { Type: 'Task', Resource: INVOKE, Parameters: { 'FunctionName': functionArn, 'Payload.$': '$.job' } };

    expect((await run(single(task), { job: { n: 4 } })).output).toMatchObject({
      ExecutedVersion: '$LATEST', Payload: { doubled: 8 }, StatusCode: 200, SdkHttpMetadata: { HttpStatusCode: 200 },
    });
    expect((await run(single({ ...task, OutputPath: '$.Payload' }), { job: { n: 4 } })).output).toEqual({ doubled: 8 });
    expect((await run(single({ ...task, ResultSelector: { 'd.$': '$.Payload.doubled' }, ResultPath: '$.r' }), { job: { n: 4 } })).output)
      .toEqual({ job: { n: 4 }, r: { d: 8 } });
  });

  test('runs under the role of the state machine', async () => {
    const functionArn = define('echo', MANY);
    const task = single({ Type: 'Task', Resource: functionArn });

    expect(await run(task, {}, { Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: functionArn })).toMatchObject({ status: 'SUCCEEDED' });
    expect(await run(task, {}, { Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: `${functionArn}x` })).toMatchObject({
      status: 'FAILED', error: 'Lambda.AWSLambdaException', cause: expect.stringContaining('is not authorized to perform: lambda:InvokeFunction'),
    });
  });

  test('may take longer than a minute, as long as the function may', async () => {
    const functionArn = define('long', "const t = require('timers/promises'); exports.handler = async () => { await t.setTimeout(840_000); return 1; };");

    expect(await run(single({ Type: 'Task', Resource: functionArn }))).toMatchObject({ status: 'SUCCEEDED', output: 1, seconds: 840 });
  });

  test.each([
    ['the name that the function gave it', "throw Object.assign(new Error('no'), { name: 'Refused' })", {}, 'Refused'],
    ['Error, if the function gave it none', "throw new Error('no')", {}, 'Error'],
    ['Runtime.ExitError, if the process died', 'process.exit(1)', {}, 'Runtime.ExitError'],
    ['Runtime.ExitError, if the system killed the process', "process.kill(process.pid, 'SIGKILL')", {}, 'Runtime.ExitError'],
    ['Sandbox.Timedout, if it took too long', "await require('timers/promises').setTimeout(60_000)", { timeoutSeconds: 5 }, 'Sandbox.Timedout'],
    ['Lambda.TooManyRequestsException, if there was no room', 'return 1', { reservedConcurrentExecutions: 0 }, 'Lambda.TooManyRequestsException'],
  ])('fails with %s', async (_, body, options, error) => {
    const Resource = define('fail', `exports.handler = async () => { ${body}; };`, options);

    expect(await run(single({ Type: 'Task', Resource }))).toMatchObject({ status: 'FAILED', error });
    for (const wildcard of ['States.TaskFailed', 'States.ALL', error]) {
      const { output, status } = await run(single({ Type: 'Task', Resource, Catch: [{ ErrorEquals: [wildcard], Next: 'Caught', ResultPath: '$.e' }] }));
      expect(status).toBe('SUCCEEDED');
      expect(output.e.Error).toBe(error);
    }
  });

  test('gives the payload of the function\'s error as cause', async () => {
    const Resource = define('fail', "exports.handler = async () => { throw new Error('no'); };");

    const { output } = await run(single({ Type: 'Task', Resource, Catch: [{ ErrorEquals: ['Error'], Next: 'Caught' }] }));

    expect(JSON.parse(output.Cause)).toEqual({ errorType: 'Error', errorMessage: 'no', trace: expect.any(Array) });
  });

  test('ends by its own timeout with States.Timeout, which States.TaskFailed does not match', async () => {
    const Resource = define('slow', "exports.handler = () => require('timers/promises').setTimeout(600_000);");
    const task = { Type: 'Task', Resource, TimeoutSeconds: 30 };

    expect(await run(single({ ...task, Catch: [{ ErrorEquals: ['States.TaskFailed'], Next: 'Caught' }] })))
      .toMatchObject({ status: 'FAILED', error: 'States.Timeout', seconds: 30 });
    expect(await run(single({ ...task, Catch: [{ ErrorEquals: ['States.Timeout'], Next: 'Caught' }] }))).toMatchObject({ status: 'SUCCEEDED' });
  });

  test('cannot have more than 256 KiB as output, and nothing catches that', async () => {
    const Resource = define('large', "exports.handler = async n => 'x'.repeat(n);");
    const Catch = [{ ErrorEquals: ['States.ALL'], Next: 'Caught' }];

    expect(await run(single({ Type: 'Task', Resource, Catch }), 262_142)).toMatchObject({ status: 'SUCCEEDED' });
    expect(await run(single({ Type: 'Task', Resource, Catch }), 262_143)).toMatchObject({ status: 'FAILED', error: 'States.DataLimitExceeded' });
  });
});

describe('time', () => {
  test('passes in Wait states', async () => {
    const until = new Date(clock.now() + 7_200_000).toISOString();
    expect(await run({
      StartAt: 'A',
      States: {
        A: { Type: 'Wait', Seconds: 3600, Next: 'B' },
        B: { Type: 'Wait', TimestampPath: '$.until', Next: 'C' },
        C: { Type: 'Wait', SecondsPath: '$.more', End: true },
      },
    }, { until, more: 86_400 })).toMatchObject({ status: 'SUCCEEDED', seconds: 7200 + 86_400 });
  });

  test('passes between retries, as interval, rate and longest delay say', async () => {
    const Resource = define('fail', "exports.handler = async () => { console.log(Date.now()); throw new Error('no'); };");
    const began = clock.now();

    const { status, executionArn } = await run(single({
      Type: 'Task', Resource, Retry: [{ ErrorEquals: ['Error'], IntervalSeconds: 10, BackoffRate: 2, MaxDelaySeconds: 50, MaxAttempts: 5 }],
    }));

    expect(status).toBe('FAILED');
    expect(lambda.logs('fail').map(at => (Number(at) - began) / 1000)).toEqual([0, 10, 30, 70, 120, 170]);
    expect(states.transitions(executionArn)).toBe(6);
  });

  test('ends the execution when the state machine has a timeout', async () => {
    const definition = { ...single({ Type: 'Wait', Seconds: 3600 }), TimeoutSeconds: 60 };

    expect(await run(definition)).toMatchObject({ status: 'TIMED_OUT', error: 'States.Timeout', seconds: 60 });
  });
});

describe('a choice', () => {
  test.each([
    [{ Variable: '$.a', IsPresent: false }, {}, 'yes'],
    [{ Variable: '$.a', IsPresent: false }, { a: 0 }, 'no'],
    [{ Variable: '$.a', IsPresent: true }, { a: null }, 'yes'],
    [{ Variable: '$.a', IsNull: false }, { a: 1 }, 'yes'],
    [{ Variable: '$.a', BooleanEquals: false }, { a: false }, 'yes'],
    [{ Not: { Variable: '$.a', IsString: false } }, { a: 'text' }, 'yes'],
    [{ And: [{ Variable: '$.a', IsPresent: true }, { Variable: '$.a', NumericEquals: 0 }] }, { a: 0 }, 'yes'],
    [{ Variable: '$.a', StringMatches: 'snap-*' }, { a: 'snap-1' }, 'yes'],
  ])('%j of %j is %s', async (rule, input, answer) => {
    const { output } = await run({
      StartAt: 'Choose',
      States: {
        Choose: { Type: 'Choice', Choices: [{ ...rule, Next: 'Yes' }], Default: 'No' },
        Yes: { Type: 'Pass', Result: 'yes', End: true },
        No: { Type: 'Pass', Result: 'no', End: true },
      },
    }, input);

    expect(output).toBe(answer);
  });
});

describe('a map', () => {
  const copies = (Resource: string, { mode = 'DISTRIBUTED', ...more }: { mode?: string } & Record<string, unknown> = {}) => single({
    Type: 'Map',
    ItemsPath: '$.items',
    ItemSelector: { 'n.$': '$$.Map.Item.Value', 'index.$': '$$.Map.Item.Index', 'plan.$': '$.plan' },
    ItemProcessor: {
      ProcessorConfig: mode === 'INLINE' ? { Mode: mode } : { Mode: mode, ExecutionType: 'STANDARD' },
      StartAt: 'Copy',
      States: { Copy: { Type: 'Task', Resource: INVOKE, Parameters: { 'FunctionName': Resource, 'Payload.$': '$' }, OutputPath: '$.Payload', End: true } },
    },
    ...more,
  });

  test.each(['INLINE', 'DISTRIBUTED'])('%s gives every item to a function, no more at once than it may', async mode => {
    const code = "const t = require('timers/promises'); exports.handler = async event => { await t.setTimeout(10_000); return event; };";
    const Resource = define('copy', code, { reservedConcurrentExecutions: 3 });
    const items = [...Array(9).keys()].map(n => ({ n }));

    const { output, seconds } = await run(copies(Resource, { mode, MaxConcurrency: 3 }), { items, plan: 'p' });

    expect(output).toEqual(items.map((n, index) => ({ n, index, plan: 'p' })));
    expect(seconds).toBe(30);
  });

  test('runs a thousand items', async () => {
    const Resource = define('copy', 'exports.handler = async ({ index }) => index;');
    const items = [...Array(1000).keys()];

    expect((await run(copies(Resource, { MaxConcurrency: 4 }), { items, plan: 0 })).output).toEqual(items);
  });

  test('fails with the first item that fails, and starts no other', async () => {
    const Resource = define('copy', "exports.handler = async ({ n }) => { if (n === 2) throw new Error('no ' + n); return n; };");
    const items = [1, 2, 3, 4, 5];

    expect(await run(copies(Resource, { mode: 'INLINE', MaxConcurrency: 1 }), { items, plan: 0 }))
      .toMatchObject({ status: 'FAILED', error: 'Error', cause: expect.stringContaining('no 2') });
    expect(lambda.invocations('copy')).toBe(2);
    // A Map Run hides why.
    expect(await run(copies(Resource, { MaxConcurrency: 1 }), { items, plan: 0 }))
      .toMatchObject({ status: 'FAILED', error: 'States.ExceedToleratedFailureThreshold' });
    expect(lambda.invocations('copy')).toBe(4);
  });

  test.each(['INLINE', 'DISTRIBUTED'])('%s that has failed starts nothing more in its other lanes', async mode => {
    const Resource = define('copy', `exports.handler = async ({ n }) => {
      await require('timers/promises').setTimeout(n * 1000); if (n === 1) throw new Error('no'); };`);

    expect(await run(copies(Resource, { mode, MaxConcurrency: 2 }), { items: [1, 2, 3, 4], plan: 0 })).toMatchObject({ status: 'FAILED', seconds: 1 });
    await clock.sleep(3_600_000);
    expect(lambda.invocations('copy')).toBe(2);
  });

  test('may start its children only if the role allows it', async () => {
    const Resource = define('copy', MANY);
    const invoke = { Effect: 'Allow' as const, Action: ['lambda:InvokeFunction'], Resource: '*' };

    expect(await run(copies(Resource), { items: [1], plan: 0 }, invoke))
      .toMatchObject({ status: 'FAILED', error: 'States.Permissions', cause: expect.stringContaining('states:StartExecution') });
    const all = { ...invoke, Action: ['lambda:InvokeFunction', 'states:StartExecution', 'states:DescribeExecution', 'states:StopExecution'] };
    expect(await run(copies(Resource), { items: [1], plan: 0 }, all)).toMatchObject({ status: 'SUCCEEDED' });
  });

  test('has nothing to do without items', async () => {
    expect((await run(copies(define('copy', MANY)), { items: [], plan: 0 })).output).toEqual([]);
  });
});

describe('a definition', () => {
  const map = { Type: 'Map', ItemProcessor: { StartAt: 'P', States: { P: { Type: 'Pass', End: true } } } };

  test.each([
    ['ItemReader', { ...map, ItemReader: { Resource: 'arn:aws:states:::s3:getObject', Parameters: { Bucket: 'b', Key: 'k' } } }],
    ['ItemBatcher', { ...map, ItemBatcher: { MaxItemsPerBatch: 2 } }],
    ['ResultWriter', { ...map, ResultWriter: { Resource: 'arn:aws:states:::s3:putObject', Parameters: { Bucket: 'b' } } }],
    ['ToleratedFailurePercentage', { ...map, ToleratedFailurePercentage: 10 }],
    ['ToleratedFailureCount', { ...map, ToleratedFailureCount: 1 }],
    ['HeartbeatSeconds', { Type: 'Task', Resource: 'arn:aws:lambda:eu-west-1:111122223333:function:f', HeartbeatSeconds: 5 }],
    ['resource', { Type: 'Task', Resource: 'arn:aws:states:::aws-sdk:ebs:startSnapshot' }],
    ['HeartbeatSeconds', { Type: 'Task', Resource: `${INVOKE}.waitForTaskToken`, HeartbeatSeconds: 5, TimeoutSeconds: 5 }],
    ['resource', { Type: 'Task', Resource: 'arn:aws:states:::sqs:sendMessage.waitForTaskToken', Parameters: {} }],
    ['InvocationType', { Type: 'Task', Resource: INVOKE, Parameters: { FunctionName: 'f', InvocationType: 'Event' } }],
    ['EXPRESS', { ...map, ItemProcessor: { ...map.ItemProcessor, ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'EXPRESS' } } }],
  ])('with %s is refused rather than misunderstood', (what, state) => {
    expect(() => machine(single(state))).toThrow(what);
  });

  test('must be valid', () => {
    expect(() => machine({ StartAt: 'Missing', States: { A: { Type: 'Pass', End: true } } })).toThrow('Invalid State Machine Definition');
    expect(() => states.create({ name: 'a', definition: '{', role: role() })).toThrow('Invalid State Machine Definition');
  });

  test('may say where results go, in every way', async () => {
    const definition = {
      StartAt: 'A',
      States: {
        A: { Type: 'Pass', Result: false, ResultPath: '$.flag', Next: 'B' },
        B: { Type: 'Pass', Result: 'ignored', ResultPath: null, Next: 'C' },
        C: {
          Type: 'Pass',
          Parameters: {
            'name.$': '$$.Execution.Name', 'input.$': '$$.Execution.Input.a', 'flag.$': '$.flag', 'state.$': '$$.State.Name', 'f.$': "States.Format('{}!', $.a)",
          },
          ResultPath: '$',
          End: true,
        },
      },
    };
    const { output, name } = await run(definition, { a: 'x' });
    expect(output).toEqual({ name, input: 'x', flag: false, state: 'C', f: 'x!' });
  });
});

describe('an execution', () => {
  const waiting = single({ Type: 'Wait', Seconds: 600 });

  test('is one for one name and input while it runs, and its name stays taken', async () => {
    const stateMachineArn = machine(waiting);
    const release = clock.work();
    const start = (name: string, input: string) => client().send(new StartExecutionCommand({ stateMachineArn, name, input }));

    const { executionArn, startDate } = await start('one', '{"a":1}');
    expect(startDate).toEqual(new Date(clock.now()));
    expect((await start('one', '{"a":1}')).executionArn).toBe(executionArn);
    await expect(start('one', '{"a":2}')).rejects.toMatchObject({ name: 'ExecutionAlreadyExists' });
    release();
    await ended(executionArn!);
    await expect(start('one', '{"a":1}')).rejects.toMatchObject({ name: 'ExecutionAlreadyExists' });

    clock.advance(91 * 24 * 3600_000);
    await expect(client().send(new DescribeExecutionCommand({ executionArn }))).rejects.toMatchObject({ name: 'ExecutionDoesNotExist' });
    expect((await start('one', '{"a":1}')).executionArn).toBe(executionArn);
  });

  test('is described and listed', async () => {
    const stateMachineArn = machine(waiting);
    const release = clock.work();
    const { executionArn } = await client().send(new StartExecutionCommand({ stateMachineArn, input: '{"a":1}' }));

    const running = await client().send(new DescribeExecutionCommand({ executionArn }));
    expect(running).toMatchObject({ status: 'RUNNING', input: '{"a":1}', stateMachineArn });
    expect(running.stopDate).toBeUndefined();
    release();
    await ended(executionArn!);

    const described = await client().send(new DescribeExecutionCommand({ executionArn }));
    expect(described).toMatchObject({ status: 'SUCCEEDED', output: '{"a":1}' });
    expect(described.stopDate!.getTime() - described.startDate!.getTime()).toBe(600_000);
    const list = (statusFilter: 'SUCCEEDED' | 'RUNNING') => client().send(new ListExecutionsCommand({ stateMachineArn, statusFilter }));
    expect((await list('SUCCEEDED')).executions).toMatchObject([{ executionArn }]);
    expect((await list('RUNNING')).executions).toEqual([]);
    expect(await client().send(new DescribeStateMachineCommand({ stateMachineArn }))).toMatchObject({ status: 'ACTIVE', type: 'STANDARD' });
  });

  test('stopped, runs no Catch, and leaves its function to itself', async () => {
    const Resource = define('slow', `exports.handler = async () => {
      await require('timers/promises').setTimeout(60_000); console.log('went on'); throw new Error('late'); };`);
    const release = clock.work();
    const executionArn = states.start(machine({
      StartAt: 'Slow',
      States: {
        Slow: {
          Type: 'Task',
          Resource,
          End: true,
          Retry: [{ ErrorEquals: ['States.ALL'], IntervalSeconds: 1 }],
          Catch: [{ ErrorEquals: ['States.ALL'], Next: 'After' }],
        },
        After: { Type: 'Task', Resource, End: true },
      },
    }));
    const { stopDate } = await client().send(new StopExecutionCommand({ executionArn, error: 'Cancelled', cause: 'by the test' }));
    release();

    expect(stopDate).toBeDefined();
    expect(states.describe(executionArn)).toMatchObject({ status: 'ABORTED', error: 'Cancelled', cause: 'by the test' });
    while (lambda.logs('slow').length === 0) { await pause(1); }
    await clock.sleep(3_600_000);
    expect(lambda.invocations('slow')).toBe(1);
    expect(changes.map(({ status }) => status)).toEqual(['RUNNING', 'ABORTED']);
  });

  test('tells of its status as EventBridge does', async () => {
    const { executionArn } = await run(single({ Type: 'Task', Resource: define('fail', "exports.handler = async () => { throw new Error('no'); };") }), { a: 1 });

    expect(changes).toMatchObject([
      { executionArn, status: 'RUNNING', input: '{"a":1}', output: null, stopDate: null },
      { executionArn, status: 'FAILED', input: '{"a":1}', output: null, error: 'Error', cause: expect.stringContaining('"errorMessage":"no"') },
    ]);
  });

  test('ends when its state machine is deleted', async () => {
    const stateMachineArn = machine({
      StartAt: 'A', States: { A: { Type: 'Wait', Seconds: 60, Next: 'B' }, B: { Type: 'Wait', Seconds: 3600, End: true } },
    });
    const release = clock.work();
    const executionArn = states.start(stateMachineArn);
    states.delete(stateMachineArn);
    expect(await client().send(new DescribeStateMachineCommand({ stateMachineArn }))).toMatchObject({ status: 'DELETING' });
    expect(() => states.start(stateMachineArn)).toThrow('is deleting');
    const name = stateMachineArn.split(':').pop();
    expect(() => machine(waiting, ALL, name)).toThrow('is deleting');
    release();

    await ended(executionArn);
    expect(states.describe(executionArn).status).toBe('ABORTED');
    await expect(client().send(new DescribeStateMachineCommand({ stateMachineArn }))).rejects.toMatchObject({ name: 'StateMachineDoesNotExist' });
    expect(machine(waiting, ALL, name)).toBe(stateMachineArn);
  });

  test('cannot be started with a bad name, input or state machine, or without permission', async () => {
    const stateMachineArn = machine(waiting);
    const start = (more: object, sfn = client()) => sfn.send(new StartExecutionCommand({ stateMachineArn, ...more }));

    await expect(start({ name: 'a/b' })).rejects.toMatchObject({ name: 'InvalidName' });
    await expect(start({ name: 'x'.repeat(81) })).rejects.toMatchObject({ name: 'InvalidName' });
    await expect(start({ input: '{' })).rejects.toMatchObject({ name: 'InvalidExecutionInput' });
    await expect(start({ input: JSON.stringify('x'.repeat(262_143)) })).rejects.toMatchObject({ name: 'ValidationException' });
    await expect(start({ stateMachineArn: arn('states', 'stateMachine:none') })).rejects.toMatchObject({ name: 'StateMachineDoesNotExist' });

    const starter = client(server.issue(role({ Effect: 'Allow', Action: 'states:StartExecution', Resource: stateMachineArn })));
    const { executionArn } = await start({}, starter);
    await expect(starter.send(new DescribeExecutionCommand({ executionArn }))).rejects.toMatchObject({ name: 'AccessDeniedException' });
    await expect(starter.send(new StopExecutionCommand({ executionArn }))).rejects.toMatchObject({ name: 'AccessDeniedException' });
    await expect(start({ stateMachineArn: machine(waiting) }, starter)).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });
});

describe('a machine that steps, waits and answers', () => {
  const retry = (ErrorEquals: string[], MaxAttempts: number) =>
    ({ ErrorEquals, IntervalSeconds: 2, BackoffRate: 2, MaxDelaySeconds: 30, JitterStrategy: 'FULL', MaxAttempts });
  const call = (payload: object) => ({
    Type: 'Task', Resource: INVOKE, Parameters: { 'FunctionName.$': '$.event.ServiceToken', 'Payload': payload },
  });
  const definition = {
    StartAt: 'Step',
    TimeoutSeconds: 7200,
    States: {
      Step: {
        ...call({ 'step': 'Step', 'event.$': '$.event', 'state.$': '$', 'call.$': '$$.Execution.Name', 'started.$': '$$.Execution.StartTime' }),
        OutputPath: '$.Payload',
        Retry: [retry(['Lambda.TooManyRequestsException'], 100), retry(['States.ALL'], 5)],
        Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.failure', Next: 'Answer' }],
        Next: 'Decide',
      },
      Decide: {
        Type: 'Choice',
        Choices: [{ Variable: '$.next', StringEquals: 'wait', Next: 'Wait' }, { Variable: '$.next', StringEquals: 'answer', Next: 'Answer' }],
        Default: 'Broken',
      },
      Wait: { Type: 'Wait', SecondsPath: '$.wait', Next: 'Step' },
      Answer: {
        ...call({ 'step': 'Answer', 'state.$': '$' }),
        ResultSelector: { 'answer.$': '$.Payload' },
        ResultPath: '$.answered',
        Retry: [{ ErrorEquals: ['States.ALL'], IntervalSeconds: 5, MaxDelaySeconds: 60, MaxAttempts: 60 }],
        Next: 'End',
      },
      Broken: { Type: 'Fail', Error: 'Broken', CausePath: "States.Format('no such step: {}', $.next)" },
      End: { Type: 'Succeed' },
    },
  };
  /** A function whose steps are this code, with the number `n` of the step and its `state`. It prints when it was called. */
  const steps = (code: string, answer = "return 'sent';", options: Parameters<typeof define>[2] = {}) => define('steps', `let n = 0; exports.handler = async ({ step, ...input }) => {
    console.log(step + ' ' + Date.now());
    const { state } = input;
    if (step === 'Answer') { ${answer} }
    n++;
    ${code}
  };`, options);
  const seconds = () => {
    const times = lambda.logs('steps').map(line => Number(line.split(' ')[1]));
    return times.map(time => (time - times[0]) / 1000);
  };
  const event = (ServiceToken: string) => ({ event: { ServiceToken, RequestId: 'r' } });

  test('gives each step what the one before returned, after as long as that says', async () => {
    const ServiceToken = steps("return { ...state, seen: [input.call, input.started], next: n < 3 ? 'wait' : 'answer', wait: n * 10 };");

    const { status, output, name, seconds: took } = await run(definition, event(ServiceToken));

    expect(status).toBe('SUCCEEDED');
    expect(output).toEqual({
      event: { ServiceToken, RequestId: 'r' }, seen: [name, expect.stringMatching(/Z$/)], next: 'answer', wait: 30, answered: { answer: 'sent' },
    });
    expect(took).toBe(30);
  });

  test('repeats a step that fails, with jitter, and then answers with name and cause of the error', async () => {
    const ServiceToken = steps("throw Object.assign(new Error('no'), { name: 'Refused' });");

    const { status, output } = await run(definition, event(ServiceToken));

    expect(status).toBe('SUCCEEDED');
    expect(output.event).toEqual({ ServiceToken, RequestId: 'r' });
    expect(output.failure.Error).toBe('Refused');
    expect(JSON.parse(output.failure.Cause)).toMatchObject({ errorType: 'Refused', errorMessage: 'no' });
    const times = seconds();
    expect(lambda.logs('steps').map(line => line.split(' ')[0])).toEqual([...Array(6).fill('Step'), 'Answer']);
    [2, 4, 8, 16, 30].forEach((longest, index) => expect(times[index + 1] - times[index]).toBeLessThanOrEqual(longest));
    expect(times[6]).toBe(times[5]);
  });

  test('counts the retries of each error, anew in each step', async () => {
    const ServiceToken = steps("if (n % 5 !== 0) { throw new Error('no'); } return { ...state, next: n < 20 ? 'wait' : 'answer', wait: 0 };");

    const { status, output } = await run(definition, event(ServiceToken));

    expect({ status, failure: output.failure }).toEqual({ status: 'SUCCEEDED', failure: undefined });
    expect(lambda.invocations('steps')).toBe(21);
  });

  test('waits while there is no room for the function', async () => {
    const ServiceToken = steps("return { ...state, next: 'answer' };", undefined, { reservedConcurrentExecutions: 0 });
    const executionArn = states.start(machine(definition), event(ServiceToken));
    await clock.sleep(600_000);
    lambda.update('steps', { reservedConcurrentExecutions: 1 });
    await ended(executionArn);

    expect(states.describe(executionArn)).toMatchObject({ status: 'SUCCEEDED' });
    expect(states.describe(executionArn).output).not.toContain('failure');
  });

  test('sends its answer again until it is taken', async () => {
    const ServiceToken = steps("return { ...state, next: 'answer' };", "if (n++ < 8) { throw new Error('503'); } return 'sent';");

    expect((await run(definition, event(ServiceToken))).output.answered).toEqual({ answer: 'sent' });
    expect(seconds().map((time, index, all) => time - (all[index - 1] ?? 0))).toEqual([0, 0, 5, 10, 20, 40, 60, 60, 60]);
  });

  test('fails when it cannot call its function for the answer either, because it is gone or not permitted', async () => {
    const ServiceToken = steps('');
    expect(await run(definition, event(`${ServiceToken}x`))).toMatchObject({ status: 'FAILED', error: 'Lambda.ResourceNotFoundException' });
    expect(await run(definition, event(ServiceToken), { Effect: 'Allow', Action: 'lambda:GetFunction', Resource: '*' }))
      .toMatchObject({ status: 'FAILED', error: 'Lambda.AWSLambdaException' });
  });

  test('ends after its time, whatever it does', async () => {
    const ServiceToken = steps("return { ...state, next: 'wait', wait: 100 };");

    expect(await run(definition, event(ServiceToken))).toMatchObject({ status: 'TIMED_OUT', error: 'States.Timeout', seconds: 7200 });
    expect(changes.map(({ status }) => status)).toEqual(['RUNNING', 'TIMED_OUT']);
    await clock.sleep(3600_000);
    expect(lambda.invocations('steps')).toBe(72);
  });

  test('fails by a step that it does not know', async () => {
    const ServiceToken = steps("return { ...state, next: 'dance' };");

    expect(await run(definition, event(ServiceToken))).toMatchObject({ status: 'FAILED', error: 'Broken', cause: 'no such step: dance' });
  });

  test.each([
    ['a parameter', () => ({}), {}],
    ['a choice', (ServiceToken: string) => event(ServiceToken), {}],
    ['a wait', (ServiceToken: string) => event(ServiceToken), { next: 'wait' }],
    ['a wait that is no whole number', (ServiceToken: string) => event(ServiceToken), { next: 'wait', wait: '5' }],
  ])('fails with States.Runtime, which nothing catches, without the value of %s', async (_, input, returned) => {
    const ServiceToken = steps(`return { ...state, ...${JSON.stringify(returned)} };`);

    expect(await run(definition, input(ServiceToken))).toMatchObject({ status: 'FAILED', error: 'States.Runtime' });
    expect(lambda.logs('steps').join()).not.toContain('Answer');
  });

  test('ends at the next state when it is deleted, also before the last one', async () => {
    const stateMachineArn = machine(definition);
    // Somebody deletes the machine while its last step works, which ends after that.
    const somebody = createServer((_, response) => { states.delete(stateMachineArn); response.end(); });
    await once(somebody.listen(0, '127.0.0.1'), 'listening');
    const { port } = somebody.address() as AddressInfo;
    const ServiceToken = steps("return { ...state, next: 'answer' };", `await fetch('http://127.0.0.1:${port}'); return 'sent';`);
    const executionArn = states.start(stateMachineArn, event(ServiceToken));
    await ended(executionArn);
    somebody.close();

    expect(states.describe(executionArn)).toMatchObject({ status: 'ABORTED' });
    expect(lambda.logs('steps')).toHaveLength(2);
  });
});

describe('a task that waits for its token', () => {
  /** Prints the token and does what `body` says. */
  const taker = (body = '') => define('taker', `
    const { SFNClient, SendTaskSuccessCommand } = require('@aws-sdk/client-sfn');
    exports.handler = async ({ token, event }) => { console.log(token); ${body} };`);
  const waiting = (more: object = {}) => single({
    Type: 'Task',
    Resource: `${INVOKE}.waitForTaskToken`,
    Parameters: { FunctionName: `${arn('lambda', 'function:taker')}`, Payload: { 'token.$': '$$.Task.Token', 'event.$': '$' } },
    ...more,
  });
  const tokens = async (count = 1) => {
    while (lambda.logs('taker').length < count) { await pause(1); }
    return lambda.logs('taker');
  };
  const success = (taskToken: string, output = '{"done":true}', sfn = client()) => sfn.send(new SendTaskSuccessCommand({ taskToken, output }));
  /** Starts an execution whose task is waiting, and holds the time until `release`. */
  const begun = async (definition: object, statement?: Statement) => {
    const release = clock.work();
    const stateMachineArn = machine(definition, statement);
    const executionArn = states.start(stateMachineArn, { a: 1 });
    const [token] = await tokens();
    return { executionArn, stateMachineArn, token, release };
  };

  test('continues with the output of SendTaskSuccess, not with the result of its function', async () => {
    taker("return 'lost';");
    const { executionArn, token, release } = await begun(waiting({ ResultPath: '$.result' }));
    await success(token);
    release();
    await ended(executionArn);

    expect(states.describe(executionArn)).toMatchObject({ status: 'SUCCEEDED', output: '{"a":1,"result":{"done":true}}' });
    expect(lambda.invocations('taker')).toBe(1);
  });

  test('waits as long as nobody returns the token', async () => {
    taker();
    const executionArn = states.start(machine(waiting()));
    const [token] = await tokens();
    await clock.sleep(30 * 24 * 3600_000);
    expect(states.describe(executionArn).status).toBe('RUNNING');
    await success(token);
    await ended(executionArn);

    expect(states.describe(executionArn).status).toBe('SUCCEEDED');
    // TaskSubmitted comes in addition.
    expect(states.events(executionArn)).toBe(1 + 6);
  });

  test('goes on while its function is running, if that returns the token itself', async () => {
    taker(`await new SFNClient({}).send(new SendTaskSuccessCommand({ taskToken: token, output: '1' })); console.log('sent');
      await require('timers/promises').setTimeout(60_000); throw new Error('late');`);

    expect(await run(waiting())).toMatchObject({ status: 'SUCCEEDED', output: 1, seconds: 0 });
    await clock.sleep(100_000);
  });

  test('fails with what SendTaskFailure brings, and can be repeated, with another token', async () => {
    taker();
    const { executionArn, token, release } = await begun(waiting({
      Retry: [{ ErrorEquals: ['Refused'], MaxAttempts: 1, IntervalSeconds: 7 }], Catch: [{ ErrorEquals: ['States.TaskFailed'], Next: 'Caught', ResultPath: '$.e' }],
    }));
    await client().send(new SendTaskFailureCommand({ taskToken: token, error: 'Refused', cause: 'no' }));
    release();
    const [, second] = await tokens(2);
    await expect(success(token)).rejects.toMatchObject({ name: 'TaskTimedOut' });
    await client().send(new SendTaskFailureCommand({ taskToken: second, error: 'Refused', cause: 'no' }));
    await ended(executionArn);

    expect(second).not.toBe(token);
    expect(JSON.parse(states.describe(executionArn).output!)).toEqual({ a: 1, e: { Error: 'Refused', Cause: 'no' } });
  });

  test('fails at once if its function fails', async () => {
    taker("throw Object.assign(new Error('no'), { name: 'Refused' });");

    const { executionArn, status, error } = await run(waiting({ TimeoutSeconds: 60 }));
    expect({ status, error }).toEqual({ status: 'FAILED', error: 'Refused' });
    await expect(success((await tokens())[0])).rejects.toMatchObject({ name: 'TaskTimedOut' });
    expect(states.describe(executionArn).status).toBe('FAILED');
  });

  test.each([
    ['its time', { TimeoutSeconds: 20 }],
    ['the time that its input gives it', { TimeoutSecondsPath: '$.seconds' }],
    ['the time for a heartbeat', { HeartbeatSeconds: 20 }],
  ])('ends with States.Timeout after %s; the token is worth nothing then', async (_, more) => {
    taker();

    const { seconds, output } = await run(waiting({ ...more, Catch: [{ ErrorEquals: ['States.Timeout'], Next: 'Caught', ResultPath: null }] }), { seconds: 20 });

    expect({ seconds, output }).toEqual({ seconds: 20, output: { seconds: 20 } });
    await expect(success((await tokens())[0])).rejects.toMatchObject({ name: 'TaskTimedOut' });
  });

  test('goes on waiting after each heartbeat, but not beyond its own time', async () => {
    taker();
    const { executionArn, token, release } = await begun(waiting({ HeartbeatSeconds: 20, TimeoutSeconds: 50 }));
    const beats = [15, 30, 45, 60].map(seconds => clock.sleep(1000 * seconds).then(async () => {
      const done = clock.work();
      await client().send(new SendTaskHeartbeatCommand({ taskToken: token })).finally(done);
    }));
    release();

    expect((await Promise.allSettled(beats)).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected']);
    const { startDate, stopDate, error } = states.describe(executionArn);
    expect({ seconds: (stopDate! - startDate) / 1000, error }).toEqual({ seconds: 50, error: 'States.Timeout' });
  });

  test('takes its token once, and none after the execution was stopped', async () => {
    taker();
    const { token, executionArn, stateMachineArn, release } = await begun(waiting());
    await success(token);
    await expect(success(token)).rejects.toMatchObject({ name: 'TaskTimedOut' });
    const other = states.start(stateMachineArn);
    const [, second] = await tokens(2);
    await client().send(new StopExecutionCommand({ executionArn: other }));
    await expect(success(second)).rejects.toMatchObject({ name: 'TaskTimedOut' });
    release();
    await ended(executionArn);
  });

  test('takes no token that Step Functions did not give out, no output that is not JSON or too long, and nothing without permission', async () => {
    taker();
    const { token, executionArn, stateMachineArn, release } = await begun(waiting());
    const allowed = (...resources: string[]) =>
      client(server.issue(role({ Effect: 'Allow', Action: 'states:SendTaskSuccess', Resource: resources })));

    await expect(success(`${token}x`)).rejects.toMatchObject({ name: 'InvalidToken' });
    await expect(success(token, '{')).rejects.toMatchObject({ name: 'InvalidOutput' });
    await expect(success(token, JSON.stringify('x'.repeat(262_143)))).rejects.toMatchObject({ name: 'ValidationException' });
    await expect(success(token, '1', allowed(`${stateMachineArn}x`))).rejects.toMatchObject({ name: 'AccessDeniedException' });
    await expect(allowed(stateMachineArn).send(new SendTaskFailureCommand({ taskToken: token }))).rejects.toMatchObject({ name: 'AccessDeniedException' });
    await success(token, '1', allowed(stateMachineArn));
    release();
    await ended(executionArn);
    expect(states.describe(executionArn).output).toBe('1');
  });

  test.each([
    ['is lost before it acts', KILLED_BEFORE, 'States.Timeout'],
    ['is lost after it has acted', KILLED_AFTER, undefined],
  ])('by a process that dies: the token %s', async (_, fault, error) => {
    taker();
    const returner = define('returner', `const { SFNClient, SendTaskSuccessCommand } = require('@aws-sdk/client-sfn');
      exports.handler = ({ taskToken }) => new SFNClient({}).send(new SendTaskSuccessCommand({ taskToken, output: '1' }));`);
    const { token, executionArn, release } = await begun(waiting({ TimeoutSeconds: 20 }));
    server.faults.inject('states:SendTaskSuccess', fault);
    await lambda.invoke(returner, { taskToken: token });
    release();
    await ended(executionArn);

    expect(states.describe(executionArn).error).toBe(error);
  });
});

describe('a function that is killed', () => {
  /** Starts the execution that its event names, and prints how that ended. */
  const starter = (stateMachineArn: string) => define('starter', `
    const { SFNClient, StartExecutionCommand } = require('@aws-sdk/client-sfn');
    exports.handler = async ({ name }) => {
      await new SFNClient({ maxAttempts: 1 }).send(new StartExecutionCommand({ stateMachineArn: '${stateMachineArn}', name }))
        .then(() => console.log('started'), error => console.log(error.name));
    };`);

  test.each([
    ['before StartExecution has not started anything', KILLED_BEFORE, 60, ['started']],
    ['after StartExecution has started it, without an answer', KILLED_AFTER, 0, ['ExecutionAlreadyExists']],
  ])('%s', async (_, fault, seconds, printed) => {
    const stateMachineArn = machine(single({ Type: 'Wait', Seconds: 1 }));
    starter(stateMachineArn);
    server.faults.inject('states:StartExecution', fault);
    const begin = clock.now();

    await lambda.enqueue('starter', { name: 'one' });

    expect(lambda.invocations('starter')).toBe(2);
    expect(lambda.logs('starter')).toEqual(printed);
    expect((states.describe(arn('states', `execution:${stateMachineArn.split(':').pop()}:one`)).startDate - begin) / 1000).toBe(seconds);
  });

  test('in the middle of a step makes the task fail with Runtime.ExitError, which States.ALL repeats', async () => {
    const Resource = define('step', `
      const { SFNClient, ListExecutionsCommand } = require('@aws-sdk/client-sfn');
      exports.handler = async ({ stateMachineArn }) => {
        const { executions } = await new SFNClient({}).send(new ListExecutionsCommand({ stateMachineArn }));
        return executions.length;
      };`);
    const input = { stateMachineArn: machine(single({ Type: 'Pass' })) };
    server.faults.inject('states:ListExecutions', KILLED_AFTER, { times: 2 });
    expect(await run(single({ Type: 'Task', Resource }), input)).toMatchObject({ status: 'FAILED', error: 'Runtime.ExitError', seconds: 0 });
    expect(await run(single({ Type: 'Task', Resource, Retry: [{ ErrorEquals: ['States.ALL'], IntervalSeconds: 7 }] }), input))
      .toMatchObject({ status: 'SUCCEEDED', output: 0, seconds: 7 });
  });

  test('by its call leaves other processes of that function alone', async () => {
    const stateMachineArn = machine(single({ Type: 'Wait', Seconds: 1 }));
    starter(stateMachineArn);
    server.faults.inject('states:StartExecution', KILLED_BEFORE);
    const outcomes = await Promise.all(['one', 'two'].map(name => lambda.invoke('starter', { name })));
    expect(outcomes.map(({ functionError }) => functionError).sort()).toEqual(['Unhandled', undefined]);
  });
});

describe('status changes', () => {
  const wait = single({ Type: 'Wait', Seconds: 1 });

  test('may be lost, all or some', async () => {
    const stop = states.loseEvents();
    await run(wait);
    expect(changes).toEqual([]);
    expect(states.lostEvents.map(({ detail: { status } }) => status)).toEqual(['RUNNING', 'SUCCEEDED']);
    stop();

    states.loseEvents({ times: 1, when: ({ status }) => status === 'SUCCEEDED' });
    await run(wait);
    await run(wait);
    expect(changes.map(({ status }) => status)).toEqual(['RUNNING', 'RUNNING', 'SUCCEEDED']);
    expect(states.lostEvents).toHaveLength(3);
  });
});

describe('the waiting of aws-cdk-lib', () => {
  const waiter = (isComplete: string, onTimeout: string, maxAttempts: number) => ({
    StartAt: 'framework-isComplete-task',
    States: {
      'framework-isComplete-task': {
        End: true,
        Retry: [{ ErrorEquals: ['States.ALL'], IntervalSeconds: 5, MaxAttempts: maxAttempts, BackoffRate: 1 }],
        Catch: [{ ErrorEquals: ['States.ALL'], Next: 'framework-onTimeout-task' }],
        Type: 'Task',
        Resource: isComplete,
      },
      'framework-onTimeout-task': { End: true, Type: 'Task', Resource: onTimeout },
    },
  });
  const custom = (name: string) => `throw Object.assign(new Error(JSON.stringify(event)), { name: '${name}' });`;

  test('asks again every five seconds, for an hour if need be', async () => {
    const isComplete = define('isComplete', `let asked = 0; exports.handler = async event => { if (++asked < 600) { ${custom('Retry')} } return asked; };`);
    const onTimeout = define('onTimeout', MANY);

    expect(await run(waiter(isComplete, onTimeout, 600), { id: 1 })).toMatchObject({ status: 'SUCCEEDED', output: 600, seconds: 599 * 5 });
    expect(lambda.invocations('onTimeout')).toBe(0);
  });

  test('tells onTimeout what it last asked, when it gives up', async () => {
    const isComplete = define('isComplete', `exports.handler = async event => { ${custom('Retry')} };`);
    const onTimeout = define('onTimeout', 'exports.handler = async event => JSON.parse(JSON.parse(event.Cause).errorMessage);');

    expect(await run(waiter(isComplete, onTimeout, 10), { id: 1 })).toMatchObject({ status: 'SUCCEEDED', output: { id: 1 }, seconds: 50 });
  });

  test('works with the functions of its provider framework', async () => {
    const runtime = path.resolve(__dirname, '../../../node_modules/aws-cdk-lib/custom-resources/lib/provider-framework/runtime');
    const onEvent = define('onEvent', "exports.handler = async event => ({ PhysicalResourceId: 'fs-1', Data: { Seen: event.ResourceProperties.A } });");
    const isComplete = define('isComplete', `let asked = 0;
      exports.handler = async event => ++asked < 20 ? { IsComplete: false } : { IsComplete: true, Data: { Asked: asked } };`);
    const stateMachineName = 'waiter';
    const environment = {
      USER_ON_EVENT_FUNCTION_ARN: onEvent,
      USER_IS_COMPLETE_FUNCTION_ARN: isComplete,
      WAITER_STATE_MACHINE_ARN: arn('states', `stateMachine:${stateMachineName}`),
    };
    const framework = (functionName: string, handler: string) => lambda.create({
      functionName,
      handler: `framework.${handler}`,
      codeDirectory: runtime,
      environment,
      timeoutSeconds: 900,
      role: role({ Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: [onEvent, isComplete] },
        { Effect: 'Allow', Action: 'states:StartExecution', Resource: environment.WAITER_STATE_MACHINE_ARN }),
    });
    const frameworkOnEvent = framework('frameworkOnEvent', 'onEvent');
    machine(waiter(framework('frameworkIsComplete', 'isComplete'), framework('frameworkOnTimeout', 'onTimeout'), 600), ALL, stateMachineName);
    const began = clock.now();
    const response = new Promise<Record<string, unknown>>(resolve =>
      server.receiveAt('/cloudformation/', body => resolve(JSON.parse(body.toString()) as Record<string, unknown>)));

    await lambda.enqueue(frameworkOnEvent, {
      RequestType: 'Create',
      ResponseURL: 'https://cloudformation-custom-resource-response.invalid/cloudformation/1',
      StackId: 'stack',
      RequestId: 'request',
      LogicalResourceId: 'Logical',
      ResourceProperties: { A: 'a' },
    });

    expect(await response).toMatchObject({
      Status: 'SUCCESS', PhysicalResourceId: 'fs-1', StackId: 'stack', LogicalResourceId: 'Logical', Data: { Seen: 'a', Asked: 20 },
    });
    expect((clock.now() - began) / 1000).toBe(19 * 5);
  });
});

describe('a history', () => {
  const pass = { Type: 'Pass', End: true };
  const item = (name = 'Item') => ({ StartAt: name, States: { [name]: pass } });

  test.each<[string, object, number]>([
    ['Pass', pass, 2],
    ['Wait', { Type: 'Wait', Seconds: 1, End: true }, 2],
    ['Choice, and what it chooses', { Type: 'Choice', Choices: [{ Variable: '$.items', IsPresent: true, Next: 'Last' }] }, 4],
    ['Parallel: it started and succeeded, and its branches', { Type: 'Parallel', Branches: [item('One'), item('Two')], End: true }, 8],
    ['inline Map: it started and succeeded, and its three iterations', { Type: 'Map', ItemsPath: '$.items', ItemProcessor: item(), End: true }, 4 + 3 * 4],
    ['distributed Map: its run started and succeeded, and no child', {
      Type: 'Map', ItemsPath: '$.items', ItemProcessor: { ...item(), ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' } }, End: true,
    }, 6],
  ])('has the events of a %s', async (_, state, events) => {
    const last = 'Choices' in state ? { Last: pass } : {};
    const { executionArn, status } = await run({ StartAt: 'First', States: { First: state, ...last } }, { items: [1, 2, 3] });

    expect(status).toBe('SUCCEEDED');
    expect(states.events(executionArn)).toBe(1 + events);
  });

  test('has five events of a task, and three for each time it is repeated', async () => {
    const Resource = define('third', 'let n = 0; exports.handler = async () => { if (++n < 3) { throw new Error("no"); } };');

    const { executionArn } = await run(single({ Type: 'Task', Resource, Retry: [{ ErrorEquals: ['Error'] }] }));

    expect(states.events(executionArn)).toBe(1 + 5 + 2 * 3);
  });

  /** Takes four events for each turn. */
  const loop = {
    StartAt: 'Turn',
    States: {
      Turn: { Type: 'Pass', Next: 'Again' },
      Again: { Type: 'Choice', Choices: [{ Variable: '$.end', IsPresent: true, Next: 'End' }], Default: 'Turn' },
      End: { Type: 'Succeed' },
    },
  };

  test('of 25,000 events ends the execution, whatever it catches', async () => {
    const catching = single({
      Type: 'Parallel', Branches: [loop], Retry: [{ ErrorEquals: ['States.ALL'] }], Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Caught' }],
    });

    expect(await run(catching)).toMatchObject({
      status: 'FAILED', error: 'States.Runtime', cause: 'The execution reached the maximum number of history events (25000).',
    });
  });

  test('of a child of a distributed Map is full for itself', async () => {
    const { status, error, executionArn } = await run(single({
      Type: 'Map', ItemProcessor: { ...loop, ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' } },
    }), [1]);

    expect({ status, error }).toEqual({ status: 'FAILED', error: 'States.ExceedToleratedFailureThreshold' });
    expect(states.events(executionArn)).toBeLessThan(10);
  });
});

describe('a state machine with a customer key', () => {
  const NONE = { StartAt: 'End', States: { End: { Type: 'Succeed' } } };
  const KEY_STATEMENT: Statement = { Effect: 'Allow', Action: ['kms:Decrypt', 'kms:GenerateDataKey'], Resource: '*' };
  const STATES: Statement = { Effect: 'Allow', Action: 'states:*', Resource: '*' };
  let keyArn: string;
  let withKeys: StepFunctions;

  beforeEach(() => {
    const kms = new Kms(clock);
    keyArn = kms.createKey().arn;
    withKeys = new StepFunctions(clock, lambda, 1, kms);
    server.add(withKeys);
  });
  afterEach(() => withKeys.close());

  const keyed = (...statements: Statement[]) => withKeys.create({ name: 'keyed', definition: NONE, role: role(...statements), kmsKeyId: keyArn });
  const start = (stateMachineArn: string, ...statements: Statement[]) => {
    const sfn = new SFNClient({ region: REGION, endpoint: server.url, credentials: server.issue(role(...statements)), maxAttempts: 1 });
    return sfn.send(new StartExecutionCommand({ stateMachineArn, name: 'one' })).finally(() => sfn.destroy());
  };

  test('can be started only by a principal that may use the key', async () => {
    const arnOfMachine = keyed(KEY_STATEMENT);
    await expect(start(arnOfMachine, STATES)).rejects.toMatchObject({ name: 'KmsAccessDeniedException', message: expect.stringContaining('kms:Decrypt') });
    await expect(start(arnOfMachine, STATES, KEY_STATEMENT)).resolves.toBeDefined();
  });

  test('fails at once if its role may not use the key; without the key, it runs', async () => {
    const arnOfMachine = keyed();
    expect(withKeys.describe(withKeys.start(arnOfMachine))).toMatchObject({ status: 'FAILED', cause: expect.stringContaining('kms:Decrypt') });
    withKeys.update(arnOfMachine, {});
    expect(withKeys.describe(withKeys.start(arnOfMachine)).status).toBe('FAILED');
    withKeys.update(arnOfMachine, { kmsKeyId: null });
    expect(withKeys.describe(withKeys.start(arnOfMachine)).status).not.toBe('FAILED');
  });
});
