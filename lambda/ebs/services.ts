import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { EBSClient } from '@aws-sdk/client-ebs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { KMSClient } from '@aws-sdk/client-kms';
import { SFNClient } from '@aws-sdk/client-sfn';
import { Executions } from './executions';
import { Images } from './images';
import { KeptSnapshots } from './kept-snapshots';
import { SnapshotSharing } from './snapshot-sharing';
import { SnapshotStarter } from './snapshot-starter';
import { TRANSFER_ENVIRONMENT, type TransferPlace } from '../../src/contract/transfer';
import { clientConfig } from '../shared/client-config';
import { Stacks } from '../shared/stacks';
import type { TransferStore } from '../transfer/bucket/store';
import { exportClients } from '../transfer/export/clients';
import type { ExportStore } from '../transfer/export/store';
import type { ExportTarget } from '../transfer/export/target';
import type { Source } from '../transfer/image/object';
import { importClients } from '../transfer/import/clients';
import { Snapshots } from '../transfer/snapshot/snapshots';

export interface EbsClients {
  readonly cloudFormation: CloudFormationClient;
  readonly ebs: EBSClient;
  readonly ec2: EC2Client;
  readonly kms: KMSClient;
  readonly sfn: SFNClient;
}

/** Returns clients of this process's account. */
export function ebsClients(): EbsClients {
  const config = clientConfig();
  return {
    cloudFormation: new CloudFormationClient(config),
    ebs: new EBSClient(config),
    ec2: new EC2Client(config),
    kms: new KMSClient(config),
    sfn: new SFNClient(config),
  };
}

/** The services that machine images use. */
export interface ImageServices {
  readonly images: Images;
  readonly kept: KeptSnapshots;
  readonly stacks: Stacks;
  /** Where it is recorded what this stack has made. Absent in a stack that has neither imports nor exports nor images that keep predecessors. */
  readonly store?: TransferStore;
}

/** The services that imports use. */
export interface ImportServices extends ImageServices {
  readonly source: Source;
  readonly store: TransferStore;
  readonly starter: SnapshotStarter;
  readonly snapshots: Snapshots;
  readonly sharing: SnapshotSharing;
  /** Executions of the state machine of imports. */
  readonly executions: Executions;
}

/** The services that exports use. */
export interface ExportServices {
  readonly store: ExportStore;
  readonly target: ExportTarget;
  readonly snapshots: Snapshots;
  /** Executions of the state machine of exports. */
  readonly executions: Executions;
  readonly stacks: Stacks;
}

/** In a stack without imports and exports there is no transfer bucket, and so nothing that is recorded of snapshots. */
export function imageServices(clients: EbsClients): ImageServices {
  const bucket = process.env[TRANSFER_ENVIRONMENT.bucket];
  return imageServicesWith(clients, bucket === undefined ? undefined : importClients(undefined, bucket).store);
}

export function importServices(clients: EbsClients, { TransferBucket, StateMachineArn }: TransferPlace): ImportServices {
  const { ebs, ec2, kms, sfn } = clients;
  const { source, store } = importClients(undefined, TransferBucket);
  const snapshots = new Snapshots(ec2);
  return {
    ...imageServicesWith(clients, store),
    source,
    store,
    starter: new SnapshotStarter(ebs, kms, snapshots),
    snapshots,
    sharing: new SnapshotSharing(ec2),
    executions: new Executions(sfn, StateMachineArn),
  };
}

export function exportServices({ cloudFormation, ec2, sfn }: EbsClients, { TransferBucket, StateMachineArn }: TransferPlace): ExportServices {
  return {
    ...exportClients(TransferBucket),
    snapshots: new Snapshots(ec2),
    executions: new Executions(sfn, StateMachineArn),
    stacks: new Stacks(cloudFormation),
  };
}

function imageServicesWith({ cloudFormation, ec2 }: EbsClients, store: TransferStore | undefined): ImageServices {
  const images = new Images(ec2);
  const stacks = new Stacks(cloudFormation);
  return { images, kept: new KeptSnapshots({ images, snapshots: new Snapshots(ec2), stacks, store }), stacks, store };
}
