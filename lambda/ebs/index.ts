import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { EBSClient } from '@aws-sdk/client-ebs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { KMSClient } from '@aws-sdk/client-kms';
import { SFNClient } from '@aws-sdk/client-sfn';
import { MachineImageLifecycle } from './machine-image';
import { ebsServices, exportServices } from './services';
import { SnapshotExportLifecycle } from './snapshot-export';
import { SnapshotImportLifecycle } from './snapshot-import';
import type { EbsResourceType } from '../../src/contract/resource-types';
import { clientConfig } from '../shared/client-config';
import { once, variable } from '../shared/environment';
import { handlersOf, type Handlers, type ProviderEvent } from '../shared/resource-lifecycle';

const handlers = once(makeHandlers);

/** By the type of the resource; each is made when it is first needed, for its variables may be missing where there is none. */
export function makeHandlers(): Handlers {
  const config = clientConfig();
  const clients = {
    cloudFormation: new CloudFormationClient(config),
    ebs: new EBSClient(config),
    ec2: new EC2Client(config),
    kms: new KMSClient(config),
    sfn: new SFNClient(config),
  };
  const services = ebsServices(clients);
  const options = { creationTimeoutSeconds: Number(variable('creationTimeout')) };
  const byType: Record<string, () => Handlers> = {
    'Custom::SnapshotImport': once(() => handlersOf(new SnapshotImportLifecycle(services), options)),
    'Custom::SnapshotExport': once(() => handlersOf(new SnapshotExportLifecycle(exportServices(clients)), options)),
    'Custom::MachineImage': once(() => handlersOf(new MachineImageLifecycle(services), options)),
  } satisfies Record<EbsResourceType, () => Handlers>;
  const handlersFor = ({ ResourceType }: ProviderEvent<any>): Handlers => {
    if (!Object.hasOwn(byType, ResourceType)) { throw new Error(`this handler knows ${Object.keys(byType).join(', ')}, and not ${ResourceType}`); }
    return byType[ResourceType]();
  };
  return { onEvent: async event => handlersFor(event).onEvent(event), isComplete: async event => handlersFor(event).isComplete(event) };
}

export const onEvent = (event: ProviderEvent<any>) => handlers().onEvent(event);
export const isComplete = (event: ProviderEvent<any>) => handlers().isComplete(event);
