import { EC2Client } from '@aws-sdk/client-ec2';
import { once } from './environment';
import { notCompleted, Snapshots } from './snapshots';
import type { SettleResult, SnapshotInput } from '../../src/contract/transfer';
import { clientConfig } from '../shared/client-config';

const snapshots = once(() => new Snapshots(new EC2Client(clientConfig())));

export const handler = (input: SnapshotInput): Promise<SettleResult> => settle(snapshots(), input);

/** Whether EBS has completed the snapshot. */
export async function settle(all: Snapshots, { snapshotId }: SnapshotInput): Promise<SettleResult> {
  const snapshot = await all.find(snapshotId);
  if (!snapshot) { throw new Error(`snapshot ${snapshotId} was deleted while EBS completed it`); }
  if (snapshot.state === 'error') { throw new Error(notCompleted(snapshot)); }
  return { completed: snapshot.state === 'completed' };
}
