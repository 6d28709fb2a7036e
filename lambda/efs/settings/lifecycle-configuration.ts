import {
  DescribeLifecycleConfigurationCommand, PutLifecycleConfigurationCommand, type FileSystemDescription, type LifecyclePolicy,
} from '@aws-sdk/client-efs';
import { SettingLifecycle, type SettingServices } from './setting';
import type { LifecycleConfigurationProperties, LifecyclePolicyProperty } from '../../../src/contract/configuration';
import type { Efs } from '../efs';

type Policies = readonly LifecyclePolicyProperty[];

/** The transitions are removed with the resource. Files stay in the storage class in which they are. */
export class LifecycleConfigurationLifecycle extends SettingLifecycle<LifecycleConfigurationProperties> {
  constructor({ efs }: SettingServices) {
    super(efs);
  }

  protected async apply(fileSystem: FileSystemDescription, { LifecyclePolicies: wanted = [] }: LifecycleConfigurationProperties): Promise<boolean> {
    await reconcileLifecycle(this.efs, fileSystem.FileSystemId!, wanted, undefined);
    return true;
  }

  protected async isOurs(fileSystem: FileSystemDescription, { LifecyclePolicies: wanted = [] }: LifecycleConfigurationProperties): Promise<boolean> {
    return wanted.length > 0 && isSameTransitions(await lifecycleOf(this.efs, fileSystem.FileSystemId!), wanted);
  }

  protected async remove(fileSystem: FileSystemDescription): Promise<void> {
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

async function lifecycleOf(efs: Efs, fileSystemId: string): Promise<Policies> {
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
