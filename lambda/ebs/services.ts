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
import { clientConfig } from '../shared/client-config';
import { variable } from '../shared/environment';
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

/** The services that imports and machine images use. */
export interface EbsServices {
  readonly source: Source;
  readonly store: TransferStore;
  readonly starter: SnapshotStarter;
  readonly snapshots: Snapshots;
  readonly sharing: SnapshotSharing;
  readonly images: Images;
  readonly kept: KeptSnapshots;
  /** Executions of the state machine of imports. */
  readonly executions: Executions;
  readonly stacks: Stacks;
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

export function ebsServices({ cloudFormation, ebs, ec2, kms, sfn }: EbsClients): EbsServices {
  const { source, store } = importClients();
  const [snapshots, images] = [new Snapshots(ec2), new Images(ec2)];
  return {
    source,
    store,
    starter: new SnapshotStarter(ebs, kms, snapshots),
    snapshots,
    sharing: new SnapshotSharing(ec2),
    images,
    kept: new KeptSnapshots({ images, snapshots, store }),
    executions: new Executions(sfn, variable('stateMachineArn')),
    stacks: new Stacks(cloudFormation),
  };
}

/** Throws if the stack has no export, because the variable with the ARN of the state machine is missing then. */
export function exportServices({ cloudFormation, ec2, sfn }: EbsClients): ExportServices {
  return {
    ...exportClients(),
    snapshots: new Snapshots(ec2),
    executions: new Executions(sfn, variable('exportStateMachineArn')),
    stacks: new Stacks(cloudFormation),
  };
}
