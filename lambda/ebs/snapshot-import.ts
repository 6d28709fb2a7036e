import { createHash } from 'node:crypto';
import type { Executions } from './executions';
import { deadlineOf, limitsOf, refuseLate, refuseLongStream, volumeSizeFor, waits } from './image-limits';
import { integrityOf, refuseUnverifiable, zerosNeeded } from './integrity';
import type { SnapshotStarter, StartedSnapshot } from './snapshot-starter';
import { OWNERSHIP_TAGS } from '../../src/contract/ownership';
import type { SnapshotImportAttributes, SnapshotImportProperties } from '../../src/contract/snapshot-import';
import type { PinnedSource } from '../../src/contract/transfer';
import { saidBy } from '../shared/errors';
import { type Context, type Created, type Found, type Lifecycle } from '../shared/lifecycle';
import { log } from '../shared/log';
import { ownershipTags, tagChanges, valueOf } from '../shared/ownership';
import { boolean, integer } from '../shared/wire';
import { GIB } from '../transfer/blocks';
import { removeLeftovers } from '../transfer/leftovers';
import { diskSizeOf } from '../transfer/open-disk';
import { probe } from '../transfer/probe';
import { notCompleted, type Snapshot, type Snapshots } from '../transfer/snapshots';
import { nameOfImage, type Source } from '../transfer/source';
import type { TransferStore } from '../transfer/store';

export interface SnapshotImportServices {
  readonly source: Source;
  readonly starter: SnapshotStarter;
  readonly snapshots: Snapshots;
  readonly executions: Executions;
  readonly store: TransferStore;
}

/** What the creation learned: the image as it was then, and when that was. */
interface Memo {
  readonly source: PinnedSource;
  readonly encrypted: boolean;
  /** Milliseconds since 1970. */
  readonly started: number;
}

/** Value of the state tag until the snapshot is handed to CloudFormation, which knows nothing of one that was completed but not handed out. */
const CREATING = 'creating';

/** EC2 may learn of a snapshot later than EBS gave its id. */
const VISIBLE_AFTER_MILLISECONDS = 150_000;

export function snapshotImport(aws: SnapshotImportServices): Lifecycle<SnapshotImportProperties, SnapshotImportAttributes> {
  const { source, starter, snapshots, executions, store } = aws;

  async function create(properties: SnapshotImportProperties, context: Context): Promise<Created> {
    const { SourceBucket, SourceKey, SourceVersion, VolumeSize, Description, Encrypted, KmsKeyId, Tags = [] } = properties;
    const integrity = integrityOf(properties);
    const object = await source.pin({ bucket: SourceBucket, key: SourceKey, versionId: SourceVersion });
    const image = await probe(source, object, {
      format: properties.SourceFormat,
      containerAsRaw: properties.ContainerAsRaw !== undefined && boolean('containerAsRaw', properties.ContainerAsRaw),
      volumeSize: VolumeSize === undefined ? undefined : integer('volumeSize', VolumeSize),
    });
    const volumeSize = volumeSizeFor(image, VolumeSize);
    const limits = limitsOf(properties);
    refuseLongStream(image, limits, integrity);
    if (waits(properties)) {
      refuseLate(image, limits, integrity);
      refuseUnverifiable(image, integrity);
    }
    const snapshot = await starter.start({
      token: tokenOf(context),
      volumeSize,
      description: Description,
      tags: [
        ...Tags.map(({ Key, Value }) => ({ Key, Value })), ...ownershipTags(properties, context), { Key: OWNERSHIP_TAGS.state, Value: CREATING },
      ],
      encrypted: Encrypted !== undefined && boolean('encrypted', Encrypted),
      kmsKeyArn: KmsKeyId === undefined ? undefined : await starter.keyArn(KmsKeyId),
      sparse: integrity.zeroBlocks === 'OMIT',
      background: !waits(properties),
    }) ?? await startedBefore(image, context);
    const { id, encrypted } = snapshot;
    log({ event: 'snapshot started', snapshotId: id, image: nameOfImage(image), size: image.size, format: image.image?.format ?? 'RAW' });
    return { id, memo: JSON.stringify({ source: image, encrypted, started: Date.now() } satisfies Memo) };
  }

  /** The event was delivered a second time, and the image needs another size than it did the first time. */
  async function startedBefore(image: PinnedSource, { stackId, requestId }: Context): Promise<StartedSnapshot> {
    const [first] = await snapshots.findTagged({ [OWNERSHIP_TAGS.stackId]: stackId, [OWNERSHIP_TAGS.requestId]: requestId });
    if (!first || diskSizeOf(image) > first.volumeSize * GIB) {
      throw new Error(`${nameOfImage(image)} was replaced while its import was being started; deploy again when it stays as it is`);
    }
    return first;
  }

  /** The transfer failed, or will never succeed: nothing of it may stay. */
  async function fail(id: string, reason: string): Promise<never> {
    try {
      await executions.stop(id);
      await removeLeftovers(aws, id);
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
      ...integrityOf(properties),
      ...limitsOf(properties),
      deadline: deadlineOf(made.source, properties, made.started),
    });
  }

  async function setTags({ id, tags }: Snapshot, wanted: SnapshotImportProperties, old: SnapshotImportProperties | undefined): Promise<void> {
    const { set, remove } = tagChanges(tags, wanted.Tags ?? [], old?.Tags);
    await snapshots.untag(id, remove);
    await snapshots.tag(id, set);
    // Last: from now on only CloudFormation decides what becomes of it.
    await snapshots.untag(id, valueOf(tags, OWNERSHIP_TAGS.state) === CREATING ? [OWNERSHIP_TAGS.state] : []);
  }

  return {
    identity: ['SourceBucket', 'SourceKey', 'SourceVersion', 'SourceRevision', 'SourceFormat', 'ContainerAsRaw', 'VolumeSize', 'Description', 'Encrypted', 'KmsKeyId', 'ZeroBlocks'],
    defaults: { SourceFormat: 'AUTO', ContainerAsRaw: 'false', Description: '', Encrypted: 'false', ZeroBlocks: 'WRITE' },
    physicalId: /^snap-[0-9a-f]{8,40}$/,
    several: true,

    create,

    async ready(id, properties, { memo, old }) {
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
      await setTags(snapshot, properties, old);
      return { SnapshotId: id, VolumeSize: `${snapshot.volumeSize}` };
    },

    async delete(id, { RemovalPolicy }, { stackId }) {
      const snapshot = await snapshots.find(id);
      if (snapshot && !isOf(stackId, snapshot)) { return log({ event: 'left a snapshot alone that is not of this stack', snapshotId: id }); }
      if (snapshot?.state === 'completed' && isHandedOut(snapshot) && RemovalPolicy === 'Retain') {
        throw new Error(`snapshot ${id} is not deleted, for its removalPolicy is RETAIN; CloudFormation should not have asked for it`);
      }
      await executions.stop(id);
      if (snapshot) { await snapshots.delete(id); }
      await store.remove(id);
    },

    async gone(id, _properties, { stackId }) {
      const snapshot = await snapshots.find(id);
      return snapshot === undefined || !isOf(stackId, snapshot);
    },

    async find(_candidates, { stackId, logicalId }) {
      const all = await snapshots.findTagged({ [OWNERSHIP_TAGS.stackId]: stackId, [OWNERSHIP_TAGS.logicalId]: logicalId });
      // In the Recycle Bin: neither there nor gone.
      const living = all.filter(({ state }) => ['completed', 'pending', 'error'].includes(state));
      return Promise.all(living.map(async (snapshot): Promise<Found> => {
        const { id, state, tags } = snapshot;
        // One that nobody waits for is handed out while it is being filled.
        const usable = isHandedOut(snapshot)
          && (state === 'completed' || (state === 'pending' && (await executions.find(id))?.status === 'RUNNING'));
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
  return { SnapshotId: id, VolumeSize: `${VolumeSize ?? 0}` };
}

/** From the request, never from the content: a token used before may name a dead snapshot. */
function tokenOf({ stackId, logicalId, requestId }: Context): string {
  return createHash('sha256').update(JSON.stringify([stackId, logicalId, requestId])).digest('hex');
}

function isHandedOut({ tags }: Snapshot): boolean {
  return valueOf(tags, OWNERSHIP_TAGS.state) !== CREATING;
}

function isOf(stackId: string, { tags }: Snapshot): boolean {
  return valueOf(tags, OWNERSHIP_TAGS.stackId) === stackId;
}
