import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { EC2Client } from '@aws-sdk/client-ec2';
import { EFSClient } from '@aws-sdk/client-efs';
import { KMSClient } from '@aws-sdk/client-kms';
import { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { Efs } from './efs';
import type { FileSystemServices } from './file-system/file-system';
import { Keys } from './file-system/keys';
import { Schedules } from './file-system/schedules';
import { TaggedFileSystems } from './file-system/tagged-file-systems';
import type { FileSystemLookupServices } from './file-system-lookup';
import type { MountTargetsServices } from './mount-targets/mount-targets';
import { NetworkInterfaces } from './mount-targets/network-interfaces';
import { Subnets } from './mount-targets/subnets';
import { Replications } from './settings/replication';
import type { ReplicationServices } from './settings/replication-configuration';
import type { TagSetServices } from './tag-set/tag-set';
import { clientConfig } from '../shared/client-config';
import { Stacks } from '../shared/stacks';

/** SDK clients of everything that the resources of EFS call. */
export interface EfsClients {
  readonly efs: EFSClient;
  readonly ec2: EC2Client;
  readonly kms: KMSClient;
  readonly cloudFormation: CloudFormationClient;
  readonly tagging: ResourceGroupsTaggingAPIClient;
  readonly scheduler: SchedulerClient;
  /** Makes a client of EFS in another Region, where the destination of a replication is. */
  readonly efsIn: (region: string) => EFSClient;
}

/** Returns clients with the configuration of the environment. */
export function efsClients(): EfsClients {
  const config = clientConfig();
  return {
    efs: new EFSClient(config),
    ec2: new EC2Client(config),
    kms: new KMSClient(config),
    cloudFormation: new CloudFormationClient(config),
    tagging: new ResourceGroupsTaggingAPIClient(config),
    scheduler: new SchedulerClient(config),
    efsIn: region => new EFSClient({ ...config, region }),
  };
}

/** The services that the resources of EFS need. Each lifecycle declares its part. */
export interface EfsServices extends FileSystemServices, MountTargetsServices, FileSystemLookupServices, TagSetServices, ReplicationServices {}

/** Builds the services on the SDK's clients. */
export function efsServices(clients: EfsClients): EfsServices {
  const efs = new Efs(clients.efs);
  return {
    efs,
    keys: new Keys(clients.kms),
    networkInterfaces: new NetworkInterfaces(clients.ec2),
    replications: new Replications(efs, clients.efsIn),
    schedules: new Schedules(clients.scheduler),
    stacks: new Stacks(clients.cloudFormation),
    subnets: new Subnets(clients.ec2),
    taggedFileSystems: new TaggedFileSystems(clients.tagging, efs),
  };
}
