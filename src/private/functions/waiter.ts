import { Aws, Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { functionSettings } from './settings';
import { LONGEST_PAUSE_SECONDS, SERVICE_TIMEOUT_SECONDS, type Next, type StepRequest, type WaiterState } from '../../contract/answering';

/** No execution has anything to do after that: each answers while CloudFormation waits. */
const TIMEOUT_SECONDS = 2 * SERVICE_TIMEOUT_SECONDS;

const ALL = 'States.ALL';
const path = (member: keyof WaiterState) => `$.${member}`;
const repeated = (ErrorEquals: string, MaxAttempts: number, more: object = { IntervalSeconds: 2, MaxDelaySeconds: 30 }) =>
  ({ ErrorEquals: [ErrorEquals], BackoffRate: 2, JitterStrategy: 'FULL', MaxAttempts, ...more });

/**
 * The state machine that calls the function of a service again until a call is done, and sends its answer last. It names no function,
 * otherwise the two would depend on each other: each event names the function that it was sent to.
 */
export class Waiter extends sfn.StateMachine {
  constructor(scope: Construct, id: string, role: iam.IRole) {
    super(scope, id, {
      stateMachineType: sfn.StateMachineType.STANDARD,
      role,
      definitionBody: sfn.DefinitionBody.fromString(Stack.of(scope).toJsonString(definition())),
    });
    // Always said, because Step Functions keeps a key that a template no longer names; and not by aws-cdk-lib, which limits the role by the
    // name of the state machine, which this one does not have.
    const { encryptionKey } = functionSettings(scope);
    (this.node.defaultChild as sfn.CfnStateMachine).encryptionConfiguration = encryptionKey
      ? { type: 'CUSTOMER_MANAGED_KMS_KEY', kmsKeyId: encryptionKey.keyArn }
      : { type: 'AWS_OWNED_KEY' };
  }
}

function definition(): object {
  const noConcurrency = repeated('Lambda.TooManyRequestsException', 100);
  return {
    Comment: 'Does one call of CloudFormation, and answers it',
    // Here, because aws-cdk-lib leaves out the `timeout` of a machine whose definition is a string.
    TimeoutSeconds: TIMEOUT_SECONDS,
    StartAt: 'Step',
    States: {
      'Step': {
        ...invocation(),
        OutputPath: '$.Payload',
        Retry: [noConcurrency, repeated(ALL, 20)],
        Catch: [{ ErrorEquals: [ALL], ResultPath: path('failure'), Next: 'Answer' }],
        Next: 'Which is next?',
      },
      'Which is next?': {
        Type: 'Choice',
        Choices: [
          { Variable: path('next'), StringEquals: 'answer' satisfies Next, Next: 'Answer' },
          { Variable: path('next'), StringEquals: 'await' satisfies Next, Next: 'Await' },
          { Variable: path('wait'), NumericGreaterThan: 0, Next: 'Wait' },
        ],
        Default: 'Step',
      },
      'Await': {
        ...invocation('.waitForTaskToken', { ['token.$' satisfies `${keyof StepRequest<WaiterState>}.$`]: '$$.Task.Token' }),
        TimeoutSeconds: LONGEST_PAUSE_SECONDS,
        ResultPath: null,
        // No failure of the wait matters: a lost token costs one pause, and what cannot be left with the transfer is polled for.
        Catch: [{ ErrorEquals: ['States.Timeout'], ResultPath: null, Next: 'Step' }, { ErrorEquals: [ALL], ResultPath: null, Next: 'Wait' }],
        Next: 'Step',
      },
      'Wait': { Type: 'Wait', SecondsPath: path('wait'), Next: 'Step' },
      'Answer': { ...invocation(), Retry: [repeated(ALL, 60, { IntervalSeconds: 5, MaxDelaySeconds: 60 })], End: true },
    },
  };
}

function invocation(pattern = '', more: object = {}): object {
  return {
    Type: 'Task',
    Resource: `arn:${Aws.PARTITION}:states:::lambda:invoke${pattern}`,
    Parameters: {
      'FunctionName.$': '$.event.ResourceProperties.ServiceToken',
      'Payload': { ['state.$' satisfies `${keyof StepRequest<WaiterState>}.$`]: '$', ...more },
    },
  };
}
