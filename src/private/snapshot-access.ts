import { Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type { IConstruct } from 'constructs';
import { OWNERSHIP_TAGS } from '../contract/ownership';

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
