import { DescribeLifecycleConfigurationCommand, PutLifecycleConfigurationCommand, type LifecyclePolicy } from '@aws-sdk/client-efs';
import { about } from './naming-prop';
import { Efs } from '../efs';
import { settingOf, type SettingClients } from './setting';
import type { LifecycleConfigurationProperties, LifecyclePolicyProperty, SettingAttributes } from '../../../src/contract/configuration';
import type { Lifecycle } from '../../shared/resource-lifecycle';

/** Removed with the resource: files stay where they are, and move no more. */
export const lifecycleConfiguration = (clients: SettingClients): Lifecycle<LifecycleConfigurationProperties, SettingAttributes> => {
  const efs = new Efs(clients.efs);
  return settingOf(efs, {
    begin: async () => {},
    async apply(fileSystem, { LifecyclePolicies: wanted = [] }) {
      await reconcileLifecycle(efs, fileSystem.FileSystemId!, wanted, undefined);
      return true;
    },
    async isOurs(fileSystem, { LifecyclePolicies: wanted = [] }) {
      return wanted.length > 0 && sameTransitions(await lifecycleOf(efs, fileSystem.FileSystemId!), wanted);
    },
    remove: fileSystem => putLifecycle(efs, fileSystem.FileSystemId!, []),
  });
};

type Policies = readonly LifecyclePolicyProperty[];

/** Puts the transitions if there are others; removes all if there shall be none any more. */
export async function reconcileLifecycle(efs: Efs, fileSystemId: string, wanted: Policies | undefined, old: Policies | undefined): Promise<void> {
  if (wanted === undefined && old === undefined) { return; }
  if (sameTransitions(await lifecycleOf(efs, fileSystemId), wanted ?? [])) { return; }
  await putLifecycle(efs, fileSystemId, wanted ?? []);
}

export async function lifecycleOf(efs: Efs, fileSystemId: string): Promise<Policies> {
  const { LifecyclePolicies } = await efs.call(
    'DescribeLifecycleConfiguration', client => client.send(new DescribeLifecycleConfigurationCommand({ FileSystemId: fileSystemId })));
  return LifecyclePolicies ?? [];
}

export async function putLifecycle(efs: Efs, fileSystemId: string, policies: Policies): Promise<void> {
  const LifecyclePolicies = policies.map(policy => ({ ...policy }) as LifecyclePolicy);
  await about('lifecyclePolicy, outOfInfrequentAccessPolicy, transitionToArchivePolicy', () => efs.call(
    'PutLifecycleConfiguration', client => client.send(new PutLifecycleConfigurationCommand({ FileSystemId: fileSystemId, LifecyclePolicies }))));
}

/** In whatever order they stand. */
export function sameTransitions(one: Policies, other: Policies): boolean {
  return transitions(one) === transitions(other);
}

export function archives(policies: Policies = []): boolean {
  return policies.some(({ TransitionToArchive }) => TransitionToArchive !== undefined);
}

function transitions(policies: Policies): string {
  return policies
    .flatMap(policy => Object.entries(policy))
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join();
}
