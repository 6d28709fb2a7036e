import { Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { CLAIM_KINDS, claimKey } from '../../contract/claims';
import { OWNERSHIP_TAGS } from '../../contract/ownership';

const TAGGING = ['elasticfilesystem:TagResource', 'elasticfilesystem:UntagResource'];

/** Allows claims. No other tag may be in the same call. One statement for all kinds, so that a policy names each thing once. */
export function claimStatement(): Omit<iam.PolicyStatementProps, 'resources'> {
  return { actions: TAGGING, conditions: { 'ForAllValues:StringLike': { 'aws:TagKeys': CLAIM_KINDS.map(kind => claimKey(kind, '*')) } } };
}

/**
 * Allows the tags of users, and claims; not the tags that name the owner of a file system, without which no other tag of this library counts.
 * IAM ignores the case of a key in `aws:ResourceTag/<key>`, by which the roles are limited. One short statement, because it is repeated for
 * each thing that has a policy of its own.
 */
export function userTagStatement(): Omit<iam.PolicyStatementProps, 'resources'> {
  return {
    actions: TAGGING,
    conditions: { 'ForAllValues:StringNotEqualsIgnoreCase': { 'aws:TagKeys': [OWNERSHIP_TAGS.owner, OWNERSHIP_TAGS.stackId] } },
  };
}

/** Allows to ask whether a stack, whichever it is, has something. */
export function holderStatement(scope: Construct): iam.PolicyStatementProps {
  return {
    actions: ['cloudformation:DescribeStackResources'],
    resources: [Stack.of(scope).formatArn({ service: 'cloudformation', resource: 'stack', resourceName: '*/*' })],
  };
}
