import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { EBSClient } from '@aws-sdk/client-ebs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { KMSClient } from '@aws-sdk/client-kms';
import { SFNClient } from '@aws-sdk/client-sfn';
import { Executions } from './executions';
import { Images } from './images';
import { KeptSnapshots } from './kept-snapshots';
import { machineImage } from './machine-image';
import { snapshotExport } from './snapshot-export';
import { snapshotImport } from './snapshot-import';
import { SnapshotSharing } from './snapshot-sharing';
import { SnapshotStarter } from './snapshot-starter';
import { clientConfig } from '../shared/client-config';
import { once, variable } from '../shared/environment';
import { handlersOf, type Handlers, type ProviderEvent } from '../shared/resource-lifecycle';
import { Stacks } from '../shared/stacks';
import { exportThings } from '../transfer/export/clients';
import { importClients } from '../transfer/import/clients';
import { Snapshots } from '../transfer/snapshot/snapshots';

const handlers = once(makeHandlers);

/** By the type of the resource; each is made when it is first needed, for its variables may be missing where there is none. */
export function makeHandlers(): Handlers {
  const config = clientConfig();
  const ec2 = new EC2Client(config);
  const sfn = new SFNClient(config);
  const { source, store } = importClients();
  const things = { store, snapshots: new Snapshots(ec2), images: new Images(ec2) };
  const services = {
    ...things,
    source,
    starter: new SnapshotStarter(new EBSClient(config), new KMSClient(config)),
    executions: new Executions(sfn, variable('stateMachineArn')),
    sharing: new SnapshotSharing(ec2),
    kept: new KeptSnapshots(things),
    stacks: new Stacks(new CloudFormationClient(config)),
  };
  const options = { creationTimeoutSeconds: Number(variable('creationTimeout')) };
  const byType: Record<string, () => Handlers> = {
    'Custom::SnapshotImport': once(() => handlersOf(snapshotImport(services), options)),
    'Custom::SnapshotExport': once(() => handlersOf(snapshotExport({
      ...exportThings(), snapshots: things.snapshots, stacks: services.stacks, executions: new Executions(sfn, variable('exportStateMachineArn')),
    }), options)),
    'Custom::MachineImage': once(() => handlersOf(machineImage(services), options)),
  };
  const handlersFor = ({ ResourceType }: ProviderEvent<any>): Handlers => {
    if (!Object.hasOwn(byType, ResourceType)) { throw new Error(`this handler knows ${Object.keys(byType).join(', ')}, and not ${ResourceType}`); }
    return byType[ResourceType]();
  };
  return { onEvent: async event => handlersFor(event).onEvent(event), isComplete: async event => handlersFor(event).isComplete(event) };
}

export const onEvent = (event: ProviderEvent<any>) => handlers().onEvent(event);
export const isComplete = (event: ProviderEvent<any>) => handlers().isComplete(event);
