import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import type { EC2Client } from '@aws-sdk/client-ec2';
import type { EFSClient } from '@aws-sdk/client-efs';
import { Efs } from './efs';
import type { MountTargetsServices } from './mount-targets/mount-targets';
import { NetworkInterfaces } from './mount-targets/network-interfaces';
import { Subnets } from './mount-targets/subnets';
import { Stacks } from '../shared/stacks';

/** SDK clients of everything that the resources of EFS call. */
export interface EfsClients {
  readonly efs: EFSClient;
  readonly ec2: EC2Client;
  readonly cloudFormation: CloudFormationClient;
}

/** What the resources of EFS need from AWS. Each lifecycle names its part. */
export interface EfsServices extends MountTargetsServices {}

/** Builds the services on the SDK's clients. */
export function efsServices(clients: EfsClients): EfsServices {
  const efs = new Efs(clients.efs);
  return {
    efs,
    networkInterfaces: new NetworkInterfaces(clients.ec2),
    stacks: new Stacks(clients.cloudFormation),
    subnets: new Subnets(clients.ec2),
  };
}
