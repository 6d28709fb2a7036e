import * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { EbsProvider } from './provider';

export interface ParentAccessProps {
  readonly parent: { readonly snapshotArn: string };
  readonly provider: EbsProvider;
}

/** What a construct's handlers may do with the parent that the user named; the custom resource must depend on it. */
export class ParentAccess extends Construct {
  constructor(scope: Construct, id: string, { parent: { snapshotArn }, provider }: ParentAccessProps) {
    super(scope, id);
    const grant = (name: string, roles: iam.IRole[], ...actions: string[]) =>
      new iam.Policy(this, name, { roles, statements: [new iam.PolicyStatement({ actions, resources: [snapshotArn] })] });
    grant('Handler', [provider.role], 'ebs:StartSnapshot');
    grant('Plan', provider.parentPlanners, 'ebs:ListSnapshotBlocks');
    grant('Copy', provider.parentReaders, 'ebs:ListSnapshotBlocks', 'ebs:GetSnapshotBlock');
  }
}
