import { Aspects, CfnResource, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type * as efs from 'aws-cdk-lib/aws-efs';
import type { IConstruct } from 'constructs';
import { RETAINED_TAG } from '../../contract/ownership';

/**
 * Retains a file system of aws-cdk-lib with all that it consists of, and has
 * CloudFormation say so by a tag. That also makes it a change: CloudFormation
 * takes no update that changes nothing but a DeletionPolicy.
 */
export function retainForMigration(fileSystem: efs.FileSystem): void {
  Aspects.of(fileSystem).add({
    visit(construct: IConstruct): void {
      if (CfnResource.isCfnResource(construct)) { construct.applyRemovalPolicy(RemovalPolicy.RETAIN); }
    },
  });
  (fileSystem.node.defaultChild as efs.CfnFileSystem).tags.setTag(RETAINED_TAG, Stack.of(fileSystem).stackId);
}
