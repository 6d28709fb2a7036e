import type { FileSystemDescription, Tag } from '@aws-sdk/client-efs';
import { OVERWRITTEN_TAG } from './before-tags';
import type { BackupPolicyProperty, LifecyclePolicyProperty } from '../../../src/contract/configuration';
import type { FileSystemProperties } from '../../../src/contract/file-system';
import type { TagProperty } from '../../../src/contract/ownership';
import { log } from '../../shared/log';
import { valueOf } from '../../shared/ownership';
import type { Efs } from '../efs';
import { statusOf } from '../settings/backup-policy';
import { policyOf } from '../settings/file-system-policy';
import { isSameTransitions, lifecycleOf } from '../settings/lifecycle-configuration';
import { isSamePolicy } from '../settings/policy-meaning';
import type { Replications } from '../settings/replication';

/*
 * The settings that an adoption overwrites, as they were, in one tag: `policy=none replication=none backup=ENABLED
 * lifecycle=TransitionToIA:AFTER_7_DAYS/TransitionToArchive:AFTER_90_DAYS`. A former policy is not recorded, because somebody who may
 * only set tags could choose a policy by that.
 */
const WORDS = { policy: 'policy', replication: 'replication', backup: 'backup', lifecycle: 'lifecycle' } as const;
const NONE = 'none';

/** Properties of the settings that were overwritten: as the adoption sets them, and as they were. */
export interface OverwrittenSettings {
  readonly set: Partial<FileSystemProperties>;
  readonly before: { readonly LifecyclePolicies?: readonly LifecyclePolicyProperty[]; readonly BackupPolicy?: BackupPolicyProperty };
}

/** Returns the tag that records which settings an adoption is about to overwrite; none if there are none. */
export async function overwrittenTags(
  { FileSystemId: id, FileSystemArn: fileSystemArn }: FileSystemDescription, wanted: FileSystemProperties,
  { efs, replications }: { readonly efs: Efs; readonly replications: Replications },
): Promise<TagProperty[]> {
  const words: string[] = [];
  if (wanted.FileSystemPolicy !== undefined) {
    const policy = await policyOf(efs, id!);
    if (policy === undefined) {
      words.push(`${WORDS.policy}=${NONE}`);
    } else if (!isSamePolicy(policy, wanted.FileSystemPolicy, { fileSystemArn: fileSystemArn! })) {
      log({ event: 'the adoption overwrites a file system policy, and no rollback puts it back', id, policy });
    }
  }
  if (wanted.ReplicationConfiguration !== undefined && await replications.from(id!) === undefined) { words.push(`${WORDS.replication}=${NONE}`); }
  if (wanted.BackupPolicy !== undefined) {
    const status = settled(await statusOf(efs, id!));
    if (status !== wanted.BackupPolicy.Status) { words.push(`${WORDS.backup}=${status}`); }
  }
  if (wanted.LifecyclePolicies !== undefined) {
    const lifecycle = await lifecycleOf(efs, id!);
    if (!isSameTransitions(lifecycle, wanted.LifecyclePolicies)) { words.push(`${WORDS.lifecycle}=${textOf(lifecycle)}`); }
  }
  return words.length === 0 ? [] : [{ Key: OVERWRITTEN_TAG, Value: words.join(' ') }];
}

/** Returns the settings that an adoption with these properties has overwritten; undefined if there are none. */
export function readOverwritten(tags: readonly Tag[] = [], properties: FileSystemProperties): OverwrittenSettings | undefined {
  const value = valueOf(tags, OVERWRITTEN_TAG);
  if (value === undefined) { return undefined; }
  const words = new Map(value.split(' ').map(word => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]));
  const { FileSystemPolicy, ReplicationConfiguration, BackupPolicy, LifecyclePolicies } = properties;
  const [backup, lifecycle] = [words.get(WORDS.backup), words.get(WORDS.lifecycle)];
  return {
    set: {
      ...words.has(WORDS.policy) && { FileSystemPolicy },
      ...words.has(WORDS.replication) && { ReplicationConfiguration },
      ...backup !== undefined && { BackupPolicy },
      ...lifecycle !== undefined && { LifecyclePolicies },
    },
    before: {
      ...backup !== undefined && { BackupPolicy: { Status: backup } },
      ...lifecycle !== undefined && { LifecyclePolicies: transitionsIn(lifecycle) },
    },
  };
}

/** Returns the status that follows one that is changing. */
function settled(status: string): string {
  return status === 'ENABLING' ? 'ENABLED' : status === 'DISABLING' ? 'DISABLED' : status;
}

function textOf(policies: readonly LifecyclePolicyProperty[]): string {
  return policies.flatMap(policy => Object.entries(policy)).map(([name, transition]) => `${name}:${transition}`).join('/') || NONE;
}

function transitionsIn(text: string): LifecyclePolicyProperty[] {
  return text === NONE ? [] : text.split('/').map(one => Object.fromEntries([one.split(':')]));
}
