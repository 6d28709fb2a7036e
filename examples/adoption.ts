import { RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Adopt, FileSystem } from 'cdk-durable-storage';
import type { Construct } from 'constructs';

/**
 * Files that outlive their stack: delete the stack, deploy it again, and it
 * has the same file system with the same data.
 */
export class AdoptionStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);
    const vpc = new ec2.Vpc(this, 'Vpc', {
      availabilityZones: ['a', 'b'].map(zone => `${this.region}${zone}`), natGateways: 0, restrictDefaultSecurityGroup: false,
    });
    new FileSystem(this, 'Files', {
      vpc,
      vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
      removalPolicy: RemovalPolicy.RETAIN,
      // The default: one that this construct has left, in a stack of this name, and no other.
      adopt: Adopt.OWNED,
    });
  }
}
