/**
 * The tag by which the helper for a migration says, on a file system that
 * CloudFormation itself manages, that its stack retains it and its mount
 * targets. CloudFormation tells no handler what a resource's DeletionPolicy is.
 * Its value is the id of that stack.
 */
export const RETAINED_TAG = 'cdk-durable-storage:retained-by';
