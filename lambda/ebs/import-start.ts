import { refuseUnshareable, type WantedEncryption } from './encryption';
import { requestDigest } from './idempotency';
import { waitsForCompletion } from './limits/deadlines';
import { limitsOf, refuseLate, refuseLongStream, volumeSizeFor } from './limits/import-limits';
import { integrityOf, refuseUnverifiable } from './limits/integrity';
import { openImage } from './open-image';
import { Parents } from './parents';
import { refuseUnregistrable } from './registration';
import type { ImportServices } from './services';
import { ParentRefused, type NewSnapshot, type StartedSnapshot } from './snapshot-starter';
import { OWNERSHIP_TAGS, PARENT_TAG } from '../../src/contract/ownership';
import type { SnapshotImportProperties } from '../../src/contract/snapshot-import';
import type { PinnedSource, TransferParent } from '../../src/contract/transfer';
import { log } from '../shared/log';
import { ownershipTags } from '../shared/ownership';
import { boolean } from '../shared/property-values';
import type { CreateContext } from '../shared/resource-lifecycle';
import { stateTag } from '../shared/state-tag';
import { GIB } from '../transfer/blocks/sizes';
import { diskSizeOf } from '../transfer/bucket/plan';
import { nameOfImage } from '../transfer/image/object';
import { parentOf } from '../transfer/parent/use';

/** An import whose snapshot was started, and that is not filled yet. */
export interface StartedImport extends StartedSnapshot {
  readonly image: PinnedSource;
  /** Absent: all blocks are put. */
  readonly parent?: TransferParent;
}

/** The decisions about a snapshot before it is started, except for its parent. */
interface ImportRequest extends WantedEncryption {
  readonly properties: SnapshotImportProperties;
  readonly context: CreateContext<SnapshotImportProperties>;
  readonly image: PinnedSource;
  /** GiB. */
  readonly volumeSize: number;
}

/** Begins imports: refuses what cannot succeed, chooses the parent, and starts the snapshot. */
export class ImportStart {
  private readonly parents: Parents;

  constructor(private readonly aws: Pick<ImportServices, 'source' | 'starter' | 'snapshots' | 'store' | 'images'>) {
    this.parents = new Parents(aws);
  }

  /** Starts the snapshot. Called again with the same request, it returns the snapshot that it started before. */
  public async start(properties: SnapshotImportProperties, context: CreateContext<SnapshotImportProperties>): Promise<StartedImport> {
    const request = await this.check(properties, context);
    const parent = await this.parents.choose(properties, context, request);
    await refuseUnshareable(this.aws, properties, request);
    await refuseUnregistrable(this.aws, properties.Registrations ?? [], request.volumeSize, context);
    const snapshot = await this.startWithFallback(request, parent) ?? await this.startedBefore(request, parent);
    return { ...snapshot, image: request.image };
  }

  private async check(properties: SnapshotImportProperties, context: CreateContext<SnapshotImportProperties>): Promise<ImportRequest> {
    const integrity = integrityOf(properties);
    const image = await openImage(this.aws.source, properties, context);
    const volumeSize = volumeSizeFor(image, properties.VolumeSize);
    refuseLongStream(image, limitsOf(properties), integrity);
    const { Encrypted, KmsKeyId } = properties;
    const encrypted = Encrypted !== undefined && boolean('encrypted', Encrypted);
    const kmsKeyArn = KmsKeyId === undefined ? undefined : await this.aws.starter.keyArn(KmsKeyId);
    return { properties, context, image, volumeSize, encrypted, kmsKeyArn };
  }

  /** Starts a full snapshot if EBS refuses a parent that the user did not name. undefined: see `SnapshotStarter.start`. */
  private async startWithFallback(request: ImportRequest, parent: TransferParent | undefined) {
    const { properties, context } = request;
    try {
      return await this.startSnapshot(request, parent, requestDigest(context));
    } catch (error) {
      if (!(error instanceof ParentRefused) || properties.ParentSnapshotId !== undefined) { throw error; }
      log({ event: 'full import', because: error.message, instead: parent?.snapshotId });
      // Another token, because AWS does not document whether a refused call uses up its token.
      return this.startSnapshot(request, undefined, requestDigest(context, 'without parent'));
    }
  }

  private async startSnapshot(request: ImportRequest, parent: TransferParent | undefined, token: string) {
    const { properties, image } = request;
    if (waitsForCompletion(properties)) {
      const integrity = { ...integrityOf(properties), increment: parent !== undefined };
      refuseLate(image, limitsOf(properties), integrity);
      refuseUnverifiable(image, integrity);
    }
    const started = await this.aws.starter.start(newSnapshot(request, parent, token));
    return started && { ...started, parent };
  }

  /**
   * Returns the snapshot that the first delivery of this event started with other parameters, because the image or its parent was
   * another one then. Throws unless the image that is current now fits into that snapshot.
   */
  private async startedBefore({ image, context: { stackId, requestId } }: ImportRequest, parent: TransferParent | undefined) {
    const [first] = await this.aws.snapshots.findExisting({ [OWNERSHIP_TAGS.stackId]: stackId, [OWNERSHIP_TAGS.requestId]: requestId });
    const firstParent = first && parentOf(first);
    if (!first || diskSizeOf(image) > first.volumeSize * GIB || (firstParent !== undefined && firstParent !== parent?.snapshotId)) {
      throw new Error(`${nameOfImage(image)} was replaced while its import was being started; deploy again when it stays as it is`);
    }
    return { ...first, parent: firstParent === undefined ? undefined : parent };
  }
}

function newSnapshot(
  { properties, context, volumeSize, encrypted, kmsKeyArn }: ImportRequest, parent: TransferParent | undefined, token: string,
): NewSnapshot {
  const { Description, Tags = [] } = properties;
  return {
    token,
    volumeSize,
    description: Description,
    tags: [
      ...Tags.map(({ Key, Value }) => ({ Key, Value })),
      ...ownershipTags(properties, context),
      stateTag('creating'),
      ...parent ? [{ Key: PARENT_TAG, Value: parent.snapshotId }] : [],
    ],
    encrypted,
    kmsKeyArn,
    parentId: parent?.snapshotId,
    background: !waitsForCompletion(properties),
  };
}
