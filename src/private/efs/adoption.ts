import { Aspects, CfnResource, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type * as efs from 'aws-cdk-lib/aws-efs';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct, IConstruct } from 'constructs';
import { OWNERSHIP_TAG_PREFIX, OWNERSHIP_TAGS, RETAINED_TAG } from '../../contract/ownership';
import { acknowledgeWildcards } from '../resource/acknowledge';
import { ownerOf } from '../resource/owner';

export interface AdoptionAccessProps {
  readonly role: iam.IRole;
  /** Absent: any file system of the account, since IAM knows no creation tokens. */
  readonly fileSystemId?: string;
}

/**
 * Lets the EFS handlers put the owner tag of this construct on a file system that does not belong to the stack yet.
 * Everything else that they do to the file system is allowed by that tag. The custom resource must depend on this policy.
 */
export class AdoptionAccess extends iam.Policy {
  constructor(scope: Construct, id: string, { role, fileSystemId }: AdoptionAccessProps) {
    const stack = Stack.of(scope);
    super(scope, id, {
      roles: [role],
      statements: [
        new iam.PolicyStatement({
          actions: ['elasticfilesystem:TagResource'],
          resources: [stack.formatArn({ service: 'elasticfilesystem', resource: 'file-system', resourceName: fileSystemId ?? '*' })],
          conditions: {
            'StringEquals': {
              [`aws:RequestTag/${OWNERSHIP_TAGS.stackId}`]: stack.stackId,
              [`aws:RequestTag/${OWNERSHIP_TAGS.owner}`]: ownerOf(scope),
            },
            'ForAllValues:StringLike': { 'aws:TagKeys': `${OWNERSHIP_TAG_PREFIX}*` },
          },
        }),
        ...fileSystemId === undefined ? [] : [new iam.PolicyStatement({
          // Whether it, or a mount target of it, belongs to a stack, whichever that is.
          actions: ['cloudformation:DescribeStackResources'],
          resources: [stack.formatArn({ service: 'cloudformation', resource: 'stack', resourceName: '*/*' })],
        })],
      ],
    });
    acknowledgeWildcards(this, 'Which file system has a creation token, and to which stack it belongs, is known at deployment only; all that is allowed is to mark it');
  }
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
