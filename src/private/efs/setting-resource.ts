import type { CfnResource } from 'aws-cdk-lib';
import type * as efs from 'aws-cdk-lib/aws-efs';
import type { Construct } from 'constructs';
import { grantOnForeign } from './foreign-access';
import { factsOf, nameParts, type OwnSetting } from './owned-file-system';
import { EfsProvider } from './provider';
import { claimStatement, holderStatement } from './tag-access';
import type { SettingProperties } from '../../contract/configuration';
import type { EfsResourceType } from '../../contract/resource-types';
import { handledResource } from '../functions/handled-resource';
import { refuseRivals } from '../resource/rivals';

export interface SettingResourceProps<P extends SettingProperties> {
  readonly resourceType: EfsResourceType;
  readonly fileSystem: efs.IFileSystem;
  /** By which a `FileSystem` has the same setting itself; with both, each would undo the other. */
  readonly setting: OwnSetting;
  /** The calls that change the setting. */
  readonly actions: string[];
  readonly properties: Omit<P, keyof SettingProperties>;
}

/** A setting of a file system as a resource of its own, with the right to change it. */
export function settingResource<P extends SettingProperties>(
  scope: Construct, { resourceType, fileSystem, setting, actions, properties }: SettingResourceProps<P>,
): { resource: CfnResource; provider: EfsProvider } {
  const provider = EfsProvider.getOrCreate(scope);
  const resource = handledResource<SettingProperties>(scope, {
    resourceType,
    provider,
    properties: { FileSystemId: fileSystem.fileSystemId, ...properties },
  });
  const access = grantOnForeign(scope, { provider, fileSystem, statements: [{ actions }, claimStatement()] });
  if (access) { resource.node.addDependency(access, provider.adoptions.grant([holderStatement(scope)])); }
  const construct = resourceType.replace('Custom::', '');
  refuseRivals(scope, {
    kind: construct,
    thing: nameParts(scope, fileSystem),
    wants: {},
    conflict: rival => `'fileSystem' has the ${construct} ${rival.scope.node.path} already: EFS has one per file system, so leave out one of the two`,
  });
  // Grants give a file system a policy at any time.
  scope.node.addValidation({
    validate: () => {
      const cause = factsOf(fileSystem)?.causeOf?.(setting);
      return cause === undefined ? [] : [`'fileSystem' is ${fileSystem.node.path}, which has ${setting} ${cause}`];
    },
  });
  return { resource, provider };
}
