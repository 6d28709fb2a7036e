import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Transfer } from '../../../../../src/private/ebs/transfer';
import { TransferBucket } from '../../../../../src/private/ebs/transfer-bucket';

/** Its types are those of its ES module, which cannot be required. */
const { StateMachine } = jest.requireActual<{ StateMachine: new (definition: Json) => Machine }>('aws-local-stepfunctions');
interface Machine { run(input: Json, options: Json): { result: Promise<Json> } }

type Handler = (input: any) => unknown;
type Json = any;

const INPUT = { snapshotId: 'snap-1', source: { bucket: 'images', key: 'disk.img', etag: '"e"', size: 3 } };

function givenTemplate(): Template {
  const stack = new Stack(new App(), 'Stack');
  new Transfer(stack, 'Transfer', {
    bucket: new TransferBucket(stack, 'Bucket'),
    handlerRole: new iam.Role(stack, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') }),
    waiterArn: 'arn:aws:states:eu-west-1:111122223333:stateMachine:Waiter',
  });
  return Template.fromStack(stack);
}

/** What the state machine does, with the names of functions in place of their ARNs. */
function definition(): Json {
  const [machine] = Object.values(givenTemplate().findResources('AWS::StepFunctions::StateMachine'));
  const parts = machine.Properties.DefinitionString['Fn::Join'][1] as (string | { 'Fn::GetAtt': [string, string] })[];
  const name = (logicalId: string) => /^Transfer([A-Z][a-z]+)/.exec(logicalId)![1];
  return JSON.parse(parts.map(part => typeof part === 'string' ? part : name(part['Fn::GetAtt'][0])).join(''));
}

/** All states, those in the map too, by name. */
function statesOf({ States }: Json): Record<string, Json> {
  const inner = Object.values<Json>(States).flatMap(({ ItemProcessor }) => ItemProcessor ? [statesOf(ItemProcessor)] : []);
  return Object.assign({}, States, ...inner);
}

/** Runs it with a function for each task. */
async function run(functions: Record<string, Handler>): Promise<{ result?: unknown; error?: Error; calls: [string, unknown][] }> {
  const made = definition();
  const calls: [string, unknown][] = [];
  const overrides = { taskResourceLocalHandlers: {} as Record<string, Handler>, waitTimeOverrides: {} as Record<string, number> };
  for (const [name, state] of Object.entries(statesOf(made))) {
    if (state.Type === 'Wait') { overrides.waitTimeOverrides[name] = 0; }
    if (state.Type !== 'Task') { continue; }
    const { Resource } = state;
    overrides.taskResourceLocalHandlers[name] = async input => {
      // One function for several steps.
      const [called, given] = Resource === 'Steps' ? Object.entries(input)[0] : [Resource, input];
      calls.push([called, given]);
      return functions[called](given);
    };
    // The interpreter wants real ARNs.
    state.Resource = `arn:aws:lambda:eu-west-1:111122223333:function:${Resource}`;
  }
  try {
    // The interpreter alone counts no retries.
    const context = { Execution: { Name: INPUT.snapshotId }, State: { RetryCount: 0 } };
    const result = await new StateMachine(made).run(INPUT, { overrides, context }).result;
    return { result, calls };
  } catch (error) {
    return { error: error as Error, calls };
  }
}

const COMPLETED = { completed: true, verify: false, seconds: 5 };
const BATCHES = { ...COMPLETED, verify: true, batches: [{ n: 0 }, { n: 1 }] };
const plan = () => ({ snapshotId: 'snap-1', workers: 2, ranges: [{ n: 0 }, { n: 1 }], background: false, increment: false });

test('a transfer plans, copies each range until it is done, seals once, and waits until EBS has completed the snapshot', async () => {
  const visits: Record<number, number> = {};
  let asked = 0;
  const { error, calls } = await run({
    plan,
    Copy: ({ n }) => ({ done: (visits[n] = (visits[n] ?? 0) + 1) > n }),
    seal: () => ({ completed: false, verify: false, seconds: 5 }),
    settle: ({ seconds }) => ({ completed: ++asked === 3, verify: false, seconds: seconds + 1 }),
  });

  expect(error).toBeUndefined();
  expect(visits).toEqual({ 0: 1, 1: 2 });
  expect(calls[0]).toEqual(['plan', INPUT]);
  expect(calls.slice(1, 4)).toEqual(expect.arrayContaining([
    ...[0, 1, 1].map(n => ['Copy', expect.objectContaining({ snapshotId: 'snap-1', n })]),
  ]));
  expect(calls.slice(4)).toEqual([['seal', { snapshotId: 'snap-1' }], ...[5, 6, 7].map(seconds => ['settle', { snapshotId: 'snap-1', seconds }])]);
});

test('the batches that the sealing function leaves are read back, each until it is done', async () => {
  const { error, calls } = await run({
    plan,
    Copy: () => ({ done: true }),
    seal: () => BATCHES,
    verify: ({ snapshotId, n, from }) => ({ snapshotId, n, from: 7, done: n === 0 || from === 7 }),
  });

  expect(error).toBeUndefined();
  const verified = calls.slice(calls.findIndex(([name]) => name === 'seal') + 1);
  expect(verified).toHaveLength(3);
  expect(verified).toEqual(expect.arrayContaining([
    ['verify', { snapshotId: 'snap-1', n: 0, from: 0 }],
    ['verify', { snapshotId: 'snap-1', n: 1, from: 0 }],
    ['verify', { snapshotId: 'snap-1', n: 1, from: 7, done: false }],
  ]));
});

test.each([COMPLETED, BATCHES])('the parent of an increment is released at the very end (%j)', async sealed => {
  const { error, calls } = await run({
    plan: () => ({ ...plan(), increment: true }),
    Copy: () => ({ done: true }),
    seal: () => sealed,
    verify: input => ({ ...input, done: true }),
    Clean: () => null,
  });

  expect(error).toBeUndefined();
  expect(calls.filter(([name]) => name === 'Clean')).toHaveLength(1);
  expect(calls.at(-1)).toEqual(['Clean', { releaseParentOf: 'snap-1' }]);
});

test('a failing range fails the transfer, and nothing is sealed', async () => {
  const { error, calls } = await run({
    plan,
    Copy: () => { throw new Error('the image was replaced'); },
    seal: () => COMPLETED,
  });

  expect(error).toBeDefined();
  expect(calls.map(([name]) => name)).not.toContain('seal');
});

test('only failures of Lambda itself are repeated', () => {
  const tasks = Object.values(statesOf(definition())).filter(({ Type }) => Type === 'Task');

  expect(tasks).toHaveLength(7);
  for (const { Retry } of tasks) {
    expect(Retry.flatMap(({ ErrorEquals }: Json) => ErrorEquals as string[]).filter((name: string) => !/^(Lambda|Sandbox|Runtime)\./.test(name))).toEqual([]);
  }
});

test('lack of concurrency is waited out for hours, at random moments, but not by the step that only tidies up', () => {
  const waits = Object.entries(statesOf(definition())).filter(([, { Type }]) => Type === 'Task')
    .map(([name, { Retry }]) => [name, Retry.find(({ ErrorEquals }: Json) => ErrorEquals.includes('Lambda.TooManyRequestsException'))]);
  const expected = { IntervalSeconds: 2, BackoffRate: 2, MaxDelaySeconds: 60, MaxAttempts: 2000, JitterStrategy: 'FULL' };

  expect(Object.fromEntries(waits)).toEqual({
    'Plan transfer': expect.objectContaining(expected),
    'Copy range': expect.objectContaining(expected),
    'Copy range in the background': expect.objectContaining(expected),
    'Seal snapshot': expect.objectContaining(expected),
    'Settle snapshot': expect.objectContaining(expected),
    'Verify batch': expect.objectContaining(expected),
    'Release parent': undefined,
  });
});

test('a parent that cannot be released fails no transfer', async () => {
  const { error, calls } = await run({
    plan: () => ({ ...plan(), increment: true }),
    Copy: () => ({ done: true }),
    seal: () => COMPLETED,
    Clean: () => { throw new Error('broken'); },
  });

  expect(error).toBeUndefined();
  expect(calls.at(-1)![0]).toBe('Clean');
});

test('only the step that tidies up is caught, because the others must not hide what failed', () => {
  const caught = Object.entries(statesOf(definition())).filter(([, { Catch }]) => Catch !== undefined).map(([name]) => name);
  expect(caught).toEqual(['Release parent']);
});

test.each([[false, 'INLINE'], [true, 'DISTRIBUTED']])('ranges are copied by as many workers at once as the plan says (in the background: %s, by a Map that is %s), whose results are thrown away', (background, Mode) => {
  const states = statesOf(definition());
  const { Choices: [choice], Default } = states['In the background?'];

  expect(choice).toMatchObject({ Variable: '$.background', BooleanEquals: true });
  expect(states[background ? choice.Next : Default]).toMatchObject({ MaxConcurrencyPath: '$.workers', ResultPath: null, ItemProcessor: { ProcessorConfig: { Mode } } });
});

test('the state machine waits a minute for its right to run its Distributed Map, which is made after it', () => {
  const { Retry } = statesOf(definition())['Copy all ranges in the background'];

  expect(Retry).toEqual([{ ErrorEquals: ['States.Permissions'], IntervalSeconds: 2, BackoffRate: 2, MaxAttempts: 5 }]);
  const [{ IntervalSeconds, BackoffRate, MaxAttempts }] = Retry;
  const pauses = Array.from({ length: MaxAttempts }, (_, i) => IntervalSeconds * BackoffRate ** i);
  expect(pauses.reduce((sum, pause) => sum + pause)).toBeGreaterThan(60);
});

test('a transfer is reported when it ends, and cleaned up if it fails, times out or is stopped', () => {
  const template = givenTemplate();
  const id = (type: string, part: string) => Object.keys(template.findResources(type)).find(name => name.includes(part))!;

  template.hasResourceProperties('AWS::Events::Rule', {
    EventPattern: {
      'source': ['aws.states'],
      'detail-type': ['Step Functions Execution Status Change'],
      'detail': {
        stateMachineArn: [{ Ref: id('AWS::StepFunctions::StateMachine', 'StateMachine') }], status: ['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED'],
      },
    },
    Targets: [{ Arn: { 'Fn::GetAtt': [id('AWS::Lambda::Function', 'CleanUp'), 'Arn'] } }],
  });
});
