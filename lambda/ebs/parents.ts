import { isOfStack } from './completion';
import { encryptionKeyOf, type WantedEncryption } from './encryption';
import type { ImportServices } from './services';
import type { SnapshotImportProperties } from '../../src/contract/snapshot-import';
import type { TransferParent } from '../../src/contract/transfer';
import { saidBy } from '../shared/errors';
import { log } from '../shared/log';
import { boolean } from '../shared/property-values';
import type { CreateContext } from '../shared/resource-lifecycle';
import { isPostponed } from '../shared/retry';
import { recordedBlocks } from '../transfer/bucket/recorded-digests';
import { isCondemned } from '../transfer/parent/use';
import type { Snapshot } from '../transfer/snapshot/snapshots';

/** The properties of the new snapshot that its parent has to fit. */
interface Wanted extends WantedEncryption {
  /** GiB. */
  readonly volumeSize: number;
}

/** Finds the snapshot that a new one can be an increment of. */
export class Parents {
  constructor(private readonly aws: Pick<ImportServices, 'snapshots' | 'starter' | 'store'>) {}

  /**
   * Returns the parent that the user named, and throws if it does not fit. Without one, returns the snapshot that is being replaced
   * if it fits. undefined: all blocks have to be put, which is always right.
   */
  public async choose(
    properties: SnapshotImportProperties, context: CreateContext<SnapshotImportProperties>, wanted: Wanted,
  ): Promise<TransferParent | undefined> {
    if (properties.ParentSnapshotId !== undefined) { return this.named(properties.ParentSnapshotId, properties, wanted); }
    const { old, oldId } = context;
    if (!old || oldId === undefined) { return undefined; }
    const parent = await this.replaced(oldId, properties, context, wanted).catch(error => {
      if (isPostponed(error)) { throw error; }
      return saidBy(error);
    });
    if (typeof parent !== 'string') { return parent; }
    log({ event: 'full import', because: parent, instead: oldId });
    return undefined;
  }

  private async named(id: string, { ZeroBlocks }: SnapshotImportProperties, wanted: Wanted): Promise<TransferParent> {
    if (ZeroBlocks === 'OMIT') { throw new Error(`'zeroBlocks' is OMIT, but blocks that are left out on top of parent ${id} would read as the parent's; set 'zeroBlocks' to WRITE`); }
    const parent = await this.aws.snapshots.find(id);
    if (!parent) { throw new Error(`parent ${id} does not exist, or may not be used by this account`); }
    if (isCondemned(parent)) { throw new Error(`parent ${id} is being deleted`); }
    if (parent.state !== 'completed') { throw new Error(`parent ${id} cannot be used: it is ${parent.state}, not completed`); }
    if (parent.volumeSize > wanted.volumeSize) {
      throw new Error(`'volumeSize' is ${wanted.volumeSize} GiB, but parent ${id} has ${parent.volumeSize} GiB; set 'volumeSize' to at least as much`);
    }
    if (wanted.kmsKeyArn !== undefined && wanted.kmsKeyArn !== parent.kmsKeyArn) {
      throw new Error(`'kmsKey' is ${wanted.kmsKeyArn}, but parent ${id} is ${encryptionOf(parent)}, and a snapshot has the encryption of its parent; `
        + 'give the parent\'s key, or copy the parent with the other one');
    }
    if (wanted.encrypted && !parent.encrypted) {
      throw new Error(`'encrypted' is true, but parent ${id} is not encrypted, and a snapshot has the encryption of its parent; copy the parent into an encrypted one`);
    }
    const recorded = await recordedBlocks(this.aws.store, id);
    if (typeof recorded !== 'string') { return { snapshotId: id }; }
    log({ event: 'reading the parent', snapshotId: id, because: recorded });
    return { snapshotId: id, readGiB: parent.volumeSize };
  }

  /** Returns a string, the reason, if the replaced snapshot cannot be the parent. */
  private async replaced(
    id: string, { Incremental, ZeroBlocks }: SnapshotImportProperties, { stackId }: CreateContext<SnapshotImportProperties>, wanted: Wanted,
  ): Promise<TransferParent | string> {
    if (Incremental !== undefined && !boolean('incremental', Incremental)) { return '\'incremental\' is false'; }
    if (ZeroBlocks === 'OMIT') { return '\'zeroBlocks\' is OMIT'; }
    const parent = await this.aws.snapshots.find(id);
    if (!parent) { return 'it no longer exists'; }
    if (!isOfStack(stackId, parent)) { return 'it is not of this stack'; }
    if (isCondemned(parent)) { return 'it is being deleted'; }
    if (parent.state !== 'completed') { return `it is ${parent.state}`; }
    if (parent.volumeSize > wanted.volumeSize) { return `it has ${parent.volumeSize} GiB, which is more than ${wanted.volumeSize}`; }
    const key = await encryptionKeyOf(this.aws, wanted);
    if (parent.kmsKeyArn !== key) { return `it is ${encryptionOf(parent)}, and the new one ${encryptionOf({ encrypted: key !== undefined, kmsKeyArn: key })}`; }
    const recorded = await recordedBlocks(this.aws.store, id);
    return typeof recorded === 'string' ? recorded : { snapshotId: id };
  }
}

function encryptionOf({ encrypted, kmsKeyArn }: Pick<Snapshot, 'encrypted' | 'kmsKeyArn'>): string {
  return encrypted ? `encrypted with ${kmsKeyArn}` : 'not encrypted';
}
