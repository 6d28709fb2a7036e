import { DeleteFileSystemPolicyCommand, DescribeFileSystemPolicyCommand, PutFileSystemPolicyCommand } from '@aws-sdk/client-efs';
import { Efs } from '../efs';
import { settingOf, type SettingClients } from './setting';
import type { FileSystemPolicyProperties, SettingAttributes } from '../../../src/contract/configuration';
import { isNamed } from '../../shared/errors';
import { boolean } from '../../shared/property-values';
import type { Lifecycle } from '../../shared/resource-lifecycle';

/** Removed with the resource: EFS's default is in force again, which allows everything to whoever reaches a mount target. */
export const fileSystemPolicy = (clients: SettingClients): Lifecycle<FileSystemPolicyProperties, SettingAttributes> => {
  const efs = new Efs(clients.efs);
  return settingOf(efs, {
    async begin(fileSystem, { FileSystemPolicy: wanted, Overwrite: overwrite = false }, old) {
      if (old || boolean('overwrite', overwrite)) { return; }
      const present = await policyOf(efs, fileSystem.FileSystemId!);
      if (present === undefined || isSamePolicy(present, wanted)) { return; }
      throw new Error(`file system ${fileSystem.FileSystemId!} has another policy already, which is not this resource's: remove that, or set 'overwrite'`);
    },
    async apply(fileSystem, { FileSystemPolicy: wanted }) {
      await reconcilePolicy(efs, fileSystem.FileSystemId!, wanted, undefined);
      return true;
    },
    async isOurs(fileSystem, { FileSystemPolicy: wanted }) {
      const present = await policyOf(efs, fileSystem.FileSystemId!);
      return present !== undefined && isSamePolicy(present, wanted);
    },
    remove: (fileSystem, { FileSystemPolicy: old }) => reconcilePolicy(efs, fileSystem.FileSystemId!, undefined, old),
  });
};

/** Puts the policy if another one, or none, is in force; removes the one of the old properties if there shall be none. */
export async function reconcilePolicy(efs: Efs, fileSystemId: string, wanted: unknown, old: unknown): Promise<void> {
  if (wanted === undefined) {
    if (old !== undefined) { await remove(efs, fileSystemId); }
    return;
  }
  const present = await policyOf(efs, fileSystemId);
  if (present !== undefined && isSamePolicy(present, wanted)) { return; }
  const policy = typeof wanted === 'string' ? wanted : JSON.stringify(wanted);
  await efs.call('PutFileSystemPolicy', client => client.send(new PutFileSystemPolicyCommand({ FileSystemId: fileSystemId, Policy: policy })));
}

/** undefined: the service's default is in force. */
export async function policyOf(efs: Efs, fileSystemId: string): Promise<string | undefined> {
  try {
    const { Policy } = await efs.call(
      'DescribeFileSystemPolicy', client => client.send(new DescribeFileSystemPolicyCommand({ FileSystemId: fileSystemId })));
    return Policy;
  } catch (error) {
    if (isNamed(error, 'PolicyNotFound')) { return undefined; }
    throw error;
  }
}

async function remove(efs: Efs, fileSystemId: string): Promise<void> {
  try {
    await efs.call('DeleteFileSystemPolicy', client => client.send(new DeleteFileSystemPolicyCommand({ FileSystemId: fileSystemId })));
  } catch (error) {
    if (!isNamed(error, 'PolicyNotFound')) { throw error; }
  }
}

/** Whether these are the same. */
export function isSamePolicy(present: string, wanted: unknown): boolean {
  return canonical(present) === canonical(wanted);
}

/** Whatever the order of its members, the type of its scalars, and whether a list of one stands as a list. */
function canonical(policy: unknown): string {
  return JSON.stringify(normal(typeof policy === 'string' ? JSON.parse(policy) : policy));
}

function normal(value: unknown): unknown {
  if (Array.isArray(value)) { return value.length === 1 ? normal(value[0]) : value.map(normal); }
  if (value !== null && typeof value === 'object') {
    return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, normal(inner)]);
  }
  return String(value);
}
