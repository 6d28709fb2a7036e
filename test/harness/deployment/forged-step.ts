import type { DeploymentWorld } from './deployment-world';
import { callOf } from '../../../lambda/shared/answering/call';
import { initialState, type ExecutionState } from '../../../lambda/shared/answering/execution-state';

/** The statuses of stacks are certain by then. */
const SENT_BEFORE_MILLISECONDS = 120_000;

interface ForgedEvent {
  readonly RequestType: 'Update' | 'Delete';
  readonly StackId: string;
  readonly ResourceType: string;
  readonly LogicalResourceId: string;
  readonly PhysicalResourceId: string;
  readonly ResourceProperties: Record<string, unknown>;
}

/** Runs a step of an event that CloudFormation never sent, as somebody can who may invoke the function and do nothing else. Returns what the step says. */
export async function forgeStep(
  { emulator }: DeploymentWorld, functionName: string, next: 'act' | 'poll', { ResourceProperties: properties, ...names }: ForgedEvent,
): Promise<string> {
  const ResourceProperties = { ServiceToken: functionName, ...properties };
  const event = { RequestId: `forged-${next}`, ResponseURL: 'https://localhost/', ...names, ResourceProperties, OldResourceProperties: ResourceProperties };
  const begun = { PhysicalResourceId: names.PhysicalResourceId, Direction: 'back', ReplacedId: names.PhysicalResourceId } as const;
  const state: ExecutionState = { ...initialState(event, callOf(event, emulator.clock.now() - SENT_BEFORE_MILLISECONDS)), next, begun };
  return JSON.stringify((await emulator.lambda.invoke(functionName, { state })).payload);
}
