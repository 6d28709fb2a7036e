import { Template } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import { callOf } from '../../../../../lambda/shared/answering/call';
import { initialState, type ExecutionState } from '../../../../../lambda/shared/answering/execution-state';
import { Steps } from '../../../../../lambda/shared/answering/steps';
import { Waiter } from '../../../../../src/private/functions/waiter';
import { givenStack } from '../../../../harness/given';

let now: number;
jest.mock('node:timers/promises', () => ({ setTimeout: async (milliseconds: number) => { now += milliseconds; } }));

const PARTITION = { Ref: 'AWS::Partition' };

function machine(): { readonly definition: any; readonly text: string; readonly properties: any } {
  const { stack } = givenStack();
  new Waiter(stack, 'Waiter', iam.Role.fromRoleArn(stack, 'Role', 'arn:aws:iam::111122223333:role/Waiter'));
  const { Properties: properties } = Object.values(Template.fromStack(stack).findResources('AWS::StepFunctions::StateMachine'))[0];
  const [separator, parts] = properties.DefinitionString['Fn::Join'];
  expect(parts.filter((part: unknown) => typeof part !== 'string')).toEqual([PARTITION, PARTITION, PARTITION]);
  const text = parts.map((part: unknown) => typeof part === 'string' ? part : 'aws').join(separator);
  return { definition: JSON.parse(text), text, properties };
}

const retrier = (ErrorEquals: string, IntervalSeconds: number, MaxDelaySeconds: number, MaxAttempts: number) =>
  ({ ErrorEquals: [ErrorEquals], IntervalSeconds, BackoffRate: 2, MaxDelaySeconds, JitterStrategy: 'FULL', MaxAttempts });
const CALL = {
  Type: 'Task', Resource: 'arn:aws:states:::lambda:invoke', Parameters: { 'FunctionName.$': '$.event.ResourceProperties.ServiceToken', 'Payload': { 'state.$': '$' } },
};

test('the waiter calls the function again until there is an answer, which it sends last', () => {
  const { definition, properties } = machine();
  expect(definition).toEqual({
    StartAt: 'Step',
    TimeoutSeconds: 7_200,
    Comment: 'Does one call of CloudFormation, and answers it',
    States: {
      'Step': {
        ...CALL,
        OutputPath: '$.Payload',
        Retry: [retrier('Lambda.TooManyRequestsException', 2, 30, 100), retrier('States.ALL', 2, 30, 20)],
        Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.failure', Next: 'Answer' }],
        Next: 'Which is next?',
      },
      'Which is next?': {
        Type: 'Choice',
        Choices: [
          { Variable: '$.next', StringEquals: 'answer', Next: 'Answer' },
          { Variable: '$.next', StringEquals: 'await', Next: 'Await' },
          { Variable: '$.wait', NumericGreaterThan: 0, Next: 'Wait' },
        ],
        Default: 'Step',
      },
      'Await': {
        ...CALL,
        Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken',
        Parameters: { ...CALL.Parameters, Payload: { 'state.$': '$', 'token.$': '$$.Task.Token' } },
        TimeoutSeconds: 20,
        ResultPath: null,
        Catch: [{ ErrorEquals: ['States.Timeout'], ResultPath: null, Next: 'Step' }, { ErrorEquals: ['States.ALL'], ResultPath: null, Next: 'Wait' }],
        Next: 'Step',
      },
      'Wait': { Type: 'Wait', SecondsPath: '$.wait', Next: 'Step' },
      'Answer': { ...CALL, Retry: [retrier('States.ALL', 5, 60, 60)], End: true },
    },
  });
  expect(properties).toMatchObject({ StateMachineType: 'STANDARD' });
  expect(properties.LoggingConfiguration).toBeUndefined();
});

test('the waiter names no function: the function names the waiter, and the two would depend on each other', () => {
  const { text, properties } = machine();
  expect(text).not.toMatch(/arn:aws:lambda|:function:/);
  expect(JSON.stringify(properties)).not.toContain('GetAtt');
});

/** Returns the next state that a Choice chooses for a state. */
function nextOf({ Choices, Default }: any, { next, wait }: ExecutionState): string {
  return Choices.find(({ StringEquals }: any) => StringEquals === undefined ? wait > 0 : next === StringEquals)?.Next ?? Default;
}

/**
 * Events in the history of an execution: a task has five (entered, scheduled, started, succeeded, exited), and one more (submitted) if it
 * waits for its token; a choice and a wait have two.
 */
const EVENTS = { Task: 5, Choice: 2, Wait: 2 } as const;

test.each([
  ['', false],
  [' for a token that never comes', true],
])('an hour of waiting%s takes less than 3,100 history events, and 1,050 transitions, even if a step takes no time', async (_, IsUnderWay) => {
  jest.spyOn(console, 'log').mockImplementation(() => {});
  const { States: states } = machine().definition;
  now = Date.UTC(2026, 10, 29);
  jest.spyOn(Date, 'now').mockImplementation(() => now);
  const handlers = {
    direction: async () => 'forward' as const,
    act: async () => ({ PhysicalResourceId: 'thing' }),
    poll: async () => ({ IsComplete: false, IsUnderWay }),
    leaveToken: async () => true,
  };
  const steps = new Steps(handlers, { ask: async () => 'yes' }, async () => {}, async () => {});
  const event = {
    RequestType: 'Create', ResponseURL: 'https://host/', StackId: 's', RequestId: 'r', ResourceType: 'Custom::Thing', LogicalResourceId: 'L', ResourceProperties: { ServiceToken: 'f' },
  } as const;

  let state: ExecutionState = initialState(event, callOf(event, now));
  const began = now;
  let [events, transitions] = [2, 0];
  for (let name = 'Step'; ; ) {
    const { Type } = states[name] as { Type: keyof typeof EVENTS };
    events += EVENTS[Type] + (name === 'Await' ? 1 : 0);
    transitions++;
    if (name === 'Answer') { break; }
    if (name === 'Step') { state = await steps.run(state); }
    if (Type === 'Wait') { now += 1000 * state.wait; }
    if (name === 'Await') { now += 1000 * states[name].TimeoutSeconds; }
    name = Type === 'Choice' ? nextOf(states[name], state) : states[name].Next;
  }
  expect((now - began) / 1000).toBeGreaterThan(3_400);
  expect(events).toBeLessThan(3_100);
  expect(transitions).toBeLessThan(1_050);
});
