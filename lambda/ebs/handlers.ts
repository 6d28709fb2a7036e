import { MachineImageLifecycle } from './machine-image';
import { ebsServices, exportServices, type EbsClients } from './services';
import { SnapshotExportLifecycle } from './snapshot-export';
import { SnapshotImportLifecycle } from './snapshot-import';
import type { EbsResourceType } from '../../src/contract/resource-types';
import { handlersOf, type Lifecycles } from '../shared/event-handlers';
import type { EventHandlers } from '../shared/resource-event';
import { Stacks } from '../shared/stacks';

/** Returns the lifecycle of each EBS resource by resource type. */
export function ebsLifecycles(clients: EbsClients) {
  const services = ebsServices(clients);
  return {
    'Custom::SnapshotImport': new SnapshotImportLifecycle(services),
    'Custom::SnapshotExport': () => new SnapshotExportLifecycle(exportServices(clients)),
    'Custom::MachineImage': new MachineImageLifecycle(services),
  } satisfies Lifecycles<EbsResourceType>;
}

/** Returns the handlers of all EBS resources. */
export function ebsHandlers(clients: EbsClients): EventHandlers {
  return handlersOf(ebsLifecycles(clients), { stacks: new Stacks(clients.cloudFormation) });
}
