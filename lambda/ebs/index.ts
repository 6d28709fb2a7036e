import { EBSClient } from '@aws-sdk/client-ebs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { KMSClient } from '@aws-sdk/client-kms';
import { SFNClient } from '@aws-sdk/client-sfn';
import { Executions } from './executions';
import { snapshotExport } from './snapshot-export';
import { snapshotImport } from './snapshot-import';
import { SnapshotStarter } from './snapshot-starter';
import { clientConfig } from '../shared/client-config';
import { handlersOf, type Handlers, type ProviderEvent } from '../shared/lifecycle';
import { once, variable } from '../transfer/environment';
import { exportThings } from '../transfer/export-things';
import { s3Things } from '../transfer/s3-things';
import { Snapshots } from '../transfer/snapshots';

const handlers = once(makeHandlers);

/** By the type of the resource; each is made when it is first needed, for its variables may be missing where there is none. */
export function makeHandlers(): Handlers {
  const config = clientConfig();
  const options = { creationTimeoutSeconds: Number(variable('creationTimeout')) };
  const snapshots = new Snapshots(new EC2Client(config));
  const sfn = new SFNClient(config);
  const known: Record<string, () => Handlers> = {
    'Custom::SnapshotImport': once(() => handlersOf(snapshotImport({
      ...s3Things(),
      starter: new SnapshotStarter(new EBSClient(config), new KMSClient(config)),
      snapshots,
      executions: new Executions(sfn, variable('stateMachineArn')),
    }), options)),
    'Custom::SnapshotExport': once(() => handlersOf(snapshotExport({
      ...exportThings(), snapshots, executions: new Executions(sfn, variable('exportStateMachineArn')),
    }), options)),
  };
  const handlersFor = ({ ResourceType }: ProviderEvent<any>): Handlers => {
    if (!Object.hasOwn(known, ResourceType)) { throw new Error(`this handler knows ${Object.keys(known).join(', ')}, and not ${ResourceType}`); }
    return known[ResourceType]();
  };
  return {
    onEvent: async event => handlersFor(event).onEvent(event),
    isComplete: async event => handlersFor(event).isComplete(event),
  };
}

export const onEvent = (event: ProviderEvent<any>) => handlers().onEvent(event);
export const isComplete = (event: ProviderEvent<any>) => handlers().isComplete(event);
