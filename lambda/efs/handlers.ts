import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import type { EC2Client } from '@aws-sdk/client-ec2';
import type { EFSClient } from '@aws-sdk/client-efs';
import type { KMSClient } from '@aws-sdk/client-kms';
import type { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import type { SchedulerClient } from '@aws-sdk/client-scheduler';
import { fileSystem } from './file-system/file-system';
import { fileSystemLookup } from './file-system-lookup';
import { MountTargetsLifecycle } from './mount-targets/mount-targets';
import { efsServices } from './services';
import { backupPolicy } from './settings/backup-policy';
import { fileSystemPolicy } from './settings/file-system-policy';
import { lifecycleConfiguration } from './settings/lifecycle-configuration';
import { replicationConfiguration } from './settings/replication-configuration';
import { tagSet } from './tag-set';
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
export const makeHandlers = (clients: Clients, options: { readonly creationTimeoutSeconds: number }) => ({
  'Custom::FileSystem': handlersOf(fileSystem(clients), options),
  'Custom::FileSystemLookup': handlersOf(fileSystemLookup(clients), options),
  'Custom::MountTargets': handlersOf(new MountTargetsLifecycle(efsServices(clients)), options),
  'Custom::TagSet': handlersOf(tagSet(clients), options),
  'Custom::FileSystemPolicy': handlersOf(fileSystemPolicy(clients), options),
  'Custom::BackupPolicy': handlersOf(backupPolicy(clients), options),
  'Custom::LifecycleConfiguration': handlersOf(lifecycleConfiguration(clients), options),
  'Custom::ReplicationConfiguration': handlersOf(replicationConfiguration(clients), options),
}) satisfies Record<string, Handlers>;
