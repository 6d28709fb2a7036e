import type { ImportServices } from './services';
import type { SnapshotImportProperties } from '../../src/contract/snapshot-import';
import { isDenial } from '../shared/denials';
import { saidBy } from '../shared/errors';
import { log } from '../shared/log';

/** The encryption that the user asks for. */
export interface WantedEncryption {
  /** `false`: the account's default decides. */
  readonly encrypted: boolean;
  readonly kmsKeyArn?: string;
}

type EncryptionServices = Pick<ImportServices, 'snapshots' | 'starter'>;

/** Returns the key that EBS would encrypt a new snapshot with that has no parent; undefined if EBS would not encrypt it. */
export async function encryptionKeyOf(
  { snapshots, starter }: EncryptionServices, { kmsKeyArn, encrypted }: WantedEncryption,
): Promise<string | undefined> {
  if (kmsKeyArn !== undefined) { return kmsKeyArn; }
  const { always, key } = await snapshots.defaultEncryption();
  if (!encrypted && !always) { return undefined; }
  // EC2 returns the alias of the key that AWS manages.
  return /:key\//.test(key) ? key : starter.keyArn(key);
}

/** Refuses to share a snapshot that EBS would encrypt with a key of AWS. If the handler may not describe the key, EC2 refuses it after the copying. */
export async function refuseUnshareable(
  aws: EncryptionServices, { SharedWith = [], ParentSnapshotId: parentId }: SnapshotImportProperties, wanted: WantedEncryption,
): Promise<void> {
  if (SharedWith.length === 0) { return; }
  const managed = await managedKeyOf(aws, parentId, wanted).catch(error => {
    if (!isDenial(error)) { throw error; }
    log({ event: 'cannot tell whether the snapshot can be shared', because: saidBy(error) });
    return undefined;
  });
  if (managed === undefined) { return; }
  throw new Error(parentId === undefined
    ? `the snapshot would be encrypted with ${managed}, which AWS manages, and EC2 shares no such snapshot; `
      + 'give a key of your own as \'kmsKey\', or leave \'sharedWithAccounts\' out'
    : `parent ${parentId} is encrypted with ${managed}, which AWS manages, and EC2 shares no such snapshot; `
      + 'copy the parent with a key of your own, or leave \'sharedWithAccounts\' out');
}

/** Returns the key of the new snapshot if AWS manages it. */
async function managedKeyOf(aws: EncryptionServices, parentId: string | undefined, wanted: WantedEncryption): Promise<string | undefined> {
  const key = parentId === undefined ? await encryptionKeyOf(aws, wanted) : (await aws.snapshots.find(parentId))?.kmsKeyArn;
  return key !== undefined && await aws.starter.isManagedByAws(key) ? key : undefined;
}
