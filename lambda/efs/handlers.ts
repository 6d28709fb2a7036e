import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import type { EC2Client } from '@aws-sdk/client-ec2';
import type { EFSClient } from '@aws-sdk/client-efs';
import type { KMSClient } from '@aws-sdk/client-kms';
import type { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import type { SchedulerClient } from '@aws-sdk/client-scheduler';
import { fileSystem } from './file-system/file-system';
import { FileSystemLookupLifecycle } from './file-system-lookup';
import { MountTargetsLifecycle } from './mount-targets/mount-targets';
import { efsServices } from './services';
import { BackupPolicyLifecycle } from './settings/backup-policy';
import { FileSystemPolicyLifecycle } from './settings/file-system-policy';
import { LifecycleConfigurationLifecycle } from './settings/lifecycle-configuration';
import { ReplicationConfigurationLifecycle } from './settings/replication-configuration';
import { TagSetLifecycle } from './tag-set';
import type { EfsResourceType } from '../../src/contract/resource-types';
import { handlersOf, type Handlers } from '../shared/resource-lifecycle';

export interface Clients {
  readonly efs: EFSClient;
  readonly ec2: EC2Client;
  readonly kms: KMSClient;
  readonly cloudFormation: CloudFormationClient;
  readonly tagging: ResourceGroupsTaggingAPIClient;
  readonly scheduler: SchedulerClient;
  readonly efsIn: (region: string) => EFSClient;
}

/** Every resource of EFS, by its type. */
export function makeHandlers(clients: Clients, options: { readonly creationTimeoutSeconds: number }) {
  const services = efsServices(clients);
  return {
    'Custom::FileSystem': handlersOf(fileSystem(clients), options),
    'Custom::FileSystemLookup': handlersOf(new FileSystemLookupLifecycle(services), options),
    'Custom::MountTargets': handlersOf(new MountTargetsLifecycle(services), options),
    'Custom::TagSet': handlersOf(new TagSetLifecycle(services), options),
    'Custom::FileSystemPolicy': handlersOf(new FileSystemPolicyLifecycle(services), options),
    'Custom::BackupPolicy': handlersOf(new BackupPolicyLifecycle(services), options),
    'Custom::LifecycleConfiguration': handlersOf(new LifecycleConfigurationLifecycle(services), options),
    'Custom::ReplicationConfiguration': handlersOf(new ReplicationConfigurationLifecycle(services), options),
  } satisfies Record<EfsResourceType, Handlers>;
}
