import {
  DescribeLifecycleConfigurationCommand, PutLifecycleConfigurationCommand, type FileSystemDescription, type LifecyclePolicy,
} from '@aws-sdk/client-efs';
import { SettingLifecycle, type InForce } from './setting';
import type { LifecycleConfigurationProperties, LifecyclePolicyProperty } from '../../../src/contract/configuration';
import { OutOfReach } from '../../shared/errors';
import { boolean } from '../../shared/property-values';
import { digestOf } from '../claims/claim';
import type { Efs } from '../efs';

type Policies = readonly LifecyclePolicyProperty[];

/** The transitions are removed with the resource. Files stay in the storage class in which they are. */
export class LifecycleConfigurationLifecycle extends SettingLifecycle<LifecycleConfigurationProperties> {
  protected readonly kind = 'lifecycle';
  protected readonly name = 'the life-cycle configuration';

  protected digest(_fileSystem: FileSystemDescription, { LifecyclePolicies: wanted = [] }: LifecycleConfigurationProperties): string {
    return digestOf(transitionsIn(wanted));
  }

  protected async inForce(
    { FileSystemId: id }: FileSystemDescription, { LifecyclePolicies: wanted = [] }: LifecycleConfigurationProperties,
  ): Promise<InForce> {
    const present = await lifecycleOf(this.efs, id!);
    return isSameTransitions(present, wanted) ? 'wanted' : present.length === 0 ? 'none' : 'other';
  }

  protected async refuseForeign(
    { FileSystemId: id }: FileSystemDescription, { Overwrite: overwrite = false }: LifecycleConfigurationProperties,
  ): Promise<void> {
    if (boolean('overwrite', overwrite)) { return; }
    throw new OutOfReach(`file system ${id} has other life-cycle transitions already, which are not this resource's: remove them, or set 'overwrite'`);
  }

  protected async put(fileSystem: FileSystemDescription, { LifecyclePolicies: wanted = [] }: LifecycleConfigurationProperties): Promise<boolean> {
    await reconcileLifecycle(this.efs, fileSystem.FileSystemId!, wanted, undefined);
    return true;
  }

  /** Where there are no transitions, there is nothing to remove. */
  protected override async isOurs(fileSystem: FileSystemDescription, properties: LifecycleConfigurationProperties): Promise<boolean> {
    return (properties.LifecyclePolicies ?? []).length > 0 && super.isOurs(fileSystem, properties);
  }

  protected async unset(fileSystem: FileSystemDescription): Promise<void> {
    await putLifecycle(this.efs, fileSystem.FileSystemId!, []);
  }
}

/** Puts the transitions unless they are in force already; removes all if the prop was removed. */
export async function reconcileLifecycle(efs: Efs, fileSystemId: string, wanted: Policies | undefined, old: Policies | undefined): Promise<void> {
  if (wanted === undefined && old === undefined) { return; }
  if (isSameTransitions(await lifecycleOf(efs, fileSystemId), wanted ?? [])) { return; }
  await putLifecycle(efs, fileSystemId, wanted ?? []);
}

/** Whether any of the policies moves files to Archive. */
export function hasArchiveTransition(policies: Policies = []): boolean {
  return policies.some(({ TransitionToArchive }) => TransitionToArchive !== undefined);
}

/** Whether two lists have the same transitions, in whatever order. */
export function isSameTransitions(one: Policies, other: Policies): boolean {
  return transitionsIn(one) === transitionsIn(other);
}

/** Returns the transitions that are in force. */
export async function lifecycleOf(efs: Efs, fileSystemId: string): Promise<Policies> {
  const { LifecyclePolicies } = await efs.call(
    'DescribeLifecycleConfiguration', client => client.send(new DescribeLifecycleConfigurationCommand({ FileSystemId: fileSystemId })));
  return LifecyclePolicies ?? [];
}

async function putLifecycle(efs: Efs, fileSystemId: string, policies: Policies): Promise<void> {
  const LifecyclePolicies = policies.map(policy => ({ ...policy }) as LifecyclePolicy);
  await efs.call(
    'PutLifecycleConfiguration', client => client.send(new PutLifecycleConfigurationCommand({ FileSystemId: fileSystemId, LifecyclePolicies })),
    { prop: 'lifecyclePolicy, outOfInfrequentAccessPolicy, transitionToArchivePolicy' });
}

function transitionsIn(policies: Policies): string {
  return policies
    .flatMap(policy => Object.entries(policy))
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join();
}
