import type { Construct, IConstruct } from 'constructs';
import type { EbsProvider } from './provider';

/** Grants what a construct's handlers do with the parent that the user named. The custom resource must depend on all that is returned. */
export function grantParent(scope: Construct, { snapshotArn }: { readonly snapshotArn: string }, provider: EbsProvider): IConstruct[] {
  const on = (...actions: string[]) => [{ actions, resources: [snapshotArn] }];
  return [
    provider.snapshots.grantFor(scope, 'ParentAccess', on('ebs:StartSnapshot')),
    provider.parentPlans.grantFor(scope, 'ParentPlanAccess', on('ebs:ListSnapshotBlocks')),
    provider.parentCopies.grantFor(scope, 'ParentCopyAccess', on('ebs:ListSnapshotBlocks', 'ebs:GetSnapshotBlock')),
  ];
}
