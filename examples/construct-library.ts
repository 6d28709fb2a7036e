import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import { FileSystem, TagSet } from 'cdk-durable-storage';
import { Construct } from 'constructs';

export interface TeamFilesProps {
  readonly vpc: ec2.IVpc;
  readonly team: string;
}

/** What a platform team may offer to others in a construct library of its own: files as the house wants them. */
export class TeamFiles extends Construct implements ec2.IConnectable {
  public readonly fileSystem: FileSystem;
  public readonly connections: ec2.Connections;

  constructor(scope: Construct, id: string, { vpc, team }: TeamFilesProps) {
    super(scope, id);
    this.fileSystem = new FileSystem(this, 'Files', { vpc, encrypted: true, fileSystemName: `${team}-files` });
    this.connections = this.fileSystem.connections;
    new TagSet(this, 'Billing', { fileSystem: this.fileSystem, tags: { team } });
  }
}
