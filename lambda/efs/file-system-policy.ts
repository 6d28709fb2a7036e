import { DeleteFileSystemPolicyCommand, DescribeFileSystemPolicyCommand, PutFileSystemPolicyCommand } from '@aws-sdk/client-efs';
import type { Efs } from './efs';
import { isNamed } from '../shared/errors';

/** Puts the policy if another one, or none, is in force; removes the one of the old properties if there shall be none. */
export async function reconcilePolicy(efs: Efs, fileSystemId: string, wanted: unknown, old: unknown): Promise<void> {
  if (wanted === undefined) {
    if (old !== undefined) { await remove(efs, fileSystemId); }
    return;
  }
  const present = await read(efs, fileSystemId);
  if (present !== undefined && canonical(present) === canonical(wanted)) { return; }
  const policy = typeof wanted === 'string' ? wanted : JSON.stringify(wanted);
  await efs.call('PutFileSystemPolicy', client => client.send(new PutFileSystemPolicyCommand({ FileSystemId: fileSystemId, Policy: policy })));
}

async function read(efs: Efs, fileSystemId: string): Promise<string | undefined> {
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
