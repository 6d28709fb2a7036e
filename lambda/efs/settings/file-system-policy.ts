import {
  DeleteFileSystemPolicyCommand, DescribeFileSystemPolicyCommand, PutFileSystemPolicyCommand, type FileSystemDescription,
} from '@aws-sdk/client-efs';
import { isSamePolicy, meaningIn, rolesAndUsersIn } from './policy-meaning';
import { SettingLifecycle, type InForce } from './setting';
import type { FileSystemPolicyProperties } from '../../../src/contract/configuration';
import { isNamed, OutOfReach } from '../../shared/errors';
import { boolean } from '../../shared/property-values';
import { RETRY_POLICIES } from '../../shared/retry';
import { digestOf } from '../claims/claim';
import type { Efs } from '../efs';

/** Principals that an error names. */
const MOST_PRINCIPALS = 3;

/** The policy is deleted with the resource. EFS's default is then in force again, which allows everything to clients that reach a mount target. */
export class FileSystemPolicyLifecycle extends SettingLifecycle<FileSystemPolicyProperties> {
  protected readonly kind = 'policy';
  protected readonly name = 'the policy';

  protected digest({ FileSystemArn: arn }: FileSystemDescription, { FileSystemPolicy: wanted }: FileSystemPolicyProperties): string {
    return digestOf(meaningIn(wanted, arn!));
  }

  protected async inForce(
    { FileSystemId: id, FileSystemArn: fileSystemArn }: FileSystemDescription, { FileSystemPolicy: wanted }: FileSystemPolicyProperties,
  ): Promise<InForce> {
    const present = await policyOf(this.efs, id!);
    return present === undefined ? 'none' : isSamePolicy(present, wanted, { fileSystemArn: fileSystemArn! }) ? 'wanted' : 'other';
  }

  protected async refuseForeign(
    { FileSystemId: id }: FileSystemDescription, { Overwrite: overwrite = false }: FileSystemPolicyProperties,
  ): Promise<void> {
    if (boolean('overwrite', overwrite)) { return; }
    throw new OutOfReach(`file system ${id} has another policy already, which is not this resource's: remove that, or set 'overwrite'`);
  }

  protected async put(fileSystem: FileSystemDescription, { FileSystemPolicy: wanted }: FileSystemPolicyProperties): Promise<boolean> {
    await reconcilePolicy({ efs: this.efs, fileSystem, prop: 'document' }, wanted, undefined);
    return true;
  }

  /** The policy stays ours when a role in it is deleted, which changes what EFS describes. */
  protected override async isOurs(fileSystem: FileSystemDescription, { FileSystemPolicy: wanted }: FileSystemPolicyProperties): Promise<boolean> {
    const present = await policyOf(this.efs, fileSystem.FileSystemId!);
    return present !== undefined && isSamePolicy(present, wanted, { fileSystemArn: fileSystem.FileSystemArn!, ignoresDeletions: true });
  }

  protected async unset(fileSystem: FileSystemDescription): Promise<void> {
    await deletePolicy(this.efs, fileSystem.FileSystemId!);
  }
}

/** The file system whose policy is reconciled, and the prop that has the policy. */
export interface PolicyTarget {
  readonly efs: Efs;
  readonly fileSystem: FileSystemDescription;
  readonly prop: 'fileSystemPolicy' | 'document';
}

/** Puts the policy unless it is in force already. If none is wanted, deletes that of the old properties, unless somebody else has changed it since. */
export async function reconcilePolicy(target: PolicyTarget, wanted: unknown, old: unknown): Promise<void> {
  const { efs, fileSystem: { FileSystemId: id, FileSystemArn: fileSystemArn } } = target;
  if (wanted === undefined && old === undefined) { return; }
  const present = await policyOf(efs, id!);
  const isPresent = (policy: unknown, options = {}) =>
    present !== undefined && isSamePolicy(present, policy, { fileSystemArn: fileSystemArn!, ...options });
  if (wanted === undefined) {
    if (isPresent(old, { ignoresDeletions: true })) { await deletePolicy(efs, id!); }
  } else if (!isPresent(wanted)) {
    await putPolicy(target, wanted);
  }
}

/** EFS learns late from IAM that a principal exists, so that this error passes by itself if the principal is new. */
function isUnknownPrincipal(error: unknown): boolean {
  return isNamed(error, 'InvalidPolicyException') && /invalid Principal/i.test((error as Error).message);
}

async function putPolicy({ efs, fileSystem: { FileSystemId: id }, prop }: PolicyTarget, wanted: unknown): Promise<void> {
  const Policy = typeof wanted === 'string' ? wanted : JSON.stringify(wanted);
  const begin = Date.now();
  try {
    await efs.call('PutFileSystemPolicy', client => client.send(new PutFileSystemPolicyCommand({ FileSystemId: id, Policy })),
      { policy: RETRY_POLICIES.PRINCIPAL_VISIBILITY, retryIf: isUnknownPrincipal });
  } catch (error) {
    if (isNamed(error, 'InvalidPolicyException')) {
      (error as Error).message = `'${prop}' of file system ${id} ${causeOf(error, wanted, Date.now() - begin)} (EFS: ${(error as Error).message})`;
    }
    throw error;
  }
}

/** Says why EFS refused a policy, and what to change. */
function causeOf(error: unknown, wanted: unknown, milliseconds: number): string {
  if (isUnknownPrincipal(error)) {
    const named = rolesAndUsersIn(wanted).slice(0, MOST_PRINCIPALS).join(', ') || 'see its statements';
    return `names a principal that EFS did not know for ${Math.round(milliseconds / 1000)} seconds: correct or remove it (${named})`;
  }
  if (/prevent future FileSystemPolicy updates/i.test((error as Error).message)) {
    return "would keep this stack's function from ever changing it: let its Deny statements leave out elasticfilesystem:PutFileSystemPolicy, or that function's role";
  }
  return 'is refused';
}

/** Returns undefined if EFS's default policy is in force. */
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

async function deletePolicy(efs: Efs, fileSystemId: string): Promise<void> {
  try {
    await efs.call('DeleteFileSystemPolicy', client => client.send(new DeleteFileSystemPolicyCommand({ FileSystemId: fileSystemId })));
  } catch (error) {
    if (!isNamed(error, 'PolicyNotFound')) { throw error; }
  }
}
