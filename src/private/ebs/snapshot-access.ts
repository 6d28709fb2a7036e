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

/** EC2 does not limit it to single snapshots. */
export function snapshotReads(): iam.PolicyStatementProps {
  return { actions: ['ec2:DescribeSnapshots'], resources: ['*'] };
}

/** All AMIs of the Region; their ARNs name no account. */
export function anyImage(scope: IConstruct): string {
  return Stack.of(scope).formatArn({ service: 'ec2', account: '', resource: 'image', resourceName: '*' });
}

/** What is done with AMIs; all of it always, for the last of them is deleted when none is in the template any more. */
export function imageStatements(scope: IConstruct): iam.PolicyStatementProps[] {
  const { stackId } = Stack.of(scope);
  const madeHere = { [`aws:RequestTag/${OWNERSHIP_TAGS.stackId}`]: stackId };
  const ofStack = { StringEquals: { [`aws:ResourceTag/${OWNERSHIP_TAGS.stackId}`]: stackId } };
  return [
    { actions: ['ec2:RegisterImage'], resources: [anyImage(scope)], conditions: { StringEquals: madeHere } },
    { actions: ['ec2:CreateTags'], resources: [anyImage(scope)], conditions: { StringEquals: { ...madeHere, 'ec2:CreateAction': 'RegisterImage' } } },
    {
      actions: [
        'ec2:DeregisterImage', 'ec2:ModifyImageAttribute', 'ec2:DescribeImageAttribute', 'ec2:EnableImageDeprecation', 'ec2:DisableImageDeprecation',
        'ec2:CreateTags', 'ec2:DeleteTags',
      ],
      resources: [anyImage(scope)],
      conditions: ofStack,
    },
    { actions: ['ec2:DescribeImages'], resources: ['*'] },
    // Whether an image is being replaced, rolled back, or removed with its stack.
    { actions: ['cloudformation:DescribeStacks'], resources: [stackId] },
  ];
}
