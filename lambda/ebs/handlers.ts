import { MachineImageLifecycle } from './machine-image';
import { exportServices, imageServices, importServices, type EbsClients } from './services';
import { SnapshotExportLifecycle } from './snapshot-export';
import { SnapshotImportLifecycle } from './snapshot-import';
import type { EbsResourceType } from '../../src/contract/resource-types';
import type { TransferPlace } from '../../src/contract/transfer';
import { handlersOf, type Lifecycles } from '../shared/event-handlers';
import type { EventHandlers } from '../shared/resource-event';
import { Stacks } from '../shared/stacks';

/** Returns the lifecycle of each EBS resource by resource type. */
export function ebsLifecycles(clients: EbsClients) {
  return {
    'Custom::SnapshotImport': atPlace(place => new SnapshotImportLifecycle(importServices(clients, place))),
    'Custom::SnapshotExport': atPlace(place => new SnapshotExportLifecycle(exportServices(clients, place))),
    'Custom::MachineImage': new MachineImageLifecycle(imageServices(clients)),
  } satisfies Lifecycles<EbsResourceType>;
}

/** Returns a function that makes something for the place that properties name, and keeps it for later invocations of the same process. */
function atPlace<T>(make: (place: TransferPlace) => T): (place: TransferPlace) => T {
  const made = new Map<string, T>();
  return place => {
    const key = `${place.StateMachineArn} ${place.TransferBucket}`;
    const kept = made.get(key) ?? make(place);
    made.set(key, kept);
    return kept;
  };
}

/** Returns the handlers of all EBS resources. */
export function ebsHandlers(clients: EbsClients): EventHandlers {
  return handlersOf(ebsLifecycles(clients), { stacks: new Stacks(clients.cloudFormation) });
}
