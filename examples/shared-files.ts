import { Stack, type StackProps } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { FileSystem } from 'cdk-durable-storage';
import type { Construct } from 'constructs';

/** A service and a function that work on the same files, as the same user. */
export class SharedFilesStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);
    const vpc = new ec2.Vpc(this, 'Vpc', { natGateways: 1, restrictDefaultSecurityGroup: false });
    const files = new FileSystem(this, 'Files', { vpc, allowAnonymousAccess: false });
    const accessPoint = files.addAccessPoint('Uploads', {
      path: '/uploads',
      createAcl: { ownerUid: '1000', ownerGid: '1000', permissions: '750' },
      posixUser: { uid: '1000', gid: '1000' },
    });

    const indexer = new lambda.Function(this, 'Indexer', {
      runtime: lambda.Runtime.NODEJS_LATEST,
      handler: 'index.handler',
      code: lambda.Code.fromInline('exports.handler = async () => require("fs").readdirSync("/mnt/uploads")'),
      vpc,
      filesystem: lambda.FileSystem.fromEfsAccessPoint(accessPoint, '/mnt/uploads'),
    });
    // A function fails to start as long as there is no mount target.
    indexer.node.addDependency(files.mountTargetsAvailable);

    const task = new ecs.FargateTaskDefinition(this, 'Task');
    task.addVolume({
      name: 'uploads',
      efsVolumeConfiguration: {
        fileSystemId: files.fileSystemId,
        transitEncryption: 'ENABLED',
        authorizationConfig: { accessPointId: accessPoint.accessPointId, iam: 'ENABLED' },
      },
    });
    task.addContainer('Web', { image: ecs.ContainerImage.fromRegistry('public.ecr.aws/nginx/nginx:stable') })
      .addMountPoints({ sourceVolume: 'uploads', containerPath: '/usr/share/nginx/html', readOnly: true });
    files.grantRead(task.taskRole);

    const service = new ecs.FargateService(this, 'Service', {
      cluster: new ecs.Cluster(this, 'Cluster', { vpc }), taskDefinition: task, minHealthyPercent: 100,
    });
    files.connections.allowDefaultPortFrom(service);
    service.node.addDependency(files.mountTargetsAvailable);
  }
}
