import { Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type { IConstruct } from 'constructs';
import { OWNERSHIP_TAGS } from '../../contract/ownership';

/** Actions on the key that reading the blocks of an encrypted snapshot needs. */
export const KEY_READ_ACTIONS = ['kms:DescribeKey', 'kms:Decrypt'];

/** All snapshots of the Region; their ARNs name no account. */
export function anySnapshot(scope: IConstruct): string {
  return Stack.of(scope).formatArn({ service: 'ec2', account: '', resource: 'snapshot', resourceName: '*' });
}

/** The snapshots that this stack made. */
export function ownedSnapshots(scope: IConstruct): Pick<iam.PolicyStatementProps, 'resources' | 'conditions'> {
  return {
    resources: [anySnapshot(scope)],
    conditions: { StringEquals: { [`aws:ResourceTag/${OWNERSHIP_TAGS.stackId}`]: Stack.of(scope).stackId } },
  };
}

/** Nothing of a stack is made public, unless a machine image says so. The key is absent if a call adds no group. */
const NOT_PUBLIC = { StringNotEquals: { 'ec2:Add/group': 'all' } };

/** EC2 does not limit it to single snapshots. */
export function snapshotReads(): iam.PolicyStatementProps {
  return { actions: ['ec2:DescribeSnapshots'], resources: ['*'] };
}

/** EC2 does not limit it to single images. */
function imageReads(): iam.PolicyStatementProps {
  return { actions: ['ec2:DescribeImages'], resources: ['*'] };
}

/** Returns the permissions of the handlers for imported snapshots. */
export function importStatements(scope: IConstruct): iam.PolicyStatementProps[] {
  const stack = Stack.of(scope);
  const madeHere = { [`aws:RequestTag/${OWNERSHIP_TAGS.stackId}`]: stack.stackId };
  const owned = ownedSnapshots(scope);
  return [
    { actions: ['ebs:StartSnapshot'], resources: [anySnapshot(scope)], conditions: { StringEquals: madeHere } },
    // A parent is a resource of the call too.
    { ...owned, actions: ['ebs:StartSnapshot'] },
    {
      // StartSnapshot offers no ec2:CreateAction: a condition on it would deny the tags of every import. A snapshot of another stack has the tag already.
      actions: ['ec2:CreateTags'],
      resources: [anySnapshot(scope)],
      conditions: { StringEquals: madeHere, Null: { [`aws:ResourceTag/${OWNERSHIP_TAGS.stackId}`]: 'true' } },
    },
    { ...owned, actions: ['ec2:CreateTags', 'ec2:DeleteTags', 'ec2:DeleteSnapshot', 'ec2:DescribeSnapshotAttribute'] },
    { ...owned, actions: ['ec2:ModifySnapshotAttribute'], conditions: { ...owned.conditions, ...NOT_PUBLIC } },
    snapshotReads(),
    // Whether an image that is kept uses a snapshot.
    imageReads(),
    {
      // Whether another stack is importing a snapshot with a parent of this stack.
      actions: ['cloudformation:DescribeStackResource'],
      resources: [stack.formatArn({ service: 'cloudformation', resource: 'stack', resourceName: '*/*' })],
    },
    // Whether a new snapshot would be encrypted as its parent is; neither can be limited.
    { actions: ['ec2:GetEbsEncryptionByDefault', 'ec2:GetEbsDefaultKmsKeyId'], resources: ['*'] },
    {
      actions: ['kms:DescribeKey'],
      resources: [stack.formatArn({ service: 'kms', resource: 'key', resourceName: '*' })],
      conditions: { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': 'alias/aws/ebs' } },
    },
  ];
}

/** All AMIs of the Region; their ARNs name no account. */
export function anyImage(scope: IConstruct): string {
  return Stack.of(scope).formatArn({ service: 'ec2', account: '', resource: 'image', resourceName: '*' });
}

/** The AMIs that this stack made. */
function ownedImages(scope: IConstruct): Pick<iam.PolicyStatementProps, 'resources' | 'conditions'> {
  return { ...ownedSnapshots(scope), resources: [anyImage(scope)] };
}

/** Returns the permissions of the handlers for AMIs that are public. */
export function publicImageStatements(scope: IConstruct): iam.PolicyStatementProps[] {
  return [{ ...ownedImages(scope), actions: ['ec2:ModifyImageAttribute'] }];
}

/** Returns the permissions of the handlers for AMIs, and for the snapshots that these use. */
export function imageStatements(scope: IConstruct): iam.PolicyStatementProps[] {
  const { stackId } = Stack.of(scope);
  const madeHere = { [`aws:RequestTag/${OWNERSHIP_TAGS.stackId}`]: stackId };
  const owned = ownedImages(scope);
  return [
    { actions: ['ec2:RegisterImage'], resources: [anyImage(scope)], conditions: { StringEquals: madeHere } },
    { actions: ['ec2:CreateTags'], resources: [anyImage(scope)], conditions: { StringEquals: { ...madeHere, 'ec2:CreateAction': 'RegisterImage' } } },
    {
      ...owned,
      actions: [
        'ec2:DeregisterImage', 'ec2:DescribeImageAttribute', 'ec2:EnableImageDeprecation', 'ec2:DisableImageDeprecation', 'ec2:CreateTags', 'ec2:DeleteTags',
      ],
    },
    { ...owned, actions: ['ec2:ModifyImageAttribute'], conditions: { ...owned.conditions, ...NOT_PUBLIC } },
    imageReads(),
    snapshotReads(),
    // Snapshots that were kept for an image are deleted with it.
    { ...ownedSnapshots(scope), actions: ['ec2:RegisterImage', 'ec2:CreateTags', 'ec2:DeleteSnapshot'] },
  ];
}
