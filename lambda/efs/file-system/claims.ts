import type { FileSystemDescription, Tag } from '@aws-sdk/client-efs';
import { BEFORE_TAG, beforeKeys, beforeTags, isUserTagKey, NO_CLAIM_BEFORE, OVERWRITTEN_TAG, readBefore } from './before-tags';
import { rootOf } from './construct-names';
import { SETTINGS_TAG } from '../../../src/contract/claims';
import type { FileSystemProperties } from '../../../src/contract/file-system';
import { OWNERSHIP_TAGS, RELEASED, REPLACED_TAG, type TagProperty } from '../../../src/contract/ownership';
import { isDenial } from '../../shared/denials';
import { OutOfReach, saidBy } from '../../shared/errors';
import { log } from '../../shared/log';
import { belongsTo, ownershipTags, tagChanges, valueOf } from '../../shared/ownership';
import type { Context } from '../../shared/resource-lifecycle';
import { type State, stateOf, stateTag } from '../../shared/state-tag';
import { claimedTags, settingsTags, type SettingsChange } from '../claims/declared-settings';
import type { Efs } from '../efs';

const MOST_TAGS = 50;
const OWN_KEYS: readonly string[] = [...Object.values(OWNERSHIP_TAGS), REPLACED_TAG, SETTINGS_TAG];

/** Facts about a claim beside its properties. */
interface ClaimChange extends SettingsChange {
  readonly state?: State;
  /** Whether the record of the latest adoption stays, because this call goes on with it. */
  readonly keepsBefore?: boolean;
}

/** Facts about an adoption beside its properties. */
interface AdoptionChange extends SettingsChange {
  readonly state: State | undefined;
  /** The record of the settings that it overwrites. */
  readonly settings: readonly TagProperty[];
}

/** The ownership tags of file systems: which resource of which stack a file system belongs to, and for which request. */
export class Claims {
  constructor(private readonly efs: Efs) {}

  /** Writes the ownership tags of a resource, and so restores those that were removed by hand. */
  public async claim(
    fileSystem: FileSystemDescription, properties: FileSystemProperties, context: Context, { keepsBefore = false, ...change }: ClaimChange = {},
  ): Promise<void> {
    const { FileSystemId: id, Tags: present = [] } = fileSystem;
    const tags = tagsOfClaim(properties, context, { id, present, ...change });
    const isRepeated = valueOf(present, OWNERSHIP_TAGS.requestId) === context.requestId;
    const ended = isRepeated || keepsBefore ? [] : [...beforeKeys(present), ...valueOf(present, REPLACED_TAG) === undefined ? [] : [REPLACED_TAG]]
      .filter(key => !tags.some(({ Key }) => Key === key));
    refuseTooMany(id!, present.length - ended.length, newOnes(present, tags));
    await this.efs.untag(id!, ended);
    await this.efs.tag(id!, tagChanges(present, tags).set);
  }

  /** Claims a file system that existed before, and keeps in tags what that overwrites. */
  public async adopt(
    { FileSystemId: id, Tags: present = [] }: FileSystemDescription, properties: FileSystemProperties, context: Context,
    { settings, ...change }: AdoptionChange,
  ): Promise<void> {
    const userTags = properties.FileSystemTags ?? [];
    const own = tagsOfClaim(properties, context, { id, present, ...change });
    const stale = beforeKeys(present);
    const added = newOnes(present, [...own, ...userTags]);
    const room = MOST_TAGS - (present.length - stale.length + added.length);
    const before = beforeTags(present, { userTags, settings, room, declared: valueOf(own, SETTINGS_TAG) });
    const tags = [...own, ...before];
    refuseTooMany(id!, present.length - stale.length, newOnes(present.filter(({ Key }) => !stale.includes(Key!)), [...tags, ...userTags]));
    await this.efs.tag(id!, tags);
    await this.efs.untag(id!, stale.filter(key => !tags.some(({ Key }) => Key === key)));
  }

  /** Begins to give the file system back. The tags of the resource that had it before are restored if `restores`. */
  public async release({ FileSystemId: id, Tags: present }: FileSystemDescription, restores: boolean): Promise<void> {
    const isNeeded = (key: string) => restores || isUserTagKey(key) || key === BEFORE_TAG || key === OVERWRITTEN_TAG;
    await this.remove(id!, beforeKeys(present).filter(key => !isNeeded(key)));
    await this.efs.tag(id!, [stateTag('released'), ...!restores && readBefore(present) ? [NO_CLAIM_BEFORE] : []]);
  }

  /** Ends what `release` began. All that is needed to repeat it stays until the last call. */
  public async endRelease(
    { FileSystemId: id, Tags: present = [] }: FileSystemDescription, properties: FileSystemProperties, context: Context,
  ): Promise<void> {
    const before = readBefore(present);
    if (before) {
      await this.efs.tag(id!, tagChanges(present, before.userTags).set);
      const ofSets = claimedTags(present, id!, properties.FileSystemTags);
      const added = (properties.FileSystemTags ?? []).filter(tag => !ofSets.includes(tag) && !before.userTags.some(({ Key }) => Key === tag.Key));
      await this.efs.untag(id!, tagChanges(present, [], added).remove).catch(error => {
        if (!isDenial(error)) { throw error; }
        log({ event: 'tags may not be removed, so they stay', id, error: saidBy(error) });
      });
    }
    const own = present.map(({ Key }) => Key!).filter(key => OWN_KEYS.includes(key));
    if (!before?.claim) { return this.remove(id!, [...own, ...beforeKeys(present)]); }
    const { stackId, owner, logicalId, state = '' } = before.claim;
    const isOwn = stackId === context.stackId && logicalId === context.logicalId;
    const { declared } = before;
    const ended = [OWNERSHIP_TAGS.requestId, REPLACED_TAG, ...declared === '' ? [SETTINGS_TAG] : []];
    const restored = [
      ...declared === undefined || declared === '' ? [] : [{ Key: SETTINGS_TAG, Value: declared }],
      { Key: OWNERSHIP_TAGS.stackId, Value: stackId },
      { Key: OWNERSHIP_TAGS.logicalId, Value: logicalId },
      { Key: OWNERSHIP_TAGS.owner, Value: owner },
      // By its state, the rest of the deletion in hand knows that it is given back.
      { Key: OWNERSHIP_TAGS.state, Value: isOwn ? 'retained' : state },
    ];
    const empty = !isOwn && state === '' ? [OWNERSHIP_TAGS.state] : [];
    if (rootOf(owner) === rootOf(properties.Owner)) {
      // A resource of a stack may have it. Only when that has its claim again, what is needed for that goes.
      await this.remove(id!, ended);
      await this.efs.tag(id!, [...restored, NO_CLAIM_BEFORE]);
      return this.remove(id!, [...beforeKeys(present), ...empty]);
    }
    // The role may not change it when it has the former owner.
    await this.remove(id!, [...ended, ...beforeKeys(present)]);
    await this.efs.tag(id!, restored);
    await this.remove(id!, empty);
  }

  /** Removes tags of this library; overwrites those that may not be removed, and if that is denied, too, leaves them. */
  private async remove(id: string, keys: string[]): Promise<void> {
    try {
      await this.efs.untag(id, keys);
    } catch (error) {
      if (!isDenial(error)) { throw error; }
      log({ event: 'tags may not be removed, so they are overwritten', id, keys, error: saidBy(error) });
      await this.efs.tag(id, keys.map(Key => ({ Key, Value: RELEASED }))).catch(failure => {
        if (!isDenial(failure)) { throw failure; }
        log({ event: 'tags may not be overwritten, so they stay', id, keys, error: saidBy(failure) });
      });
    }
  }

  /** Removes the mark of a file system that was never reported as complete. */
  public async complete({ FileSystemId: id, Tags: tags }: FileSystemDescription): Promise<void> {
    if (stateOf(tags) === 'creating') { await this.efs.untag(id!, [OWNERSHIP_TAGS.state]); }
  }

  /**
   * Lets the stack own an adopted file system from now on, so that it is deleted with the stack: the user has changed its removal policy
   * from RETAIN to DESTROY, and the update is certainly not one that is rolled back or taken back.
   */
  public async endAdoption(
    fileSystem: FileSystemDescription, properties: FileSystemProperties, old: FileSystemProperties | undefined, context: Context,
  ): Promise<void> {
    if (stateOf(fileSystem.Tags) !== 'adopted' || old?.RemovalPolicy !== 'Retain' || properties.RemovalPolicy !== 'Delete') { return; }
    if (context.direction !== 'forward' || await context.certainDirection() !== 'forward') { return; }
    await this.efs.untag(fileSystem.FileSystemId!, [OWNERSHIP_TAGS.state]);
  }
}

/** Throws if a file system would have more tags than EFS allows, before anything changes. */
function refuseTooMany(id: string, present: number, added: readonly TagProperty[]): void {
  const excess = present + added.length - MOST_TAGS;
  if (excess <= 0) { return; }
  throw new Error(`file system ${id} has ${present} tags, and ${added.length} more are needed (${added.map(({ Key }) => Key).join(', ').slice(0, 300)}): `
    + `EFS allows ${MOST_TAGS}, so remove ${excess}`);
}

function newOnes(present: readonly Tag[], tags: readonly TagProperty[]): TagProperty[] {
  return tags.filter(({ Key }) => valueOf(present, Key) === undefined);
}

/** Returns the tags of this library that a file system carries for a resource. */
export function tagsOfClaim(
  properties: FileSystemProperties, context: Context,
  { id, present, state, ...change }: SettingsChange & { readonly id?: string; readonly present?: readonly Tag[]; readonly state?: State },
): TagProperty[] {
  return [
    ...ownershipTags(properties, context),
    ...settingsTags(properties, present, id, change),
    ...replacedTags(context, id),
    ...state ? [stateTag(state)] : [],
  ];
}

/** Returns the tag that leads a rollback from a file system to the one that it replaces. `id`: absent if it is new. */
function replacedTags({ physicalId }: Pick<Context, 'physicalId'>, id?: string): TagProperty[] {
  return physicalId === undefined || physicalId === id ? [] : [{ Key: REPLACED_TAG, Value: physicalId }];
}

/**
 * Throws unless the request is the latest one for the file system. CloudFormation polls an operation that it has cancelled until its time
 * is over, although a later operation is under way.
 */
export function refuseLate({ FileSystemId: id, Tags: tags }: FileSystemDescription, context: Context): void {
  if (!belongsTo(tags, context)) { throw new OutOfReach(`file system ${id} was released or taken over while it was being made ready`); }
  const latest = valueOf(tags, OWNERSHIP_TAGS.requestId);
  if (latest !== context.requestId) { throw new Error(`the request for file system ${id} was superseded by a later one (${latest})`); }
}
