import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { EC2Client } from '@aws-sdk/client-ec2';
import { EFSClient } from '@aws-sdk/client-efs';
import { KMSClient } from '@aws-sdk/client-kms';
import { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { backupPolicy } from './backup-policy';
import { fileSystem } from './file-system';
import { fileSystemLookup } from './file-system-lookup';
import { fileSystemPolicy } from './file-system-policy';
import { lifecycleConfiguration } from './lifecycle-configuration';
import { mountTargets } from './mount-targets';
import { replicationConfiguration } from './replication-configuration';
import { tagSet } from './tag-set';
import { TRANSFER_ENVIRONMENT } from '../../src/contract/transfer';
import { clientConfig } from '../shared/client-config';
import { handlersOf, type Handlers, type IsCompleteResult, type OnEventResult, type ProviderEvent } from '../shared/lifecycle';
import { integer } from '../shared/wire';

const config = clientConfig();
const clients = {
  efs: new EFSClient(config),
  ec2: new EC2Client(config),
  kms: new KMSClient(config),
  cloudFormation: new CloudFormationClient(config),
  tagging: new ResourceGroupsTaggingAPIClient(config),
  scheduler: new SchedulerClient(config),
  efsIn: (region: string) => new EFSClient({ ...config, region }),
};
const options = {
  creationTimeoutSeconds: integer(TRANSFER_ENVIRONMENT.creationTimeout, process.env[TRANSFER_ENVIRONMENT.creationTimeout] ?? ''),
};

const HANDLERS: Record<string, Handlers> = {
  'Custom::FileSystem': handlersOf(fileSystem(clients), options),
  'Custom::FileSystemLookup': handlersOf(fileSystemLookup(clients), options),
  'Custom::MountTargets': handlersOf(mountTargets(clients), options),
  'Custom::TagSet': handlersOf(tagSet(clients), options),
  'Custom::FileSystemPolicy': handlersOf(fileSystemPolicy(clients), options),
  'Custom::BackupPolicy': handlersOf(backupPolicy(clients), options),
  'Custom::LifecycleConfiguration': handlersOf(lifecycleConfiguration(clients), options),
  'Custom::ReplicationConfiguration': handlersOf(replicationConfiguration(clients), options),
};

export const onEvent = async (event: ProviderEvent<any>): Promise<OnEventResult> => handlersFor(event).onEvent(event);
export const isComplete = async (event: ProviderEvent<any>): Promise<IsCompleteResult> => handlersFor(event).isComplete(event);

function handlersFor({ ResourceType }: ProviderEvent<any>): Handlers {
  if (!Object.hasOwn(HANDLERS, ResourceType)) {
    throw new Error(`this handler knows ${Object.keys(HANDLERS).join(', ')}, and not ${ResourceType}`);
  }
  return HANDLERS[ResourceType];
}
