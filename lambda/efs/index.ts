import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { EC2Client } from '@aws-sdk/client-ec2';
import { EFSClient } from '@aws-sdk/client-efs';
import { KMSClient } from '@aws-sdk/client-kms';
import { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { makeHandlers } from './handlers';
import { TRANSFER_ENVIRONMENT } from '../../src/contract/transfer';
import { clientConfig } from '../shared/client-config';
import { integer } from '../shared/property-values';
import type { Handlers, IsCompleteResult, OnEventResult, ProviderEvent } from '../shared/resource-lifecycle';

const config = clientConfig();
const HANDLERS: Record<string, Handlers> = makeHandlers({
  efs: new EFSClient(config),
  ec2: new EC2Client(config),
  kms: new KMSClient(config),
  cloudFormation: new CloudFormationClient(config),
  tagging: new ResourceGroupsTaggingAPIClient(config),
  scheduler: new SchedulerClient(config),
  efsIn: (region: string) => new EFSClient({ ...config, region }),
}, { creationTimeoutSeconds: integer(TRANSFER_ENVIRONMENT.creationTimeout, process.env[TRANSFER_ENVIRONMENT.creationTimeout] ?? '') });

export const onEvent = async (event: ProviderEvent<any>): Promise<OnEventResult> => handlersFor(event).onEvent(event);
export const isComplete = async (event: ProviderEvent<any>): Promise<IsCompleteResult> => handlersFor(event).isComplete(event);

function handlersFor({ ResourceType }: ProviderEvent<any>): Handlers {
  if (!Object.hasOwn(HANDLERS, ResourceType)) {
    throw new Error(`this handler knows ${Object.keys(HANDLERS).join(', ')}, and not ${ResourceType}`);
  }
  return HANDLERS[ResourceType];
}
