import type * as iam from 'aws-cdk-lib/aws-iam';
import { OWNERSHIP_TAG_PREFIX, OWNERSHIP_TAGS } from '../../contract/ownership';

/** The part of a claim's key that names what is claimed: `cdk-durable-storage:tags:<digest>`. */
export type ClaimKind = 'policy' | 'lifecycle' | 'replication' | 'backup' | 'tags' | 'mount-targets';

const TAGGING = ['elasticfilesystem:TagResource', 'elasticfilesystem:UntagResource'];

/** Allows the claims of one kind. No other tag may be in the same call. */
export function claimStatement(kind: ClaimKind): Omit<iam.PolicyStatementProps, 'resources'> {
  return { actions: TAGGING, conditions: { 'ForAllValues:StringLike': { 'aws:TagKeys': `${OWNERSHIP_TAG_PREFIX}${kind}:*` } } };
}

/**
 * Allows the tags of users, and claims; not the tags that say whose a file system is, without which no other tag of this library says anything.
 * IAM ignores the case of a key in `aws:ResourceTag/<key>`, by which the roles are limited. One short statement, because it is repeated for
 * each thing that has a policy of its own.
 */
export function userTagStatement(): Omit<iam.PolicyStatementProps, 'resources'> {
  return {
    actions: TAGGING,
    conditions: { 'ForAllValues:StringNotEqualsIgnoreCase': { 'aws:TagKeys': [OWNERSHIP_TAGS.owner, OWNERSHIP_TAGS.stackId] } },
  };
}
