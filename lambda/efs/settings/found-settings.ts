import type { FileSystemDescription } from '@aws-sdk/client-efs';
import { statusOf } from './backup-policy';
import { policyOf } from './file-system-policy';
import { isSameTransitions, lifecycleOf } from './lifecycle-configuration';
import { isSamePolicy } from './policy-meaning';
import { destinationIn, type Replications } from './replication';
import type { ClaimKind } from '../../../src/contract/claims';
import type { FileSystemProperties } from '../../../src/contract/file-system';
import { newlyDeclared } from '../claims/declared-settings';
import type { Efs } from '../efs';

/** Returns the settings that the props declare from now on, and that somebody else has set to the same before. They stay when the props lose them. */
export async function foundSettings(
  fileSystem: FileSystemDescription, wanted: FileSystemProperties, old: FileSystemProperties | undefined,
  { efs, replications }: { readonly efs: Efs; readonly replications: Replications },
): Promise<ClaimKind[]> {
  const { FileSystemId: id, FileSystemArn: fileSystemArn } = fileSystem;
  const isInForce: Partial<Record<ClaimKind, () => Promise<boolean>>> = {
    policy: async () => {
      const present = await policyOf(efs, id!);
      return present !== undefined && isSamePolicy(present, wanted.FileSystemPolicy, { fileSystemArn: fileSystemArn! });
    },
    lifecycle: async () => isSameTransitions(await lifecycleOf(efs, id!), wanted.LifecyclePolicies!),
    replication: async () => {
      const present = await replications.from(id!);
      return present !== undefined && replications.fits(present, destinationIn(wanted.ReplicationConfiguration)!);
    },
    backup: async () => await statusOf(efs, id!) === wanted.BackupPolicy!.Status,
  };
  const found: ClaimKind[] = [];
  for (const kind of newlyDeclared(fileSystem, wanted, old)) {
    if (await isInForce[kind]!()) { found.push(kind); }
  }
  return found;
}
