import { EC2Client } from '@aws-sdk/client-ec2';
import type { SnapshotInput, TransferInput } from '../../src/contract/transfer';
import { clientConfig } from '../shared/client-config';
import { once, s3Things } from './environment';
import { removeLeftovers } from './leftovers';
import { Snapshots } from './snapshots';

/** What EventBridge tells when an execution failed, timed out or was stopped. */
export interface ExecutionEnded {
  readonly detail: {
    /** The execution's input, as JSON. */
    readonly input: string;
  };
}

const services = once(() => ({ snapshots: new Snapshots(new EC2Client(clientConfig())), store: s3Things().store }));

export const handler = (input: ExecutionEnded | SnapshotInput): Promise<void> => removeLeftovers(services(), snapshotIdOf(input));

export function snapshotIdOf(input: ExecutionEnded | SnapshotInput): string {
  return 'detail' in input ? (JSON.parse(input.detail.input) as TransferInput).snapshotId : input.snapshotId;
}
