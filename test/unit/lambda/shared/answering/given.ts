import { callOf } from '../../../../../lambda/shared/answering/call';
import type { CloudFormationEvent } from '../../../../../lambda/shared/answering/cloudformation-event';
import { initialState, type ExecutionState } from '../../../../../lambda/shared/answering/execution-state';

/** The part of a response URL that nobody may read. */
export const SECRET = '0123456789abcdef';
/** When the response URL of the events was signed. */
export const SENT = Date.UTC(2026, 10, 29, 12, 0, 0);
export const STACK = 'arn:aws:cloudformation:eu-west-1:111111111111:stack/App/51af3dc0-da77-11e4-872e-1234567db123';
export const WAITER = 'arn:aws:states:eu-west-1:111111111111:stateMachine:Waiter';

export const url = (query: string) => `https://cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com/path?${query}`;
export const SIGNED = url(`X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20261129T120000Z&X-Amz-Expires=7200&X-Amz-Signature=${SECRET}`);

export function givenEvent(RequestType: CloudFormationEvent['RequestType'], more: Partial<CloudFormationEvent> = {}): CloudFormationEvent {
  return {
    RequestType,
    ResponseURL: SIGNED,
    StackId: STACK,
    RequestId: 'c6d1f3a2-0000-4000-8000-000000000001',
    ResourceType: 'Custom::Thing',
    LogicalResourceId: 'Thing',
    ResourceProperties: { ServiceToken: 'arn:aws:lambda:eu-west-1:111111111111:function:Handler', Kind: 'a' },
    ...(RequestType !== 'Create' && { PhysicalResourceId: 'thing-1' }),
    ...more,
  };
}

export function givenState(event: CloudFormationEvent, more: Partial<ExecutionState> = {}): ExecutionState {
  return { ...initialState(event, callOf(event, SENT)), ...more };
}

/** An error with the name that a service gives it. */
export const named = (name: string, message = name) => Object.assign(new Error(message), { name });
