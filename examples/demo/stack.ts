import { RemovalPolicy, Stack, Tags, type StackProps } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { DiskImage, FileSystem, SnapshotImport, TagSet } from 'cdk-durable-storage';
import type { Construct } from 'constructs';

export interface DemoStackProps extends StackProps {
  /** A disk image on this machine. */
  readonly imagePath: string;
  /** Value of the tag `cost-center`. */
  readonly costCenter: string;
  /** Who may mount the file system: the id of the security group that is made for them. */
  readonly clients: string;
}

/** A shared file system in three Availability Zones, tagged, beside a snapshot with the content of a disk image. */
export class DemoStack extends Stack {
  constructor(scope: Construct, id: string, props: DemoStackProps) {
    super(scope, id, props);

    const vpc = new ec2.Vpc(this, 'Vpc', {
      availabilityZones: ['a', 'b', 'c'].map(zone => `${this.region}${zone}`),
      subnetConfiguration: [{ name: 'Storage', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 24 }],
      restrictDefaultSecurityGroup: false,
    });

    const files = new FileSystem(this, 'Files', {
      vpc,
      securityGroup: new ec2.SecurityGroup(this, `${props.clients}Access`, { vpc, description: `NFS for ${props.clients}` }),
      fileSystemName: 'team-files',
      // A demo leaves nothing behind; without this, the file system and its data outlive the stack.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    files.connections.allowDefaultPortFrom(new ec2.SecurityGroup(this, props.clients, { vpc }));

    new TagSet(this, 'Billing', { fileSystem: files, tags: { 'cost-center': props.costCenter } });

    const snapshot = new SnapshotImport(this, 'Image', {
      image: DiskImage.fromAsset(props.imagePath),
      description: 'the team image',
    });
    Tags.of(snapshot).add('role', 'data');

    new ec2.Volume(this, 'Data', {
      availabilityZone: vpc.availabilityZones[0],
      snapshotId: snapshot.snapshotId,
      volumeType: ec2.EbsDeviceVolumeType.GP3,
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }
}
