import { EBSClient } from '@aws-sdk/client-ebs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { KMSClient } from '@aws-sdk/client-kms';
import { SFNClient } from '@aws-sdk/client-sfn';
import { Executions } from './executions';
import { snapshotImport } from './snapshot-import';
import { SnapshotStarter } from './snapshot-starter';
import { clientConfig } from '../shared/client-config';
import { handlersOf, type Handlers, type ProviderEvent } from '../shared/lifecycle';
import { once, variable } from '../transfer/environment';
import { s3Things } from '../transfer/s3-things';
import { Snapshots } from '../transfer/snapshots';

const handlers = once(makeHandlers);

export function makeHandlers(): Handlers {
  const config = clientConfig();
  const services = {
    ...s3Things(),
    starter: new SnapshotStarter(new EBSClient(config), new KMSClient(config)),
    snapshots: new Snapshots(new EC2Client(config)),
    executions: new Executions(new SFNClient(config), variable('stateMachineArn')),
  };
  return handlersOf(snapshotImport(services), { creationTimeoutSeconds: Number(variable('creationTimeout')) });
}

export const onEvent = (event: ProviderEvent<any>) => handlers().onEvent(event);
export const isComplete = (event: ProviderEvent<any>) => handlers().isComplete(event);
