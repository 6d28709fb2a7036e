import { paginateDescribeAccessPoints, paginateDescribeFileSystems, type EFSClient, type Tag } from '@aws-sdk/client-efs';
import type { Stacks } from './stacks';
import { claimsIn, holderOf, isNewer, type Claim } from '../lambda/efs/claims/claim';
import { CLAIM_KINDS, claimKey, type ClaimKind } from '../src/contract/claims';

/** A claim on a setting, or on tags, of a resource that is gone. */
export interface OrphanedClaim {
  /** The id of the file system or access point. */
  readonly id: string;
  readonly kind: ClaimKind;
  /** The key of the tag that is the claim. */
  readonly tag: string;
  readonly reason: string;
}

/** A file system or access point. */
interface Claimed {
  readonly id: string;
  readonly tags: readonly Tag[];
}

/** Returns the claims of all file systems and access points whose resource is gone. Claims of later releases count as alive. */
export async function orphanedClaims(efs: EFSClient, stacks: Pick<Stacks, 'find' | 'idOf'>): Promise<OrphanedClaim[]> {
  const orphans: OrphanedClaim[] = [];
  for await (const { id, tags } of claimedThings(efs)) {
    for (const kind of CLAIM_KINDS) {
      for (const claim of claimsOf(tags, id, kind)) {
        const reason = await reasonFor(claim, kind, stacks);
        if (reason !== undefined) { orphans.push({ id, kind, tag: claimKey(kind, claim.claimant), reason }); }
      }
    }
  }
  return orphans;
}

/** Returns the command that removes the claim. Key and id have only letters, digits, colons and dashes. */
export function removalOf({ id, tag }: OrphanedClaim, region: string): string {
  return `aws efs untag-resource --region ${region} --resource-id ${id} --tag-keys ${tag}`;
}

async function* claimedThings(efs: EFSClient): AsyncGenerator<Claimed> {
  for await (const { FileSystems = [] } of paginateDescribeFileSystems({ client: efs }, {})) {
    for (const { FileSystemId: id, Tags: tags = [] } of FileSystems) { yield { id: id!, tags }; }
  }
  for await (const { AccessPoints = [] } of paginateDescribeAccessPoints({ client: efs }, {})) {
    for (const { AccessPointId: id, Tags: tags = [] } of AccessPoints) { yield { id: id!, tags }; }
  }
}

/** Sets of mount targets record what they have in another form. It proves which mount targets are theirs, so it is no claim that may go alone. */
function claimsOf(tags: readonly Tag[], id: string, kind: ClaimKind): Claim[] {
  const all = kind === 'mount-targets' ? [] : claimsIn(tags, id, kind, '').others;
  return all.flatMap(claim => (isNewer(claim) || !/^[0-9a-f]+$/.test(claim.claimant) ? [] : [claim]));
}

async function reasonFor(claim: Claim, kind: ClaimKind, stacks: Pick<Stacks, 'find' | 'idOf'>): Promise<string | undefined> {
  const stackId = await stacks.idOf(claim.stack);
  if (stackId === undefined) { return `${holderOf(kind, claim)} is gone: its stack is deleted`; }
  const { isChanging, resources } = await stacks.find(stackId);
  return isChanging || resources.has(`${claim.id}/${claim.claimant}`) ? undefined : `${holderOf(kind, claim)} is gone: its stack no longer has it`;
}
