import { Stack, type StackProps } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import { MountTargets, TagSet } from 'cdk-durable-storage';
import type { Construct } from 'constructs';

export interface ForeignFilesStackProps extends StackProps {
  /** Of a file system that somebody else has made. */
  readonly fileSystemId: string;
}

/** Makes a file system of another team reachable in a VPC of one's own, and tags it for one's own bill. */
export class ForeignFilesStack extends Stack {
  constructor(scope: Construct, id: string, props: ForeignFilesStackProps) {
    super(scope, id, props);
    const vpc = new ec2.Vpc(this, 'Vpc', {
      availabilityZones: ['a', 'b'].map(zone => `${this.region}${zone}`), natGateways: 0, restrictDefaultSecurityGroup: false,
    });
    const securityGroup = new ec2.SecurityGroup(this, 'Access', { vpc });
    const fileSystem = efs.FileSystem.fromFileSystemAttributes(this, 'Files', { fileSystemId: props.fileSystemId, securityGroup });

    new MountTargets(this, 'MountTargets', { fileSystem, vpc, vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED }, securityGroups: [securityGroup] });
    new TagSet(this, 'Billing', { fileSystem, tags: { 'cost-center': '4711' } });
  }
}
