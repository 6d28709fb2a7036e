import { EBSClient } from '@aws-sdk/client-ebs';
import { BlockWriter } from './block-writer';
import { rangeOf, rangesOf } from './blocks';
import { DIGEST_SIZE, Digests, LinearChecksum } from './checksum';
import { once } from './environment';
import { s3Things } from './s3-things';
import type { Source } from './source';
import type { TransferStore } from './store';
import { digestsOfWritten } from './zero';
import type { SnapshotInput } from '../../src/contract/transfer';
import { clientConfig } from '../shared/client-config';
import { log } from '../shared/log';

export interface SealServices {
  readonly source: Source;
  readonly store: TransferStore;
  readonly writer: BlockWriter;
}

const services = once((): SealServices => ({ ...s3Things(), writer: new BlockWriter(new EBSClient(clientConfig())) }));

export const handler = (input: SnapshotInput): Promise<void> => seal(services(), input);

/** Completes the snapshot, if every block was put and the image is still what it was. */
export async function seal({ source, store, writer }: SealServices, { snapshotId }: SnapshotInput): Promise<void> {
  const plan = await store.plan(snapshotId);
  await source.verify(plan.source);

  const linear = new LinearChecksum();
  const all = new LinearChecksum();
  for (let n = 0; n < rangesOf(plan); n++) {
    const digests = await store.digests(snapshotId, n);
    const { count } = rangeOf(plan, n);
    if (digests?.length !== count * DIGEST_SIZE || new Digests(digests).missing().length > 0) {
      throw new Error(`range ${n} of snapshot ${snapshotId} was not copied completely; this is a fault of the import itself, please report it`);
    }
    // What was inherited was not put, so that EBS does not count it.
    const parent = plan.parent && await store.parentDigests(snapshotId, n);
    if (plan.parent && parent?.length !== digests.length) { throw new Error(`range ${n} of snapshot ${snapshotId} was compared with nothing; this is a fault of the import itself, please report it`); }
    linear.add(digestsOfWritten(digests, plan, parent));
    all.add(digests);
  }

  // From here on a repetition cannot tell whether the call before succeeded.
  const repeated = await store.manifest(snapshotId) !== undefined;
  const checksum = linear.base64();
  await store.saveManifest({ snapshotId, blocks: linear.count, checksum, digests: all.base64() });
  await writer.complete(snapshotId, linear.count, checksum, repeated);
  log({ event: 'sealed', snapshotId, blocks: linear.count, checksum });
}
