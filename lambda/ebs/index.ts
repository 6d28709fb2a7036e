import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { EBSClient } from '@aws-sdk/client-ebs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { KMSClient } from '@aws-sdk/client-kms';
import { SFNClient } from '@aws-sdk/client-sfn';
import { ebsLifecycles } from './handlers';
import { clientConfig } from '../shared/client-config';
import { creationTimeoutSeconds } from '../shared/environment';
import { handlersOf } from '../shared/event-handlers';
import { Stacks } from '../shared/stacks';

const config = clientConfig();
const clients = {
  cloudFormation: new CloudFormationClient(config),
  ebs: new EBSClient(config),
  ec2: new EC2Client(config),
  kms: new KMSClient(config),
  sfn: new SFNClient(config),
};

export const { onEvent, isComplete } = handlersOf(ebsLifecycles(clients), {
  creationTimeoutSeconds: creationTimeoutSeconds(), stacks: new Stacks(clients.cloudFormation),
});
