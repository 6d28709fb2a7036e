import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { EbsProvider } from './ebs-provider';
import type { ISnapshot } from '../ebs/snapshot';

export interface ParentAccessProps {
  readonly parent: ISnapshot;
  readonly provider: EbsProvider;
}

/** What a construct's handlers may do with the parent that the user named; the custom resource must depend on it. */
export class ParentAccess extends iam.Policy {
  constructor(scope: Construct, id: string, { parent: { snapshotArn }, provider }: ParentAccessProps) {
    super(scope, id, {
      roles: provider.parentUsers,
      statements: [new iam.PolicyStatement({ actions: ['ebs:StartSnapshot', 'ebs:ListSnapshotBlocks', 'ebs:GetSnapshotBlock'], resources: [snapshotArn] })],
    });
  }
}
