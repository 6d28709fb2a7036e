import type { FileSystemDescription } from '@aws-sdk/client-efs';
import { withTargets, type Situation } from './plan';
import { callDigest, otherRecords, ownRecord, readRecord, recordKey, recordTag, sentOf, NO_STACK, stackDigest, type OtherRecord } from './record';
import type { SetRecord } from './record-text';
import { sharedTargets } from './sharing';
import type { MountTargetsProperties } from '../../../src/contract/mount-targets';
import { ownerDigest } from '../../shared/ownership';
import type { Context } from '../../shared/resource-lifecycle';
import type { RetryOptions } from '../../shared/retry';
import type { Efs } from '../efs';

/** A situation with the record of the set, which may be of an earlier stack with the same name. */
export interface RecordedSituation extends Situation {
  readonly record: SetRecord | undefined;
}

/** What a creation takes over. */
export interface Taken {
  /** Subnets of mount targets that were there before the adoption of their file system. */
  readonly taken?: readonly string[];
  /** What a former set with the same key retained. */
  readonly retained?: Pick<SetRecord, 'subnetIds' | 'securityGroups'>;
}

/** Reads and writes the records of sets of mount targets. */
export class SetRecords {
  constructor(private readonly efs: Efs) {}

  /** Returns the record of the set with this physical id. */
  public async find(id: string, options?: RetryOptions): Promise<SetRecord | undefined> {
    const [fileSystemId, key] = splitId(id);
    const fileSystem = await this.efs.fileSystem(fileSystemId, options);
    return fileSystem && readRecord(fileSystem, key);
  }

  /** Returns the records of the other sets on the file system. */
  public async others(id: string): Promise<OtherRecord[]> {
    const [fileSystemId, key] = splitId(id);
    const fileSystem = await this.efs.fileSystem(fileSystemId);
    return fileSystem ? otherRecords(fileSystem, key) : [];
  }

  /** Writes a record unless the file system has the same already. */
  public async write(fileSystem: FileSystemDescription, key: string, record: SetRecord): Promise<void> {
    const tag = recordTag(key, record);
    if (fileSystem.Tags?.some(({ Key, Value }) => Key === tag.Key && Value === tag.Value)) { return; }
    await this.efs.tag(fileSystem.FileSystemId!, [tag]);
  }

  public async delete(fileSystemId: string, key: string): Promise<void> {
    await this.efs.untag(fileSystemId, [recordKey(key)]);
  }

  /** Writes that a set without a stack has these mount targets, until a stack of the same name takes them up. */
  public async giveBack(fileSystem: FileSystemDescription, key: string, record: SetRecord, subnetIds: readonly string[]): Promise<void> {
    const { formerGroups: securityGroups = record.securityGroups } = record;
    await this.write(fileSystem, key, {
      ...record, state: 'ready', stack: NO_STACK, subnetIds, retained: undefined, securityGroups, formerGroups: undefined, settling: undefined,
    });
  }

  /** Forgets those of some subnets that have no mount target, unless another call or a deletion has begun. */
  public async forget(subnetIds: readonly string[], id: string, context: Context): Promise<void> {
    const [fileSystemId, key] = splitId(id);
    const targets = await this.efs.mountTargets(fileSystemId);
    const fileSystem = await this.efs.fileSystem(fileSystemId);
    const record = fileSystem && readRecord(fileSystem, key);
    if (!record || record.state === 'deleting' || record.call !== callDigest(context)) { return; }
    const present = withTargets(subnetIds, targets);
    await this.write(fileSystem, key, { ...record, subnetIds: record.subnetIds.filter(one => present.includes(one) || !subnetIds.includes(one)) });
  }

  /**
   * Writes the record of a call that begins. Leaves it as it is if the same call has written it before: another delivery of its
   * event may have got further already.
   */
  public async begin(
    situation: RecordedSituation, state: SetRecord['state'], properties: MountTargetsProperties, context: Context, { taken = [], retained }: Taken = {},
  ): Promise<void> {
    const { fileSystem, recorded, targets } = situation;
    const record = ownRecord(situation.record, context);
    const call = callDigest(context);
    if (record && record.call === call && record.state !== 'deleting' && taken.length === 0) { return; }
    const shared = sharedTargets(situation);
    // Subnets without a mount target follow just before one is made there. Until then, somebody else may make one.
    const subnetIds = withTargets([...new Set([...recorded, ...shared.subnetIds])], targets);
    const adopted = [...situation.record?.adopted ?? [], ...taken, ...shared.adopted];
    await this.write(fileSystem, ownerDigest(properties), {
      state,
      stack: stackDigest(context),
      call,
      sent: sentOf(context),
      subnetIds,
      adopted: subnetIds.filter(id => adopted.includes(id)),
      retained: retained?.subnetIds,
      securityGroups: properties.SecurityGroups,
      formerGroups: retained?.securityGroups,
      settling: record?.settling,
      owner: properties.Owner,
    });
  }
}

/** Splits the physical id of a set into the file system's id and the key of the set. */
export function splitId(id: string): [fileSystemId: string, key: string] {
  const slash = id.indexOf('/');
  return [id.slice(0, slash), id.slice(slash + 1)];
}
