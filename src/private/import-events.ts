import * as events from 'aws-cdk-lib/aws-events';
import type { Construct } from 'constructs';
import { EbsProvider } from './ebs-provider';
import { ownerOf } from './owner';

/**
 * A rule on the end of an import: Step Functions tells EventBridge. The
 * execution is known by the owner in its input, for a rule that referred to the
 * snapshot would be made when the import has begun, or even ended.
 */
export function importEnded(construct: Construct, id: string, status: string[], options: events.OnEventOptions = {}): events.Rule {
  const { target, crossStackScope, ...rest } = options;
  const rule = new events.Rule(crossStackScope ?? construct, id, rest);
  rule.addEventPattern({
    source: ['aws.states'],
    detailType: ['Step Functions Execution Status Change'],
    detail: {
      stateMachineArn: [EbsProvider.getOrCreate(construct).stateMachineArn],
      status,
      input: [{ wildcard: `*"owner":"${ownerOf(construct)}"*` }],
    },
  });
  rule.addTarget(target);
  return rule;
}
