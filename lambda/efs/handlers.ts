import { FileSystemLifecycle } from './file-system/file-system';
import { FileSystemLookupLifecycle } from './file-system-lookup';
import { MountTargetsLifecycle } from './mount-targets/mount-targets';
import { efsServices, type EfsClients } from './services';
import { BackupPolicyLifecycle } from './settings/backup-policy';
import { FileSystemPolicyLifecycle } from './settings/file-system-policy';
import { LifecycleConfigurationLifecycle } from './settings/lifecycle-configuration';
import { ReplicationConfigurationLifecycle } from './settings/replication-configuration';
import { TagSetLifecycle } from './tag-set/tag-set';
import type { EfsResourceType } from '../../src/contract/resource-types';
import { handlersOf, type Lifecycles } from '../shared/event-handlers';
import type { EventHandlers } from '../shared/resource-event';
import { Stacks } from '../shared/stacks';

/** Returns the lifecycle of each EFS resource by resource type. */
export function efsLifecycles(clients: EfsClients) {
  const services = efsServices(clients);
  return {
    'Custom::FileSystem': new FileSystemLifecycle(services),
    'Custom::FileSystemLookup': new FileSystemLookupLifecycle(services),
    'Custom::MountTargets': new MountTargetsLifecycle(services),
    'Custom::TagSet': new TagSetLifecycle(services),
    'Custom::FileSystemPolicy': new FileSystemPolicyLifecycle(services),
    'Custom::BackupPolicy': new BackupPolicyLifecycle(services),
    'Custom::LifecycleConfiguration': new LifecycleConfigurationLifecycle(services),
    'Custom::ReplicationConfiguration': new ReplicationConfigurationLifecycle(services),
  } satisfies Lifecycles<EfsResourceType>;
}

/** Returns the handlers of all EFS resources. */
export function efsHandlers(clients: EfsClients): EventHandlers {
  const stacks = new Stacks(clients.cloudFormation);
  return handlersOf(efsLifecycles(clients), { stacks, failures: stacks });
}
