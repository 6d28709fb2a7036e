import { Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import { Construct, type IDependable } from 'constructs';
import { OWNERSHIP_TAGS } from '../../contract/ownership';
import { Answering } from '../functions/answering';
import type { ServiceProvider } from '../functions/handled-resource';
import { applyBoundary } from '../functions/settings';
import { acknowledgeFunctions } from '../resource/acknowledge';
import { MergedPolicies } from '../resource/merged-policies';
import { ownerPrefix, rootStackName } from '../resource/owner';

/**
 * The handlers of the EFS resources of one stack.
 *
 * Statements of their role that never change allow changes of things that
 * this library made. Policies that all constructs of the stack share allow
 * those of things of others.
 */
export class EfsProvider extends Construct implements ServiceProvider {
  public static getOrCreate(scope: Construct): EfsProvider {
    const stack = Stack.of(scope);
    return stack.node.tryFindChild(EfsProvider.ID) as EfsProvider ?? new EfsProvider(stack);
  }

  /** The service token comes from it, and can never change for a deployed resource. */
  private static readonly ID = 'cdk-durable-storage.Efs';

  public readonly role: iam.IRole;
  public readonly serviceToken: string;
  public readonly answering: IDependable;

  private constructor(stack: Stack) {
    super(stack, EfsProvider.ID);
    const answering = new Answering(this, { bundle: 'efs' });
    applyBoundary(this);
    acknowledgeFunctions(this);
    this.role = answering.role;
    this.serviceToken = answering.serviceToken;
    this.answering = answering.standing;
    this.statements(stack).forEach(statement => answering.allow(statement));
  }

  /** Policies for keys. */
  public get keys(): MergedPolicies {
    return MergedPolicies.of(this, 'KeyAccess', { roles: [this.role], things: 'keys of file systems', neededBy: 'creation', most: 2 });
  }

  /** Policies for file systems that are adopted, or replicated to, and for questions about other stacks. */
  public get adoptions(): MergedPolicies {
    return MergedPolicies.of(this, 'AdoptionAccess', { roles: [this.role], things: 'file systems to adopt or to replicate to', neededBy: 'creation' });
  }

  /** Policies for what constructs do to file systems and access points of others. */
  public get foreign(): MergedPolicies {
    return MergedPolicies.of(this, 'ForeignAccess', {
      roles: [this.role], things: 'constructs on file systems and access points of others', neededBy: 'clean-up', most: 2,
    });
  }

  private statements(stack: Stack): iam.PolicyStatementProps[] {
    const fileSystems = stack.formatArn({ service: 'elasticfilesystem', resource: 'file-system', resourceName: '*' });
    const madeHere = { [`aws:RequestTag/${OWNERSHIP_TAGS.stackId}`]: stack.stackId };
    return [
      {
        actions: ['elasticfilesystem:CreateFileSystem'],
        // The call knows no narrower resource.
        resources: ['*'],
        conditions: { StringEquals: madeHere },
      },
      {
        actions: ['elasticfilesystem:TagResource'],
        resources: [fileSystems],
        conditions: { StringEquals: { ...madeHere, 'elasticfilesystem:CreateAction': 'CreateFileSystem' } },
      },
      {
        actions: [
          'elasticfilesystem:DescribeFileSystems',
          'elasticfilesystem:DescribeFileSystemPolicy',
          'elasticfilesystem:DescribeBackupPolicy',
          'elasticfilesystem:DescribeLifecycleConfiguration',
          'elasticfilesystem:DescribeReplicationConfigurations',
          'elasticfilesystem:DescribeMountTargets',
          'elasticfilesystem:DescribeMountTargetSecurityGroups',
          'elasticfilesystem:DescribeAccessPoints',
          'elasticfilesystem:ListTagsForResource',
        ],
        resources: ['*'],
      },
      {
        actions: [
          'elasticfilesystem:UpdateFileSystem',
          'elasticfilesystem:DeleteFileSystem',
          'elasticfilesystem:TagResource',
          'elasticfilesystem:UntagResource',
          'elasticfilesystem:PutFileSystemPolicy',
          'elasticfilesystem:DeleteFileSystemPolicy',
          'elasticfilesystem:PutBackupPolicy',
          'elasticfilesystem:PutLifecycleConfiguration',
          'elasticfilesystem:UpdateFileSystemProtection',
          'elasticfilesystem:CreateReplicationConfiguration',
          'elasticfilesystem:DeleteReplicationConfiguration',
          'elasticfilesystem:CreateMountTarget',
          'elasticfilesystem:DeleteMountTarget',
          'elasticfilesystem:ModifyMountTargetSecurityGroups',
        ],
        resources: [fileSystems],
        conditions: { StringLike: { [`aws:ResourceTag/${OWNERSHIP_TAGS.owner}`]: `${ownerPrefix(this)}*` } },
      },
      {
        // By the owner tag; the index of all tagged things knows no narrower resource.
        actions: ['tag:GetResources'],
        resources: ['*'],
      },
      {
        // EFS makes and removes the network interface of a mount target with the rights of the caller.
        actions: [
          'ec2:DescribeSubnets',
          'ec2:DescribeNetworkInterfaces',
          'ec2:DescribeNetworkInterfaceAttribute',
          'ec2:CreateNetworkInterface',
          'ec2:DeleteNetworkInterface',
          'ec2:ModifyNetworkInterfaceAttribute',
        ],
        resources: ['*'],
      },
      {
        // Made by the first mount target or replication of an account.
        actions: ['iam:CreateServiceLinkedRole'],
        resources: ['*'],
        conditions: { StringEquals: { 'iam:AWSServiceName': 'elasticfilesystem.amazonaws.com' } },
      },
      {
        // Whether a stack named in a tag is gone, and what it had; stacks of the same name, and those nested in them.
        actions: ['cloudformation:DescribeStacks', 'cloudformation:DescribeStackResources', 'cloudformation:DescribeStackEvents'],
        resources: ['/*', '-*/*'].map(rest => stack.formatArn({ service: 'cloudformation', resource: 'stack', resourceName: `${rootStackName(this)}${rest}` })),
      },
    ];
  }
}
