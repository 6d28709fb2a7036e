import type { EventHandlers, ResourceEvent } from '../../../lambda/shared/resource-event';
import type { EbsResourceType } from '../../../src/contract/resource-types';
import type { TransferPlace } from '../../../src/contract/transfer';

/** The state machines of imports and exports, and their bucket. */
export interface Places {
  readonly bucket: string;
  readonly importMachine: string;
  readonly exportMachine: string;
}

/** Names the place in the properties of all events, as constructs do in templates. */
export function withPlaces(handlers: EventHandlers, { bucket, importMachine, exportMachine }: Places): EventHandlers {
  const places: Partial<Record<string, TransferPlace>> = {
    'Custom::SnapshotImport': { TransferBucket: bucket, StateMachineArn: importMachine },
    'Custom::SnapshotExport': { TransferBucket: bucket, StateMachineArn: exportMachine },
  } satisfies Partial<Record<EbsResourceType, TransferPlace>>;
  const placed = (event: ResourceEvent<any>) => ({ ...event, ResourceProperties: { ...event.ResourceProperties, ...places[event.ResourceType] } });
  return {
    direction: event => handlers.direction(event),
    act: event => handlers.act(placed(event)),
    poll: event => handlers.poll(placed(event)),
    leaveToken: (event, token) => handlers.leaveToken(placed(event), token),
  };
}
