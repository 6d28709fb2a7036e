import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { SFNClient } from '@aws-sdk/client-sfn';
import { Awaited } from './awaited';
import type { CloudFormationEvent } from './cloudformation-event';
import type { ExecutionState } from './execution-state';
import { Receiver, type ExecutionEnd } from './receiver';
import { put } from './response';
import { Steps } from './steps';
import { returnToken } from './task-token';
import { wayFrom } from './way-to-response';
import { ANSWERING_ENVIRONMENT, type StepRequest } from '../../../src/contract/answering';
import { clientConfig } from '../client-config';
import { variableNamed } from '../environment';
import { inStep } from '../patience';
import type { EventHandlers } from '../resource-event';
import { Stacks } from '../stacks';

/** The payloads of the function behind a service token: from CloudFormation, from its state machine, and from the rule on its end. */
export type Invocation = CloudFormationEvent | StepRequest<ExecutionState> | ExecutionEnd;

/** Returns the function behind a service token. */
export function answering(handlers: EventHandlers): (invocation: Invocation) => Promise<ExecutionState | undefined> {
  const config = clientConfig();
  const place = { waiterArn: variableNamed(ANSWERING_ENVIRONMENT.waiter), stackId: variableNamed(ANSWERING_ENVIRONMENT.stackId) };
  const vpcId = process.env[ANSWERING_ENVIRONMENT.vpcId];
  const checkWay = vpcId ? wayFrom(vpcId, variableNamed('AWS_REGION')) : undefined;
  const sfn = new SFNClient(config);
  const receiver = new Receiver(sfn, place, put, checkWay);
  const steps = new Steps(handlers, new Awaited(new Stacks(new CloudFormationClient(config))), put, token => returnToken(sfn, token));
  return invocation => inStep(async () => {
    if ('state' in invocation) {
      const { state, token } = invocation;
      // Only the state machine of this stack runs steps, and it receives the events of no other.
      if (state.event.StackId !== place.stackId) { throw new Error(`refused a step for another stack: ${state.event.StackId}`); }
      if (token !== undefined) { return void await steps.await(state, token); }
      if (state.next !== 'answer' && state.failure === undefined) { return steps.run(state); }
      await steps.answer(state);
    } else if ('ResponseURL' in invocation) {
      await receiver.receive(invocation);
    } else {
      await receiver.answerFor(invocation);
    }
    return undefined;
  });
}
