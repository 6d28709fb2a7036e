import { failAfter, isAllListed, isOfStack, leaveToken, mayBeInvisible, mayLackTags, notOfStack } from './completion';
import { evidenceOf, recordOf, recordOrRemove } from './evidence';
import type { ExecutionState } from './executions';
import { ImportStart } from './import-start';
import { waitsForCompletion } from './limits/deadlines';
import { deadlineOf, limitsOf } from './limits/import-limits';
import { integrityOf, zerosNeeded } from './limits/integrity';
import type { ImportServices } from './services';
import { OWNERSHIP_TAGS } from '../../src/contract/ownership';
import type { SnapshotImportAttributes, SnapshotImportProperties } from '../../src/contract/snapshot-import';
import type { PinnedSource, TransferInput, TransferParent } from '../../src/contract/transfer';
import { throwUnlessBack } from '../shared/direction';
import { OutOfReach, saidBy } from '../shared/errors';
import { log } from '../shared/log';
import { tagChanges } from '../shared/ownership';
import { UNDER_WAY, type Context, type CreateContext, type Created, type Found, type Lifecycle, type ReadyContext } from '../shared/resource-lifecycle';
import { isRetained } from '../shared/retained';
import { isHandedOut, stateOf } from '../shared/state-tag';
import { overdueReason } from '../transfer/bucket/overdue';
import { nameOfImage } from '../transfer/image/object';
import { isCompleteAndHandedOut, removeLeftovers } from '../transfer/import/leftovers';
import { condemnIfUsed, isCondemned, markLeft, parentOf, releaseParent, usersOf } from '../transfer/parent/use';
import { notCompleted, SnapshotInUse, type Snapshot } from '../transfer/snapshot/snapshots';

/** Facts that only the creation can find out: the image as it was then. */
interface ImportMemo {
  readonly source: PinnedSource;
  readonly encrypted: boolean;
  /** Absent: all blocks are put. */
  readonly parent?: TransferParent;
  /** Milliseconds since 1970. */
  readonly started: number;
}

/** A snapshot with the content of a disk image in S3. */
export class SnapshotImportLifecycle implements Lifecycle<SnapshotImportProperties, SnapshotImportAttributes> {
  public readonly identity = [
    'SourceBucket', 'SourceKey', 'SourceVersion', 'SourceETag', 'SourceSha256', 'SourceSha256SumsKey', 'SourceRevision', 'SourceFormat',
    'ContainerAsRaw', 'ArchiveMember', 'VolumeSize', 'Description', 'Encrypted', 'KmsKeyId', 'ZeroBlocks',
  ] as const;
  public readonly defaults = { SourceFormat: 'AUTO', ContainerAsRaw: 'false', Description: '', Encrypted: 'false', ZeroBlocks: 'WRITE' };
  public readonly physicalId = /^snap-[0-9a-f]{8,40}$/;
  public readonly allowsRetainedSiblings = true;
  public readonly isRepeatable = true;

  constructor(private readonly aws: ImportServices) {}

  public userTags({ Tags }: SnapshotImportProperties): SnapshotImportProperties['Tags'] {
    return Tags;
  }

  public hasFixedContent({ SourceVersion, SourceETag, SourceSha256 }: SnapshotImportProperties): boolean {
    // S3 overwrites the version `null`, which an object has in a bucket that does not keep versions.
    return (SourceVersion !== undefined && SourceVersion !== 'null') || SourceETag !== undefined || SourceSha256 !== undefined;
  }

  public async create(properties: SnapshotImportProperties, context: CreateContext<SnapshotImportProperties>): Promise<Created> {
    const { id, image, encrypted, parent } = await new ImportStart(this.aws).start(properties, context);
    const { format = 'RAW' } = image.image ?? {};
    log({ event: 'snapshot started', snapshotId: id, image: nameOfImage(image), size: image.size, format, parent: parent?.snapshotId });
    // Before the transfer, whose clean-up removes the record.
    await recordOrRemove(this.aws.store, recordOf(id, context), () => this.aws.snapshots.delete(id));
    const memo: ImportMemo = { source: image, encrypted, parent, started: Date.now() };
    // The next poll refuses zeros that were left out of an encrypted snapshot.
    if (properties.ZeroBlocks !== 'OMIT' || !encrypted) { await this.aws.executions.startEarly(transferInput(id, properties, memo)); }
    return { id, memo: JSON.stringify(memo) };
  }

  public async ready(
    id: string, properties: SnapshotImportProperties, context: ReadyContext<SnapshotImportProperties>,
  ): Promise<SnapshotImportAttributes | typeof UNDER_WAY | undefined> {
    const memo = context.memo === undefined ? undefined : JSON.parse(context.memo) as ImportMemo;
    const execution = await this.aws.executions.find(id);
    const snapshot = await this.aws.snapshots.find(id);
    if (snapshot && !isOfStack(context.stackId, snapshot)) {
      return mayLackTags(snapshot, memo?.started) ? undefined : this.leaveForeign(snapshot, context);
    }
    // Before the question whether the snapshot exists: after the clean-up, the execution alone has the reason for the failure.
    if (execution?.status === 'FAILED' && !(snapshot && await isCompleteAndHandedOut(snapshot, this.aws.store))) {
      return this.executionFailed(id, properties, context, execution.reason);
    }
    if (!snapshot) {
      return mayBeInvisible(memo?.started) ? undefined : this.lost(id, memo, `snapshot ${id} no longer exists; change 'sourceRevision' to import the image again`);
    }
    const fault = faultOf(snapshot, properties, memo, execution);
    if (fault !== undefined) { return this.lost(id, memo, fault); }
    if (snapshot.state !== 'completed' && !execution) { await this.aws.executions.start(transferInput(id, properties, memo!)); }
    if (waitsForCompletion(properties) && (snapshot.state !== 'completed' || await this.isRunning(id, execution))) {
      if (!memo || Date.now() <= deadlineOf(memo.source, properties, memo.started)) { return execution?.status === 'SUCCEEDED' ? undefined : UNDER_WAY; }
      return this.fail(id, await overdueReason(this.aws.store, id, 'import'));
    }
    if (!isHandedOut(snapshot) && !await this.isAwaited(id, memo, context)) { return undefined; }
    await this.handOut(snapshot, properties, context.old);
    return attributesOf(snapshot);
  }

  public withoutReach(id: string, { VolumeSize }: SnapshotImportProperties): SnapshotImportAttributes {
    return { SnapshotId: id, VolumeSize: `${VolumeSize ?? 0}`, ParentSnapshotId: '' };
  }

  public leaveToken(id: string, token: string): Promise<boolean> {
    return leaveToken(this.aws, id, token);
  }

  public async delete(id: string, properties: SnapshotImportProperties, context: Context): Promise<void> {
    const snapshot = await this.aws.snapshots.find(id);
    if (snapshot && mayLackTags(snapshot, snapshot.started)) { return; }
    if (snapshot && !isOfStack(context.stackId, snapshot)) { return log({ event: 'left a snapshot alone that is not of this stack', snapshotId: id }); }
    if (snapshot && await this.isRetained(snapshot, properties, context)) { return; }
    await this.aws.executions.stop(id);
    if (snapshot && !await this.deleteSnapshot(snapshot, context)) { return; }
    await this.aws.store.remove(id);
    await this.removeLeft(context.stackId);
  }

  /** Removes snapshots that were in use when their Delete came. CloudFormation sends no second one. */
  private async removeLeft(stackId: string): Promise<void> {
    try {
      await this.aws.kept.removeUnused(stackId);
    } catch (error) {
      log({ event: 'could not remove the snapshots that were in use before', error: saidBy(error) });
    }
  }

  public async gone(id: string, properties: SnapshotImportProperties, context: Context): Promise<boolean> {
    const snapshot = await this.aws.snapshots.find(id);
    if (snapshot === undefined) {
      // A step that died after it had deleted the snapshot left its record.
      await this.aws.store.remove(id);
      return true;
    }
    if (!isOfStack(context.stackId, snapshot)) { return !mayLackTags(snapshot, snapshot.started); }
    if (stateOf(snapshot.tags) === 'retained') { return true; }
    if (await this.isRetained(snapshot, properties, context)) { return true; }
    // The import that uses a condemned parent deletes it in the end.
    return isCondemned(snapshot) && (await usersOf(this.aws, snapshot)).length > 0;
  }

  public async find(_candidates: readonly SnapshotImportProperties[], context: Context): Promise<Found[]> {
    const { stackId, logicalId } = context;
    const all = await this.aws.snapshots.findTagged({ [OWNERSHIP_TAGS.stackId]: stackId, [OWNERSHIP_TAGS.logicalId]: logicalId });
    // Leave out snapshots in the Recycle Bin, and condemned ones: they can neither be used nor deleted.
    const findable = all.filter(snapshot => ['completed', 'pending', 'error'].includes(snapshot.state) && !isCondemned(snapshot));
    return Promise.all(findable.map(async (snapshot): Promise<Found> => ({
      ...evidenceOf({ ...snapshot, made: snapshot.started }, await this.aws.store.creation(snapshot.id), context),
      isRemovable: snapshot.state !== 'completed' && !isHandedOut(snapshot),
      state: await this.isUsable(snapshot) ? 'usable' : 'unfinished',
    })));
  }

  public async takeUp(id: string): Promise<void> {
    const record = await this.aws.store.creation(id);
    // A snapshot with a state was deleted, and is only left because something uses it.
    if (record && record.state === undefined) { await this.aws.store.saveCreation({ ...record, takenUp: true }); }
  }

  private async isRetained(snapshot: Snapshot, properties: SnapshotImportProperties, context: Context): Promise<boolean> {
    if (!isHandedOut(snapshot)) { return false; }
    const record = await this.aws.store.creation(snapshot.id);
    return isRetained({ made: record?.sent ?? snapshot.started, takenUp: record?.takenUp === true }, properties, context, this.aws.stacks);
  }

  /** With `waitForCompletion: false`, a snapshot is handed out while it is being filled. EC2 lists it as pending for a while after its execution has succeeded. */
  private async isUsable(snapshot: Snapshot): Promise<boolean> {
    if (!isHandedOut(snapshot)) { return false; }
    if (snapshot.state !== 'pending') { return snapshot.state === 'completed'; }
    const execution = await this.aws.executions.find(snapshot.id);
    return execution?.status === 'RUNNING' || execution?.status === 'SUCCEEDED';
  }

  /** The execution of a transfer ends a moment after it has nothing left to do. */
  private async isRunning(id: string, execution: ExecutionState | undefined): Promise<boolean> {
    return execution?.status === 'RUNNING' && !await this.aws.store.isFinished(id);
  }

  private async executionFailed(
    id: string, properties: SnapshotImportProperties, { old }: ReadyContext<SnapshotImportProperties>, reason: string,
  ): Promise<SnapshotImportAttributes> {
    if (waitsForCompletion(properties) || !old) { return this.fail(id, await this.aws.store.failure(id) ?? reason); }
    // The resource was reported as complete before. An error would only keep it from changing, or from rolling back everything else.
    log({ event: 'left a failed import as it is: another sourceRevision imports again', snapshotId: id, reason });
    return this.withoutReach(id, properties);
  }

  /** Changes nothing of a snapshot that is not of this stack. A rollback must not fail because of it. */
  private async leaveForeign(snapshot: Snapshot, context: Context): Promise<SnapshotImportAttributes> {
    await throwUnlessBack(context, new Error(notOfStack(`snapshot ${snapshot.id}`, snapshot)));
    return attributesOf(snapshot);
  }

  private isAwaited(id: string, memo: ImportMemo | undefined, context: ReadyContext<SnapshotImportProperties>): Promise<boolean> {
    return this.aws.stacks.isAwaited(context, { id, begun: memo?.started, remove: () => this.removeFailed(id) });
  }

  private async handOut({ id, tags }: Snapshot, wanted: SnapshotImportProperties, old: SnapshotImportProperties | undefined): Promise<void> {
    const { set, remove } = tagChanges(tags, wanted.Tags ?? [], old?.Tags);
    await this.aws.snapshots.untag(id, remove);
    await this.aws.snapshots.tag(id, set);
    const state = stateOf(tags);
    if (state === 'retained' || state === 'condemned' || state === 'used') { await markLeft(this.aws, { id, tags }, undefined); }
    // A snapshot that was retained for an image may have been shared with other accounts.
    if (wanted.SharedWith || old?.SharedWith || state === 'retained') { await this.aws.sharing.set(id, wanted.SharedWith ?? []); }
    // Last, because from then on only CloudFormation decides whether the snapshot is deleted.
    await this.aws.snapshots.untag(id, state === undefined ? [] : [OWNERSHIP_TAGS.state]);
  }

  /** Returns false if the snapshot stays: for a while, which the next poll repeats, or because something uses it. */
  private async deleteSnapshot(snapshot: Snapshot, { stackId, deletionBegan }: Context): Promise<boolean> {
    const { snapshots, kept } = this.aws;
    // An import that was started with this parent just before may not be listed yet.
    if (snapshot.state === 'completed' && isHandedOut(snapshot) && !isAllListed(deletionBegan)) { return false; }
    // First, because nothing records the parent once the snapshot is gone.
    const refusal = await releaseParent(this.aws, parentOf(snapshot), snapshot.id);
    // Throws if an image of others uses the parent, because only the user can deregister it.
    if (refusal && !await kept.keep(refusal, stackId, deletionBegan)) { return false; }
    if (await condemnIfUsed(this.aws, snapshot)) { return false; }
    try {
      await snapshots.delete(snapshot.id);
      return true;
    } catch (error) {
      if (!(error instanceof SnapshotInUse)) { throw error; }
      await kept.keep(error, stackId, deletionBegan);
      return false;
    }
  }

  /** Removes the snapshot if this call made it. Any other snapshot was handed out before, so a rollback leaves it. */
  private lost(id: string, memo: ImportMemo | undefined, reason: string): Promise<never> {
    if (memo === undefined) { throw new OutOfReach(reason); }
    return this.fail(id, reason);
  }

  private fail(id: string, reason: string): Promise<never> {
    return failAfter(() => this.removeFailed(id), reason);
  }

  private async removeFailed(id: string): Promise<void> {
    await this.aws.executions.stop(id);
    await removeLeftovers(this.aws, id);
  }
}

function attributesOf(snapshot: Snapshot): SnapshotImportAttributes {
  return { SnapshotId: snapshot.id, VolumeSize: `${snapshot.volumeSize}`, ParentSnapshotId: parentOf(snapshot) ?? '' };
}

function transferInput(snapshotId: string, properties: SnapshotImportProperties, { source, parent, started }: ImportMemo): TransferInput {
  return {
    snapshotId,
    owner: properties.Owner,
    source,
    ...(parent && { parent }),
    ...integrityOf(properties),
    ...limitsOf(properties),
    deadline: deadlineOf(source, properties, started),
    ...(!waitsForCompletion(properties) && { background: true }),
  };
}

/** Returns why a snapshot can never be handed out; undefined if it is complete, or may become so. */
function faultOf(
  snapshot: Snapshot, { ZeroBlocks }: SnapshotImportProperties, memo: ImportMemo | undefined, execution: ExecutionState | undefined,
): string | undefined {
  const { id, state, encrypted } = snapshot;
  if (ZeroBlocks === 'OMIT' && (memo?.encrypted || encrypted)) { return zerosNeeded(id); }
  if (state === 'error') { return notCompleted(snapshot); }
  if (state !== 'completed' && !execution && !memo) { return `snapshot ${id} is ${state}, but no transfer fills it`; }
  return undefined;
}
