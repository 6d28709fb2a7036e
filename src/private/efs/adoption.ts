import { Aspects, CfnResource, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type * as efs from 'aws-cdk-lib/aws-efs';
import type { Construct, IConstruct } from 'constructs';
import type { EfsProvider } from './provider';
import { holderStatement } from './tag-access';
import { OWNERSHIP_TAG_PREFIX, OWNERSHIP_TAGS, RETAINED_TAG } from '../../contract/ownership';
import { ownerPrefix } from '../resource/owner';

/**
 * Lets the EFS handlers put owner tags of the stack on a file system that does not belong to it yet. Everything else that they do to the
 * file system is allowed by that tag. Without `fileSystemId`, any file system of the account may be marked, since IAM knows no creation
 * tokens. The custom resource must depend on what is returned.
 */
export function adoptionAccess(scope: Construct, provider: EfsProvider, fileSystemId?: string): IConstruct {
  const stack = Stack.of(scope);
  return provider.adoptions.grantFor(scope, 'AdoptionAccess', [
    {
      actions: ['elasticfilesystem:TagResource'],
      resources: [stack.formatArn({ service: 'elasticfilesystem', resource: 'file-system', resourceName: fileSystemId ?? '*' })],
      conditions: {
        'StringEquals': { [`aws:RequestTag/${OWNERSHIP_TAGS.stackId}`]: stack.stackId },
        'StringLike': { [`aws:RequestTag/${OWNERSHIP_TAGS.owner}`]: `${ownerPrefix(scope)}*` },
        'ForAllValues:StringLike': { 'aws:TagKeys': `${OWNERSHIP_TAG_PREFIX}*` },
      },
    },
    // Whether it, or a mount target of it, belongs to a stack, whichever that is.
    holderStatement(scope),
  ]);
}

/**
 * Retains a file system of aws-cdk-lib with all its parts, and sets a tag that lets the handlers see this, because
 * CloudFormation does not return a DeletionPolicy. The tag also makes the update a change: CloudFormation rejects an
 * update that changes only a DeletionPolicy.
 */
export function retainForMigration(fileSystem: efs.FileSystem): void {
  Aspects.of(fileSystem).add({
    visit(construct: IConstruct): void {
      if (CfnResource.isCfnResource(construct)) { construct.applyRemovalPolicy(RemovalPolicy.RETAIN); }
    },
  });
  (fileSystem.node.defaultChild as efs.CfnFileSystem).tags.setTag(RETAINED_TAG, Stack.of(fileSystem).stackId);
}
