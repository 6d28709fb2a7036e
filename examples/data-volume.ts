import { RemovalPolicy, Size, Stack, type StackProps } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { DiskImage, SnapshotImport } from 'cdk-durable-storage';
import type { Construct } from 'constructs';

export interface DataVolumeStackProps extends StackProps {
  readonly imagePath: string;
}

/** A volume that is filled before anything uses it. */
export class DataVolumeStack extends Stack {
  constructor(scope: Construct, id: string, props: DataVolumeStackProps) {
    super(scope, id, props);
    const data = new SnapshotImport(this, 'Data', { image: DiskImage.fromAsset(props.imagePath), volumeSize: Size.gibibytes(2), encrypted: true });

    new ec2.Volume(this, 'Volume', {
      availabilityZone: `${this.region}a`,
      snapshotId: data.snapshotId,
      volumeType: ec2.EbsDeviceVolumeType.GP3,
      encrypted: true,
      // Another image makes another volume; what was written to this one goes with it.
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }
}
