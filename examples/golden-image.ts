import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { BootMode, DiskImage, MachineDisk, MachineImage, SnapshotImport } from 'cdk-durable-storage';
import type { Construct } from 'constructs';

export interface GoldenImageStackProps extends StackProps {
  /** The disk image that the build has made. */
  readonly imagePath: string;
}

/** Instances that boot the disk image of a build, and are replaced one after another when there is a new one. */
export class GoldenImageStack extends Stack {
  constructor(scope: Construct, id: string, props: GoldenImageStackProps) {
    super(scope, id, props);
    const vpc = new ec2.Vpc(this, 'Vpc', {
      availabilityZones: ['a', 'b'].map(zone => `${this.region}${zone}`), natGateways: 0, restrictDefaultSecurityGroup: false,
    });

    const disk = new SnapshotImport(this, 'Disk', { image: DiskImage.fromAsset(props.imagePath) });
    const machineImage = new MachineImage(this, 'Machine', {
      rootDisk: MachineDisk.fromImport(disk),
      architecture: ec2.InstanceArchitecture.ARM_64,
      bootMode: BootMode.UEFI,
      // While the group rolls, it still launches instances of the image before.
      retainPrevious: 1,
    });

    const group = new autoscaling.AutoScalingGroup(this, 'Servers', {
      vpc,
      vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC },
      launchTemplate: new ec2.LaunchTemplate(this, 'Template', {
        instanceType: ec2.InstanceType.of(ec2.InstanceClass.T4G, ec2.InstanceSize.SMALL),
        machineImage,
        securityGroup: new ec2.SecurityGroup(this, 'Access', { vpc }),
        requireImdsv2: true,
      }),
      minCapacity: 2,
      maxCapacity: 4,
      // Another image is another version of the launch template, for which CloudFormation rolls the group.
      updatePolicy: autoscaling.UpdatePolicy.rollingUpdate({ minInstancesInService: 1 }),
    });
    new CfnOutput(this, 'Group', { value: group.autoScalingGroupName });
  }
}
