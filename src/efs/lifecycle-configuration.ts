import { Resource } from 'aws-cdk-lib';
import type * as efs from 'aws-cdk-lib/aws-efs';
import type { Construct } from 'constructs';
import type { LifecycleConfigurationProperties } from '../contract/configuration';
import { lifecyclePolicies } from '../private/efs/configuration';
import type { LifecycleOptions } from '../private/efs/configuration-options';
import { settingResource } from '../private/efs/setting-resource';

/**
 * Properties of the life-cycle configuration of a file system.
 */
export interface LifecycleConfigurationProps extends LifecycleOptions {
  /**
   * The file system.
   *
   * Another one gets the configuration, and this one loses it afterwards.
   */
  readonly fileSystem: efs.IFileSystem;

  /**
   * Whether to replace transitions that somebody else has put. Otherwise the
   * deployment fails before it changes anything. They are not put back when the
   * configuration is removed, nor in a rollback.
   *
   * A configuration that another construct of this library declares is never replaced.
   *
   * @default false
   */
  readonly overwrite?: boolean;
}

/**
 * Defines when an existing Amazon EFS file system moves files to cheaper storage classes,
 * and back. Without any of the transitions, no file is moved.
 *
 * When it is removed, no file is moved any more, unless the same configuration was there before,
 * another resource declares it too, or somebody else changed it since. Files stay in the class in
 * which they are.
 *
 * @see https://docs.aws.amazon.com/efs/latest/ug/lifecycle-management-efs.html
 */
export class LifecycleConfiguration extends Resource {
  constructor(scope: Construct, id: string, props: LifecycleConfigurationProps) {
    super(scope, id);
    settingResource<LifecycleConfigurationProperties>(this, {
      resourceType: 'Custom::LifecycleConfiguration',
      fileSystem: props.fileSystem,
      setting: 'LifecyclePolicies',
      actions: ['elasticfilesystem:PutLifecycleConfiguration'],
      properties: { LifecyclePolicies: lifecyclePolicies(this, props) ?? [], Overwrite: props.overwrite ? true : undefined },
    });
  }
}
