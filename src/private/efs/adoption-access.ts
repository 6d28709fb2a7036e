import { Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { OWNERSHIP_TAG_PREFIX, OWNERSHIP_TAGS } from '../../contract/ownership';
import { acknowledgeWildcards } from '../resource/acknowledge';
import { ownerOf } from '../resource/owner';

export interface AdoptionAccessProps {
  readonly role: iam.IRole;
  /** Absent: any file system of the account, since IAM knows no creation tokens. */
  readonly fileSystemId?: string;
}

/**
 * Lets the EFS handlers mark a file system that is not this stack's yet as this
 * construct's, and do nothing else to it; whatever else they do to it is allowed by
 * that mark. The custom resource must depend on it.
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
