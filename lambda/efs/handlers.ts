import { FileSystemLifecycle } from './file-system/file-system';
import { FileSystemLookupLifecycle } from './file-system-lookup';
import { MountTargetsLifecycle } from './mount-targets/mount-targets';
import { efsServices, type EfsClients } from './services';
import { BackupPolicyLifecycle } from './settings/backup-policy';
import { FileSystemPolicyLifecycle } from './settings/file-system-policy';
import { LifecycleConfigurationLifecycle } from './settings/lifecycle-configuration';
import { ReplicationConfigurationLifecycle } from './settings/replication-configuration';
import { TagSetLifecycle } from './tag-set';
import type { EfsResourceType } from '../../src/contract/resource-types';
import { handlersOf, type Handlers } from '../shared/resource-lifecycle';

/** Every resource of EFS, by its type. */
export function makeHandlers(clients: EfsClients, options: { readonly creationTimeoutSeconds: number }) {
  const services = efsServices(clients);
  return {
    'Custom::FileSystem': handlersOf(new FileSystemLifecycle(services), options),
    'Custom::FileSystemLookup': handlersOf(new FileSystemLookupLifecycle(services), options),
    'Custom::MountTargets': handlersOf(new MountTargetsLifecycle(services), options),
    'Custom::TagSet': handlersOf(new TagSetLifecycle(services), options),
    'Custom::FileSystemPolicy': handlersOf(new FileSystemPolicyLifecycle(services), options),
    'Custom::BackupPolicy': handlersOf(new BackupPolicyLifecycle(services), options),
    'Custom::LifecycleConfiguration': handlersOf(new LifecycleConfigurationLifecycle(services), options),
    'Custom::ReplicationConfiguration': handlersOf(new ReplicationConfigurationLifecycle(services), options),
  } satisfies Record<EfsResourceType, Handlers>;
}
