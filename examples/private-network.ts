import { Stack, type StackProps } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import { DiskImage, FileSystem, SnapshotImport, StorageFunctions } from 'cdk-durable-storage';
import type { Construct } from 'constructs';

export interface PrivateNetworkStackProps extends StackProps {
  readonly imagePath: string;
  /** Endpoints that the VPC has already; of those that `StorageFunctions.addEndpoints` makes. */
  readonly existingEndpoints?: string[];
}

/** Storage of a network that leads nowhere: all the functions call AWS through endpoints. */
export class PrivateNetworkStack extends Stack {
  constructor(scope: Construct, id: string, props: PrivateNetworkStackProps) {
    super(scope, id, props);
    const vpc = new ec2.Vpc(this, 'Vpc', {
      availabilityZones: ['a', 'b'].map(zone => `${this.region}${zone}`),
      subnetConfiguration: [{ name: 'Storage', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }],
      restrictDefaultSecurityGroup: false,
    });
    const vpcSubnets = { subnetType: ec2.SubnetType.PRIVATE_ISOLATED };
    StorageFunctions.addEndpoints(vpc, { subnets: vpcSubnets, existing: props.existingEndpoints });
    StorageFunctions.configure(this, { vpc, vpcSubnets });

    new FileSystem(this, 'Files', { vpc, vpcSubnets });
    const kmsKey = kms.Alias.fromAliasName(this, 'Key', 'alias/aws/ebs');
    new SnapshotImport(this, 'Data', { image: DiskImage.fromAsset(props.imagePath), kmsKey });
  }
}
