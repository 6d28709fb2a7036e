import { Lazy, Resource } from 'aws-cdk-lib';
import type * as efs from 'aws-cdk-lib/aws-efs';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { FileSystemPolicyProperties } from '../contract/configuration';
import { factsOf } from '../private/efs/owned-file-system';
import { settingResource } from '../private/efs/setting-resource';

/**
 * Properties of the policy of a file system.
 */
export interface FileSystemPolicyProps {
  /**
   * The file system.
   *
   * Another one gets the policy, and this one loses it afterwards.
   */
  readonly fileSystem: efs.IFileSystem;

  /**
   * The policy. `addToResourcePolicy` adds to it.
   *
   * Changes in place.
   *
   * @default - an empty document, to which statements must be added
   */
  readonly document?: iam.PolicyDocument;

  /**
   * Whether to replace a policy that somebody else has put. Otherwise the
   * deployment fails before it changes anything. It is not put back when this
   * policy is removed, nor in a rollback.
   *
   * A policy that another construct of this library declares is never replaced.
   *
   * @default false
   */
  readonly overwrite?: boolean;
}

/**
 * Defines the policy of an existing Amazon EFS file system.
 *
 * A policy that names access points belongs here, not on the `FileSystem`: the access points
 * need the file system, and this needs both. A file system has one policy: this one stands for
 * the policy that the feature flag `@aws-cdk/aws-efs:denyAnonymousAccess` gives to a `FileSystem`
 * of the same app.
 *
 * When it is removed, the policy is deleted, unless the same policy was there before, another
 * resource declares it too, or somebody else changed it since. Without a policy, EFS allows
 * everything to everybody who reaches a mount target.
 *
 * @see https://docs.aws.amazon.com/efs/latest/ug/iam-access-control-nfs-efs.html
 */
export class FileSystemPolicy extends Resource {
  /**
   * The policy.
   */
  public readonly document: iam.PolicyDocument;

  constructor(scope: Construct, id: string, props: FileSystemPolicyProps) {
    super(scope, id);
    this.document = props.document ?? new iam.PolicyDocument();
    factsOf(props.fileSystem)?.leavePolicy?.();
    settingResource<FileSystemPolicyProperties>(this, {
      resourceType: 'Custom::FileSystemPolicy',
      fileSystem: props.fileSystem,
      setting: 'FileSystemPolicy',
      actions: ['elasticfilesystem:PutFileSystemPolicy', 'elasticfilesystem:DeleteFileSystemPolicy'],
      properties: {
        FileSystemPolicy: Lazy.any({ produce: () => this.document }),
        Overwrite: props.overwrite ? true : undefined,
      },
    });
    this.node.addValidation({ validate: () => this.document.isEmpty ? ["'document' must have a statement, got none"] : [] });
  }

  /**
   * Adds a statement to the policy.
   *
   * @param statement The statement.
   */
  public addToResourcePolicy(statement: iam.PolicyStatement): iam.AddToResourcePolicyResult {
    this.document.addStatements(statement);
    return { statementAdded: true, policyDependable: this };
  }
}
