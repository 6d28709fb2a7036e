import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { EC2Client } from '@aws-sdk/client-ec2';
import { EFSClient } from '@aws-sdk/client-efs';
import { KMSClient } from '@aws-sdk/client-kms';
import { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { efsLifecycles } from './handlers';
import { clientConfig } from '../shared/client-config';
import { creationTimeoutSeconds } from '../shared/environment';
import { handlersOf } from '../shared/event-handlers';
import { Stacks } from '../shared/stacks';

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

export const { onEvent, isComplete } = handlersOf(efsLifecycles(clients), {
  creationTimeoutSeconds: creationTimeoutSeconds(), stacks: new Stacks(clients.cloudFormation),
});
