import { EBSClient } from '@aws-sdk/client-ebs';
import { importClients } from './clients';
import { hashObject } from './object-hash';
import { PUTS_AT_ONCE, RangeCopy, READS_AT_ONCE } from './range-copy';
import type { CopyInput, CopyResult } from '../../../src/contract/transfer';
import { clientConfig } from '../../shared/client-config';
import { once } from '../../shared/environment';
import { saidBy } from '../../shared/errors';
import { withPatience } from '../../shared/patience';
import { worker } from '../../shared/worker';
import { isOverdue, overdueReason, recordRefusals } from '../bucket/overdue';
import { HASH_ITEM, type Plan } from '../bucket/plan';
import { RangeRecord } from '../bucket/range-record';
import type { TransferStore } from '../bucket/store';
import { Shift, timeOf, type Deadline } from '../flow/shift';
import { DeltaReading } from '../image/delta';
import { knownDigests } from '../image/known-digests';
import type { Source } from '../image/object';
import { openDisk } from '../image/open-disk';
import { parentDigests } from '../parent/digests';
import { BlockReader } from '../snapshot/block-reader';
import { BlockWriter } from '../snapshot/block-writer';
import { isTransient } from '../snapshot/errors';

export interface CopyServices {
  readonly source: Source;
  readonly store: TransferStore;
  readonly writer: BlockWriter;
  /** Reader of parents that were not imported here. */
  readonly reader: BlockReader;
}

const services = once((): CopyServices => ({
  ...importClients({ connections: READS_AT_ONCE }),
  writer: new BlockWriter(new EBSClient(clientConfig({ connections: PUTS_AT_ONCE }))),
  reader: new BlockReader(new EBSClient(clientConfig())),
}));

export const handler = worker((input: CopyInput, context: Deadline) => copy(services(), input, context));

/** Copies one range, or computes the SHA-256 of the object, as far as there is time for. Does nothing if that is done already. */
export async function copy(aws: CopyServices, input: CopyInput, deadline: Deadline): Promise<CopyResult> {
  try {
    return await withPatience(timeOf(deadline), () => work(aws, input, deadline));
  } catch (error) {
    // Another worker that was given the same item may have finished it, so that EBS refuses blocks of the completed snapshot.
    if (await isDone(aws.store, input).catch(() => false)) { return { done: true }; }
    await aws.store.saveFailure(input.snapshotId, saidBy(error)).catch(() => {});
    throw error;
  }
}

async function work(aws: CopyServices, input: CopyInput, deadline: Deadline): Promise<CopyResult> {
  const { store } = aws;
  const { snapshotId, n } = input;
  if (await isDone(store, input)) { return { done: true }; }
  const plan = await store.plan(snapshotId);
  await recordRefusals(store, snapshotId, input);
  if (isOverdue(plan.deadline)) { throw new Error(await overdueReason(store, snapshotId, 'import')); }
  const shift = new Shift(deadline, isTransient);
  return n === HASH_ITEM ? hashObject(aws, snapshotId, plan.source, shift) : copyRange(aws, input, plan, shift);
}

async function isDone(store: TransferStore, { snapshotId, n }: CopyInput): Promise<boolean> {
  return (n === HASH_ITEM ? await store.sha256(snapshotId) : await store.digests(snapshotId, n)) !== undefined;
}

async function copyRange(aws: CopyServices, input: CopyInput, plan: Plan, shift: Shift): Promise<CopyResult> {
  const { source, store, writer } = aws;
  const { snapshotId, n } = input;
  const delta = await DeltaReading.open(source, plan.source);
  const record = RangeRecord.parse(plan, n, await store.progress(snapshotId, n));
  const parent = plan.parent && await parentDigests(aws, plan, input, shift);
  if (plan.parent && !parent) { return { done: false }; }
  const known = await knownDigests(source, plan, n, parent);
  const disk = await openDisk(source, plan.source, shift.giveUp, plan.streamChecksum);
  return new RangeCopy({ store, writer, input, plan, shift, record, parent, known, disk, delta }).run();
}
