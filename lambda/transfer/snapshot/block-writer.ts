import { CompleteSnapshotCommand, type EBSClient } from '@aws-sdk/client-ebs';
import { BlockPuts } from './block-puts';
import { explainEbs, isNotYetVisible, isTransient } from './errors';
import { isNamed } from '../../shared/errors';
import { isThrottle, RETRY_POLICIES, retrying } from '../../shared/retry';
import type { Pacer } from '../flow/pacer';

export interface PutOptions {
  /** Ends the retries if it returns true; transient errors (see `isTransient`) are then thrown as they are. */
  readonly giveUp?: () => boolean;
  /** Called before and after every attempt. */
  readonly pacer?: Pacer;
  readonly onRetry?: (error: unknown) => void;
  /** Part of the image that is copied, in percent. */
  readonly progress?: number;
}

/** Puts blocks into pending snapshots, and completes them. */
export class BlockWriter {
  private readonly puts: BlockPuts;

  constructor(private readonly ebs: EBSClient) {
    this.puts = new BlockPuts(ebs);
  }

  public async put(
    snapshotId: string, index: number, block: Uint8Array, digest: Buffer, { giveUp, pacer, onRetry, progress }: PutOptions = {},
  ): Promise<void> {
    const attempt = async () => {
      await pacer?.acquire();
      try {
        const taken = await this.puts.put({ snapshotId, index, block, digest, progress });
        pacer?.succeeded();
        return taken;
      } catch (error) {
        if (isThrottle(error)) { pacer?.throttled(); }
        throw error;
      }
    };
    let taken;
    try {
      taken = await retrying(attempt, { policy: RETRY_POLICIES.SNAPSHOT_VISIBILITY, retryIf: isTransient, what: `put block ${index}`, giveUp, onRetry });
    } catch (error) {
      throw giveUp?.() && isTransient(error) ? error : explainEbs(error, 'PutSnapshotBlock', `block ${index} of snapshot ${snapshotId}`);
    }
    const checksum = digest.toString('base64');
    if (taken !== checksum) {
      throw new Error(`EBS took block ${index} of snapshot ${snapshotId} with checksum ${taken} where ${checksum} was sent`);
    }
  }

  /**
   * Completes a snapshot. EBS checks count and checksum later, so an error shows only in the snapshot's state.
   * @param repeated Whether another caller may have completed it. A refusal may then only mean that it succeeded, which the state shows too.
   */
  public async complete(snapshotId: string, blocks: number, linearChecksum: string, repeated: () => Promise<boolean>): Promise<void> {
    const command = new CompleteSnapshotCommand({
      SnapshotId: snapshotId,
      ChangedBlocksCount: blocks,
      // The checksum of no blocks is not documented, and it may be left out.
      ...(blocks > 0 && { Checksum: linearChecksum, ChecksumAlgorithm: 'SHA256', ChecksumAggregationMethod: 'LINEAR' }),
    });
    let tries = 0;
    try {
      await retrying(() => {
        tries++;
        return this.ebs.send(command);
      }, { policy: RETRY_POLICIES.SNAPSHOT_VISIBILITY, retryIf: isNotYetVisible, what: 'complete snapshot' });
    } catch (error) {
      if (isNamed(error, 'ValidationException', 'ConflictException') && (tries > 1 || await repeated())) { return; }
      throw explainEbs(error, 'CompleteSnapshot', `snapshot ${snapshotId}`);
    }
  }
}
