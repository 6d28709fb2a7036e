import type { Construct, IConstruct } from 'constructs';
import type { ImportPolicies } from './shared-policies';

/** Grants what a construct's handlers do with the parent that the user named. The custom resource must depend on all that is returned. */
export function grantParent(scope: Construct, { snapshotArn }: { readonly snapshotArn: string }, policies: ImportPolicies): IConstruct[] {
  const on = (...actions: string[]) => [{ actions, resources: [snapshotArn] }];
  return [
    policies.snapshots.grantFor(scope, 'ParentAccess', on('ebs:StartSnapshot')),
    policies.parentPlans.grantFor(scope, 'ParentPlanAccess', on('ebs:ListSnapshotBlocks')),
    policies.parentCopies.grantFor(scope, 'ParentCopyAccess', on('ebs:ListSnapshotBlocks', 'ebs:GetSnapshotBlock')),
  ];
}
