/**
 * The tags by which this library knows its own.
 *
 * Everything that a handler creates carries them from the creating call on.
 * Roles are limited by them, and after a cancelled creation or a rollback they
 * are the only way to find a thing whose id was lost.
 */
export const OWNERSHIP_TAGS = {
  /** Id (ARN) of the stack that made or adopted it. */
  stackId: 'cdk-durable-storage:stack-id',
  /** `<name of the root stack>/<logical ids>`: the same again after the stack was deleted and deployed anew. */
  owner: 'cdk-durable-storage:owner',
  logicalId: 'cdk-durable-storage:logical-id',
  /** Digest of the properties whose change means another thing. */
  identity: 'cdk-durable-storage:identity',
  /** The CloudFormation request that made it: the same when an event is delivered twice. */
  requestId: 'cdk-durable-storage:request-id',
  /** The state of the thing; `lambda/shared/state-tag.ts` has the values, and the events that end each. */
  state: 'cdk-durable-storage:state',
} as const;

/** In place of the value of a tag that could not be removed from a file system when its stack gave it back. */
export const RELEASED = 'released';

/** Of a snapshot that holds only what differs from another one: the id of that. */
export const PARENT_TAG = 'cdk-durable-storage:parent';

/**
 * A tag on a file system that CloudFormation itself manages: its stack retains the file system and its mount targets. The helper for
 * migrations sets it, because CloudFormation tells no handler what a resource's DeletionPolicy is. Its value is the id of that stack.
 */
export const RETAINED_TAG = 'cdk-durable-storage:retained-by';

/** On a file system that has replaced another one: the id of that, until the next update. */
export const REPLACED_TAG = 'cdk-durable-storage:replaced';

/** No tag of a user may begin like this. */
export const OWNERSHIP_TAG_PREFIX = 'cdk-durable-storage:';

/** What a construct of this library tells of itself, on every custom resource. */
export interface OwnerProperties {
  /** Value of the owner tag. */
  readonly Owner: string;
  /** `Delete` or `Retain`: beside CloudFormation's own DeletionPolicy, for a handler that must not delete data by mistake. */
  readonly RemovalPolicy: string;
}

/** A tag as AWS writes it. */
export interface TagProperty {
  readonly Key: string;
  readonly Value: string;
}
