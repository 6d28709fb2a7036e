import { Resource } from 'aws-cdk-lib';
import type * as efs from 'aws-cdk-lib/aws-efs';
import type { Construct } from 'constructs';
import type { ReplicationConfigurationProperties } from '../contract/configuration';
import { replication, replicationAccess } from '../private/efs/configuration';
import { settingResource } from '../private/efs/setting-resource';

/**
 * Properties of the replication of a file system.
 */
export interface ReplicationConfigurationProps {
  /**
   * The file system that is replicated. It can be in one replication only.
   *
   * Another one is replicated, and then this one no more.
   */
  readonly fileSystem: efs.IFileSystem;

  /**
   * Where it is replicated to.
   *
   * Changes in place: the replication is deleted, and made anew to another destination.
   */
  readonly destination: efs.ReplicationConfiguration;
}

/**
 * Defines the replication of an existing Amazon EFS file system.
 *
 * A deployment waits until it is enabled; the first copy may still be under way then. When
 * it is removed, the replication is deleted, unless it was there before, or another resource
 * declares it too. The destination stays, as a writable file system that nobody deletes.
 *
 * @see https://docs.aws.amazon.com/efs/latest/ug/efs-replication.html
 */
export class ReplicationConfiguration extends Resource {
  constructor(scope: Construct, id: string, props: ReplicationConfigurationProps) {
    super(scope, id);
    const { resource, provider } = settingResource<ReplicationConfigurationProperties>(this, {
      resourceType: 'Custom::ReplicationConfiguration',
      fileSystem: props.fileSystem,
      setting: 'ReplicationConfiguration',
      actions: ['elasticfilesystem:CreateReplicationConfiguration', 'elasticfilesystem:DeleteReplicationConfiguration'],
      properties: { ReplicationConfiguration: replication(this, props.destination) },
    });
    resource.node.addDependency(...replicationAccess(this, provider, props.destination));
  }
}
