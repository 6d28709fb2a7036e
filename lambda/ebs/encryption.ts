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

/**
 * Refuses to share a snapshot, or a machine image of it, if EBS would encrypt it so that EC2 does not share it. If the handler may not ask for the
 * key, EC2 refuses it after the copying.
 */
export async function refuseUnshareable(
  aws: EncryptionServices, { SharedWith = [], Registrations = [], ParentSnapshotId: parentId }: SnapshotImportProperties, wanted: WantedEncryption,
): Promise<void> {
  const images = Registrations.filter(image => image.SharedWith !== undefined);
  if (SharedWith.length + images.length === 0) { return; }
  const key = await unlessDenied(async () => parentId === undefined ? encryptionKeyOf(aws, wanted) : (await aws.snapshots.find(parentId))?.kmsKeyArn);
  if (key === undefined) { return; }
  const encrypted = parentId === undefined ? `the snapshot would be encrypted with ${key}` : `parent ${parentId} is encrypted with ${key}`;
  const ownKey = parentId === undefined ? 'give a key of your own as \'kmsKey\'' : 'copy the parent with a key of your own';
  if (await unlessDenied(() => aws.starter.isManagedByAws(key))) {
    if (SharedWith.length > 0) { throw new Error(`${encrypted}, which AWS manages, and EC2 shares no such snapshot; ${ownKey}, or leave 'sharedWithAccounts' out`); }
    throw new Error(`${encrypted}, which AWS manages, and EC2 shares no image with such a disk; ${ownKey}, or do not share machine image ${images[0].LogicalId}`);
  }
  const publicOne = images.find(image => image.SharedWith === 'ALL');
  if (publicOne) { throw new Error(`${encrypted}, and EC2 makes no image with such a disk public; do not share machine image ${publicOne.LogicalId} with everybody`); }
}

/** Returns undefined if the handler may not ask. */
async function unlessDenied<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (!isDenial(error)) { throw error; }
    log({ event: 'cannot tell whether the snapshot can be shared', because: saidBy(error) });
    return undefined;
  }
}
