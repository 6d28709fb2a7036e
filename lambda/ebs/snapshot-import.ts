import { createHash } from 'node:crypto';
import type { Executions } from './executions';
import { deadlineOf, limitsOf, refuseLate, refuseLongStream, volumeSizeFor, waits } from './image-limits';
import { integrityOf, refuseUnverifiable, zerosNeeded } from './integrity';
import type { KeptSnapshots } from './kept-snapshots';
import { Parents } from './parents';
import type { SnapshotSharing } from './snapshot-sharing';
import { ParentRefused, type NewSnapshot, type SnapshotStarter, type StartedSnapshot } from './snapshot-starter';
import { DELTA_FORMAT } from '../../src/contract/disk-image-format';
import { OWNERSHIP_TAGS, PARENT_TAG } from '../../src/contract/ownership';
import type { SnapshotImportAttributes, SnapshotImportProperties } from '../../src/contract/snapshot-import';
import type { PinnedObject, PinnedSource, TransferParent } from '../../src/contract/transfer';
import { saidBy } from '../shared/errors';
import { log } from '../shared/log';
import { ownershipTags, tagChanges, valueOf } from '../shared/ownership';
import { boolean, integer } from '../shared/property-values';
import { type Context, type CreateContext, type Created, type Found, type Lifecycle } from '../shared/resource-lifecycle';
import type { Stacks } from '../shared/stacks';
import { stateOf, stateTag } from '../shared/state-tag';
import { GIB } from '../transfer/blocks/sizes';
import { diskSizeOf } from '../transfer/bucket/plan';
import type { TransferStore } from '../transfer/bucket/store';
import { pinDelta } from '../transfer/image/delta';
import { pinManifest } from '../transfer/image/manifest';
import { nameOfImage, type Source } from '../transfer/image/object';
import { probe } from '../transfer/image/probe';
import { removeLeftovers } from '../transfer/import/leftovers';
import { condemnIfUsed, isCondemned, parentOf, releaseParent, usersOf } from '../transfer/parent/use';
import { notCompleted, SnapshotInUse, type Snapshot, type Snapshots } from '../transfer/snapshot/snapshots';

export interface SnapshotImportServices {
  readonly source: Source;
  readonly starter: SnapshotStarter;
  readonly snapshots: Snapshots;
  readonly executions: Executions;
  readonly store: TransferStore;
  readonly sharing: SnapshotSharing;
  readonly kept: KeptSnapshots;
  readonly stacks: Stacks;
}

/** What the creation learned: the image as it was then, and when that was. */
interface Memo {
  readonly source: PinnedSource;
  readonly encrypted: boolean;
  /** Absent: all blocks are put. */
  readonly parent?: TransferParent;
  /** Milliseconds since 1970. */
  readonly started: number;
}

/** Value of the state tag until the snapshot is handed to CloudFormation, which knows nothing of one that was completed but not handed out. */

/** EC2 may learn of a snapshot later than EBS gave its id. */
const VISIBLE_AFTER_MILLISECONDS = 150_000;

export function snapshotImport(aws: SnapshotImportServices): Lifecycle<SnapshotImportProperties, SnapshotImportAttributes> {
  const { source, starter, snapshots, executions, store, sharing, kept, stacks } = aws;
  const parents = new Parents(aws);

  async function understood(object: PinnedObject, properties: SnapshotImportProperties): Promise<PinnedSource> {
    const { SourceFormat, ContainerAsRaw, Manifest, VolumeSize } = properties;
    if (SourceFormat === DELTA_FORMAT) { return pinDelta(source, object, properties); }
    // What was exported is raw, whatever it begins with.
    if (Manifest !== undefined && boolean('manifest', Manifest)) { return pinManifest(source, object); }
    return probe(source, object, {
      format: SourceFormat,
      containerAsRaw: ContainerAsRaw !== undefined && boolean('containerAsRaw', ContainerAsRaw),
      volumeSize: VolumeSize === undefined ? undefined : integer('volumeSize', VolumeSize),
    });
  }

  async function create(properties: SnapshotImportProperties, context: CreateContext<SnapshotImportProperties>): Promise<Created> {
    const { SourceBucket, SourceKey, SourceVersion, SourceETag, VolumeSize, Description, Encrypted, KmsKeyId, Tags = [] } = properties;
    const integrity = integrityOf(properties);
    const object = await source.pin({ bucket: SourceBucket, key: SourceKey, versionId: SourceVersion });
    if (SourceETag !== undefined && object.etag !== SourceETag) { throw new Error(`${nameOfImage(object)} is not what was exported any more; somebody replaced it`); }
    const image = await understood(object, properties);
    const volumeSize = volumeSizeFor(image, VolumeSize);
    const limits = limitsOf(properties);
    refuseLongStream(image, limits, integrity);
    const encrypted = Encrypted !== undefined && boolean('encrypted', Encrypted);
    const kmsKeyArn = KmsKeyId === undefined ? undefined : await starter.keyArn(KmsKeyId);
    const tags = [
      ...Tags.map(({ Key, Value }) => ({ Key, Value })), ...ownershipTags(properties, context), stateTag('creating'),
    ];

    /** undefined: this event was delivered before, and other parameters followed from it. */
    async function start(parent: TransferParent | undefined, refused = false): Promise<(StartedSnapshot & { parent?: TransferParent }) | undefined> {
      if (waits(properties)) {
        refuseLate(image, limits, { ...integrity, increment: parent !== undefined });
        refuseUnverifiable(image, { ...integrity, increment: parent !== undefined });
      }
      const wanted: NewSnapshot = {
        token: tokenOf(context, refused),
        volumeSize,
        description: Description,
        tags: [...tags, ...parent ? [{ Key: PARENT_TAG, Value: parent.snapshotId }] : []],
        encrypted,
        kmsKeyArn,
        parentId: parent?.snapshotId,
        sparse: integrity.zeroBlocks === 'OMIT' || parent !== undefined,
        background: !waits(properties),
      };
      const started = await starter.start(wanted);
      return started && { ...started, parent };
    }

    const parent = await parents.choose(properties, context, { volumeSize, encrypted, kmsKeyArn });
    const snapshot = await start(parent).catch(error => {
      if (!(error instanceof ParentRefused) || properties.ParentSnapshotId !== undefined) { throw error; }
      log({ event: 'full import', because: error.message, instead: parent?.snapshotId });
      return start(undefined, true);
    }) ?? await startedBefore(image, parent, context);
    const { id } = snapshot;
    const { format = 'RAW' } = image.image ?? {};
    log({ event: 'snapshot started', snapshotId: id, image: nameOfImage(image), size: image.size, format, parent: snapshot.parent?.snapshotId });
    const memo: Memo = { source: image, encrypted: snapshot.encrypted, parent: snapshot.parent, started: Date.now() };
    return { id, memo: JSON.stringify(memo) };
  }

  /** The event was delivered a second time, and the image needs another size than it did the first time. */
  async function startedBefore(
    image: PinnedSource, parent: TransferParent | undefined, { stackId, requestId }: Context,
  ): Promise<StartedSnapshot & { parent?: TransferParent }> {
    const [first] = await snapshots.findTagged({ [OWNERSHIP_TAGS.stackId]: stackId, [OWNERSHIP_TAGS.requestId]: requestId });
    const had = first && parentOf(first);
    if (!first || diskSizeOf(image) > first.volumeSize * GIB || (had !== undefined && had !== parent?.snapshotId)) {
      throw new Error(`${nameOfImage(image)} was replaced while its import was being started; deploy again when it stays as it is`);
    }
    return { ...first, parent: had === undefined ? undefined : parent };
  }

  async function removeFailed(id: string): Promise<void> {
    await executions.stop(id);
    await removeLeftovers(aws, id);
  }

  /** The transfer failed, or will never succeed: nothing of it may stay. */
  async function fail(id: string, reason: string): Promise<never> {
    try {
      await removeFailed(id);
    } catch (error) {
      throw new Error(`${reason}; and then cleaning up failed: ${saidBy(error)}`);
    }
    throw new Error(reason);
  }

  async function begin(id: string, properties: SnapshotImportProperties, made: Memo): Promise<void> {
    await executions.start({
      snapshotId: id,
      owner: properties.Owner,
      source: made.source,
      ...(made.parent && { parent: made.parent }),
      ...integrityOf(properties),
      ...limitsOf(properties),
      deadline: deadlineOf(made.source, properties, made.started),
    });
  }

  async function handOut({ id, tags }: Snapshot, wanted: SnapshotImportProperties, old: SnapshotImportProperties | undefined): Promise<void> {
    const { set, remove } = tagChanges(tags, wanted.Tags ?? [], old?.Tags);
    await snapshots.untag(id, remove);
    await snapshots.tag(id, set);
    const state = stateOf(tags);
    // One that was kept for an image, and is wanted again, may have been shared otherwise.
    if (wanted.SharedWith || old?.SharedWith || state === 'retained') { await sharing.set(id, wanted.SharedWith ?? []); }
    // Last: from now on only CloudFormation decides what becomes of it.
    await snapshots.untag(id, state === undefined ? [] : [OWNERSHIP_TAGS.state]);
  }

  return {
    identity: [
      'SourceBucket', 'SourceKey', 'SourceVersion', 'SourceETag', 'SourceRevision', 'SourceFormat', 'ContainerAsRaw',
      'VolumeSize', 'Description', 'Encrypted', 'KmsKeyId', 'ZeroBlocks',
    ],
    defaults: { SourceFormat: 'AUTO', ContainerAsRaw: 'false', Description: '', Encrypted: 'false', ZeroBlocks: 'WRITE' },
    physicalId: /^snap-[0-9a-f]{8,40}$/,
    several: true,
    inRollback: stackId => stacks.isRollingBack(stackId, true),

    create,

    async ready(id, properties, context) {
      const { memo, old } = context;
      const made = memo === undefined ? undefined : JSON.parse(memo) as Memo;
      const execution = await executions.find(id);
      const background = !waits(properties);
      // First of all, for whoever cleaned up after it did not tell why it failed.
      if (execution?.status === 'FAILED') {
        // CloudFormation was told that the resource is complete. An error would only keep it from changing, or rolling back, all the rest.
        if (background && old) { return failedBefore(id, properties, execution.reason); }
        return fail(id, await store.failure(id) ?? execution.reason);
      }

      const snapshot = await snapshots.find(id);
      if (!snapshot) {
        if (made && Date.now() < made.started + VISIBLE_AFTER_MILLISECONDS) { return undefined; }
        return fail(id, `snapshot ${id} does not exist any more; somebody deleted it`);
      }
      if (properties.ZeroBlocks === 'OMIT' && (made?.encrypted || snapshot.encrypted)) { return fail(id, zerosNeeded(id)); }
      if (snapshot.state === 'error') { return fail(id, notCompleted(snapshot)); }
      if (snapshot.state !== 'completed') {
        if (!execution && !made) { return fail(id, `snapshot ${id} is ${snapshot.state}, but nothing fills it any more`); }
        if (!execution) { await begin(id, properties, made!); }
      }
      if (!background && (snapshot.state !== 'completed' || execution?.status === 'RUNNING')) {
        return made && Date.now() > deadlineOf(made.source, properties, made.started) ? fail(id, TOO_LATE) : undefined;
      }
      const wanted = isHandedOut(snapshot) || await stacks.isAwaited(context, { id, begun: made?.started, remove: () => removeFailed(id) });
      if (!wanted) { return undefined; }
      await handOut(snapshot, properties, old);
      return { SnapshotId: id, VolumeSize: `${snapshot.volumeSize}`, ParentSnapshotId: parentOf(snapshot) ?? '' };
    },

    async delete(id, { RemovalPolicy }, { stackId, since }) {
      const snapshot = await snapshots.find(id);
      if (snapshot && !isOf(stackId, snapshot)) { return log({ event: 'left a snapshot alone that is not of this stack', snapshotId: id }); }
      if (snapshot?.state === 'completed' && isHandedOut(snapshot) && RemovalPolicy === 'Retain') {
        throw new Error(`snapshot ${id} is not deleted, for its removalPolicy is RETAIN; CloudFormation should not have asked for it`);
      }
      await executions.stop(id);
      if (snapshot) {
        // For whatever comes after the snapshot's end does not know its parent any more.
        const refused = await releaseParent(aws, parentOf(snapshot), id);
        // By an image of others, which the user has to deregister; or by one that EC2 still releases.
        if (refused && !await kept.keep(refused, stackId, since)) { return; }
        if (await condemnIfUsed(aws, snapshot)) { return; }
        try {
          await snapshots.delete(id);
        } catch (error) {
          if (!(error instanceof SnapshotInUse)) { throw error; }
          await kept.keep(error, stackId, since);
          return;
        }
      }
      await store.remove(id);
    },

    async gone(id, _properties, { stackId }) {
      const snapshot = await snapshots.find(id);
      if (snapshot === undefined || !isOf(stackId, snapshot) || stateOf(snapshot.tags) === 'retained') { return true; }
      // Somebody else will remove it.
      return isCondemned(snapshot) && (await usersOf(snapshots, id)).length > 0;
    },

    async find(_candidates, { stackId, logicalId }) {
      const all = await snapshots.findTagged({ [OWNERSHIP_TAGS.stackId]: stackId, [OWNERSHIP_TAGS.logicalId]: logicalId });
      // In the Recycle Bin, or soon to be removed: neither there nor gone.
      const living = all.filter(snapshot => ['completed', 'pending', 'error'].includes(snapshot.state) && !isCondemned(snapshot));
      return Promise.all(living.map(async (snapshot): Promise<Found> => {
        const { id, state, tags } = snapshot;
        // One that nobody waits for is handed out while it is being filled; and EC2 learns later than the execution that it is complete.
        const usable = isHandedOut(snapshot)
          && (state === 'completed' || (state === 'pending' && ['RUNNING', 'SUCCEEDED'].includes((await executions.find(id))?.status ?? '')));
        return {
          id,
          identity: valueOf(tags, OWNERSHIP_TAGS.identity),
          requestId: valueOf(tags, OWNERSHIP_TAGS.requestId),
          state: usable ? 'usable' : 'unfinished',
        };
      }));
    },
  };
}

const TOO_LATE = 'the import did not end in time; if it only takes long, set waitForCompletion to false';

/** What to say about an import that nobody waited for, and that failed since. */
function failedBefore(id: string, { VolumeSize }: SnapshotImportProperties, reason: string): SnapshotImportAttributes {
  log({ event: 'left a failed import as it is: another sourceRevision imports again', snapshotId: id, reason });
  return { SnapshotId: id, VolumeSize: `${VolumeSize ?? 0}`, ParentSnapshotId: '' };
}

/** From the request, never from the content: a token used before may name a dead snapshot. */
function tokenOf({ stackId, logicalId, requestId }: Context, refused: boolean): string {
  // Nothing says whether a call that was refused uses its token up.
  return createHash('sha256').update(JSON.stringify([stackId, logicalId, requestId, ...refused ? ['without parent'] : []])).digest('hex');
}

function isHandedOut({ tags }: Snapshot): boolean {
  return stateOf(tags) !== 'creating';
}

function isOf(stackId: string, { tags }: Snapshot): boolean {
  return valueOf(tags, OWNERSHIP_TAGS.stackId) === stackId;
}
