import {
  DeleteFileSystemPolicyCommand, DescribeFileSystemPolicyCommand, PutFileSystemPolicyCommand, type FileSystemDescription,
} from '@aws-sdk/client-efs';
import { SettingLifecycle, type SettingServices } from './setting';
import type { FileSystemPolicyProperties } from '../../../src/contract/configuration';
import { isNamed } from '../../shared/errors';
import { boolean } from '../../shared/property-values';
import type { Efs } from '../efs';

/** The policy is deleted with the resource. EFS's default is then in force again, which allows everything to clients that reach a mount target. */
export class FileSystemPolicyLifecycle extends SettingLifecycle<FileSystemPolicyProperties> {
  constructor({ efs }: SettingServices) {
    super(efs);
  }

  /** Refuses to replace a policy that somebody else put. */
  protected async begin(
    { FileSystemId: id }: FileSystemDescription, { FileSystemPolicy: wanted, Overwrite: overwrite = false }: FileSystemPolicyProperties,
    old: FileSystemPolicyProperties | undefined,
  ): Promise<void> {
    if (old || boolean('overwrite', overwrite)) { return; }
    const present = await policyOf(this.efs, id!);
    if (present === undefined || isSamePolicy(present, wanted)) { return; }
    throw new Error(`file system ${id} has another policy already, which is not this resource's: remove that, or set 'overwrite'`);
  }

  protected async apply(fileSystem: FileSystemDescription, { FileSystemPolicy: wanted }: FileSystemPolicyProperties): Promise<boolean> {
    await reconcilePolicy(this.efs, fileSystem.FileSystemId!, wanted, undefined);
    return true;
  }

  protected async isOurs(fileSystem: FileSystemDescription, { FileSystemPolicy: wanted }: FileSystemPolicyProperties): Promise<boolean> {
    const present = await policyOf(this.efs, fileSystem.FileSystemId!);
    return present !== undefined && isSamePolicy(present, wanted);
  }

  protected async remove(fileSystem: FileSystemDescription, { FileSystemPolicy: old }: FileSystemPolicyProperties): Promise<void> {
    await reconcilePolicy(this.efs, fileSystem.FileSystemId!, undefined, old);
  }
}

/** Puts the policy unless it is in force already; deletes the policy of the old properties if none is wanted. */
export async function reconcilePolicy(efs: Efs, fileSystemId: string, wanted: unknown, old: unknown): Promise<void> {
  if (wanted === undefined) {
    if (old !== undefined) { await deletePolicy(efs, fileSystemId); }
    return;
  }
  const present = await policyOf(efs, fileSystemId);
  if (present !== undefined && isSamePolicy(present, wanted)) { return; }
  const policy = typeof wanted === 'string' ? wanted : JSON.stringify(wanted);
  await efs.call('PutFileSystemPolicy', client => client.send(new PutFileSystemPolicyCommand({ FileSystemId: fileSystemId, Policy: policy })));
}

/** Whether two policies are equal apart from the order of members, the type of scalars, and whether a list of one is written as a list. */
export function isSamePolicy(present: string, wanted: unknown): boolean {
  return canonicalPolicy(present) === canonicalPolicy(wanted);
}

/** Returns undefined if EFS's default policy is in force. */
async function policyOf(efs: Efs, fileSystemId: string): Promise<string | undefined> {
  try {
    const { Policy } = await efs.call(
      'DescribeFileSystemPolicy', client => client.send(new DescribeFileSystemPolicyCommand({ FileSystemId: fileSystemId })));
    return Policy;
  } catch (error) {
    if (isNamed(error, 'PolicyNotFound')) { return undefined; }
    throw error;
  }
}

async function deletePolicy(efs: Efs, fileSystemId: string): Promise<void> {
  try {
    await efs.call('DeleteFileSystemPolicy', client => client.send(new DeleteFileSystemPolicyCommand({ FileSystemId: fileSystemId })));
  } catch (error) {
    if (!isNamed(error, 'PolicyNotFound')) { throw error; }
  }
}

function canonicalPolicy(policy: unknown): string {
  return JSON.stringify(canonicalValue(typeof policy === 'string' ? JSON.parse(policy) : policy));
}

function canonicalValue(value: unknown): unknown {
  if (Array.isArray(value)) { return value.length === 1 ? canonicalValue(value[0]) : value.map(canonicalValue); }
  if (value !== null && typeof value === 'object') {
    return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, canonicalValue(inner)]);
  }
  return String(value);
}
