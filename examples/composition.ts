import { NestedStack, Stack, Stage, type StageProps, type StackProps } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { DiskImage, SnapshotImport } from 'cdk-durable-storage';
import type { Construct } from 'constructs';
import { TeamFiles } from './construct-library';

export interface CompositionProps extends StageProps {
  readonly imagePath: string;
}

/** Two stacks of one stage, one of them with a nested stack: whatever is where, it finds what belongs to it. */
export class Composition extends Stage {
  constructor(scope: Construct, id: string, props: CompositionProps) {
    super(scope, id, props);
    const storage = new StorageStack(this, 'Storage', { imagePath: props.imagePath });
    new ClientStack(this, 'Clients', storage);
  }
}

/** The files in the stack itself, the snapshot in one nested in it. */
class StorageStack extends Stack {
  public readonly vpc: ec2.Vpc;
  public readonly files: TeamFiles;

  constructor(scope: Construct, id: string, props: StackProps & { readonly imagePath: string }) {
    super(scope, id, props);
    this.vpc = new ec2.Vpc(this, 'Vpc', {
      availabilityZones: ['a', 'b'].map(zone => `${this.region}${zone}`),
      subnetConfiguration: [{ name: 'Storage', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }],
      restrictDefaultSecurityGroup: false,
    });
    this.files = new TeamFiles(this, 'Files', { vpc: this.vpc, team: 'storage' });
    const nested = new NestedStack(this, 'Nested');
    new SnapshotImport(nested, 'Data', { image: DiskImage.fromAsset(props.imagePath) });
  }
}

/** Who may mount the files of the other stack. */
class ClientStack extends Stack {
  constructor(scope: Construct, id: string, { vpc, files }: StorageStack) {
    super(scope, id);
    const clients = new ec2.SecurityGroup(this, 'Clients', { vpc });
    // The rule of the other stack's group is made in this one: otherwise, each would need the other.
    clients.connections.allowToDefaultPort(files);
  }
}
