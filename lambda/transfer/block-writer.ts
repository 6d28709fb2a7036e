import { CompleteSnapshotCommand, PutSnapshotBlockCommand, type EBSClient, type PutSnapshotBlockRequest } from '@aws-sdk/client-ebs';
import { BLOCK_SIZE } from './blocks';
import { explainEbs, isNotYetVisible, isPassingRefusal, VISIBILITY_SECONDS } from './ebs-errors';
import { isNamed } from '../shared/errors';
import { passesByItself, retrying } from '../shared/retry';

/** Puts blocks into pending snapshots, and completes them. */
export class BlockWriter {
  constructor(private readonly ebs: EBSClient) {
    // The signer hashes a payload unless this header is there. The digest is known already: it is the block's checksum.
    ebs.middlewareStack.add((next, context) => args => {
      if (context.commandName === 'PutSnapshotBlockCommand') {
        const { headers } = args.request as { headers: Record<string, string> };
        headers['x-amz-content-sha256'] = Buffer.from((args.input as PutSnapshotBlockRequest).Checksum!, 'base64').toString('hex');
      }
      return next(args);
    }, { step: 'build', name: 'payloadDigestIsChecksum', override: true });
  }

  /** Errors that may pass are thrown as they are when `giveUp` ended the retries; see `mayPass`. */
  public async put(snapshotId: string, index: number, block: Uint8Array, digest: Buffer, giveUp?: () => boolean): Promise<void> {
    const checksum = digest.toString('base64');
    const command = new PutSnapshotBlockCommand({
      SnapshotId: snapshotId, BlockIndex: index, BlockData: block, DataLength: BLOCK_SIZE, Checksum: checksum, ChecksumAlgorithm: 'SHA256',
    });
    let answer;
    try {
      answer = await retrying(() => this.ebs.send(command), { also: mayPass, seconds: VISIBILITY_SECONDS, what: `put block ${index}`, giveUp });
    } catch (error) {
      throw giveUp?.() && mayPass(error) ? error : explainEbs(error, 'PutSnapshotBlock', `block ${index} of snapshot ${snapshotId}`);
    }
    if (answer.Checksum !== checksum) {
      throw new Error(`EBS took block ${index} of snapshot ${snapshotId} with checksum ${answer.Checksum} where ${checksum} was sent`);
    }
  }

  /**
   * EBS checks count and checksum later: what is wrong shows only in the snapshot's state. `repeated`: it may
   * have been called before, so that a refusal may just mean that it succeeded then, which the state will show too.
   */
  public async complete(snapshotId: string, blocks: number, linearChecksum: string, repeated: boolean): Promise<void> {
    const command = new CompleteSnapshotCommand({
      SnapshotId: snapshotId,
      ChangedBlocksCount: blocks,
      Checksum: linearChecksum,
      ChecksumAlgorithm: 'SHA256',
      ChecksumAggregationMethod: 'LINEAR',
    });
    let tries = repeated ? 1 : 0;
    try {
      await retrying(() => {
        tries++;
        return this.ebs.send(command);
      }, { also: isNotYetVisible, seconds: VISIBILITY_SECONDS, what: 'complete snapshot' });
    } catch (error) {
      if (tries > 1 && isNamed(error, 'ValidationException', 'ConflictException')) { return; }
      throw explainEbs(error, 'CompleteSnapshot', `snapshot ${snapshotId}`);
    }
  }
}

/** Whether the same put may succeed a little later. */
export function mayPass(error: unknown): boolean {
  return passesByItself(error) || isNotYetVisible(error) || isPassingRefusal(error);
}
