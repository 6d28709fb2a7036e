import * as events from 'aws-cdk-lib/aws-events';
import type { Construct } from 'constructs';
import { EbsProvider } from './provider';
import { ownerOf } from '../resource/owner';

/**
 * A rule on the end of an import: Step Functions tells EventBridge. The
 * execution is known by the owner in its input, for a rule that referred to the
 * snapshot would be made when the import has begun, or even ended.
 */
export function importEnded(construct: Construct, id: string, status: string[], options?: events.OnEventOptions): events.Rule {
  return executionEnded(construct, id, EbsProvider.getOrCreate(construct).importer.stateMachine.stateMachineArn, status, options);
}

/** The same for any state machine whose input names the owner. */
export function executionEnded(
  construct: Construct, id: string, stateMachineArn: string, status: string[], options: events.OnEventOptions = {},
): events.Rule {
  const { target, crossStackScope, ...rest } = options;
  const rule = new events.Rule(crossStackScope ?? construct, id, rest);
  rule.addEventPattern({
    source: ['aws.states'],
    detailType: ['Step Functions Execution Status Change'],
    detail: {
      stateMachineArn: [stateMachineArn],
      status,
      input: [{ wildcard: `*"owner":"${ownerOf(construct)}"*` }],
    },
  });
  rule.addTarget(target);
  return rule;
}
