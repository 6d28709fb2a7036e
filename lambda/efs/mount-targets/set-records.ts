import type { FileSystemDescription } from '@aws-sdk/client-efs';
import { withTargets, type Situation } from './plan';
import { ownRecord, readRecord, recordKey, recordTag, requestDigest, resourceDigest, type SetRecord } from './record';
import type { Context } from '../../shared/resource-lifecycle';
import type { RetryOptions } from '../../shared/retry';
import type { Efs } from '../efs';

/** A situation with the record of the set, which may be of another stack's set with the same address. */
export interface RecordedSituation extends Situation {
  readonly record: SetRecord | undefined;
}

/** Reads and writes the records of sets of mount targets. */
export class SetRecords {
  constructor(private readonly efs: Efs) {}

  /** Returns the record of the set with this physical id. */
  public async find(id: string, options?: RetryOptions): Promise<SetRecord | undefined> {
    const [fileSystemId, address] = splitId(id);
    const fileSystem = await this.efs.fileSystem(fileSystemId, options);
    return fileSystem && readRecord(fileSystem, address);
  }

  /** Writes a record unless the file system has the same already. */
  public async write(fileSystem: FileSystemDescription, address: string, record: SetRecord): Promise<void> {
    const tag = recordTag(address, record);
    if (fileSystem.Tags?.some(({ Key, Value }) => Key === tag.Key && Value === tag.Value)) { return; }
    await this.efs.tag(fileSystem.FileSystemId!, [tag]);
  }

  public async delete(fileSystemId: string, address: string): Promise<void> {
    await this.efs.untag(fileSystemId, [recordKey(address)]);
  }

  /** Forgets the subnets that have no mount target, unless another request or a deletion has begun. */
  public async forgetUnmade(id: string, context: Context): Promise<void> {
    const [fileSystemId, address] = splitId(id);
    const targets = await this.efs.mountTargets(fileSystemId);
    const fileSystem = await this.efs.fileSystem(fileSystemId);
    const record = fileSystem && readRecord(fileSystem, address);
    if (!record || record.state === 'deleting' || record.request !== requestDigest(context)) { return; }
    await this.write(fileSystem, address, { ...record, subnetIds: withTargets(record.subnetIds, targets) });
  }

  /**
   * Writes the record of a request that begins. Leaves it as it is if the same request has written it before: another delivery of its
   * event may have got further already. `taken`: subnets of mount targets that the set takes over.
   */
  public async begin(
    situation: RecordedSituation, address: string, state: SetRecord['state'], context: Context, taken: readonly string[] = [],
  ): Promise<void> {
    const { fileSystem, recorded, targets } = situation;
    const record = ownRecord(situation.record, context);
    const request = requestDigest(context);
    if (record && record.request === request && record.state !== 'deleting' && taken.length === 0) { return; }
    await this.write(fileSystem, address, {
      state,
      resource: resourceDigest(context),
      request,
      // Subnets without a mount target follow just before one is made there. Until then, somebody else may make one.
      subnetIds: withTargets(recorded, targets),
      adopted: [...record?.adopted ?? [], ...taken],
      settling: record?.settling,
    });
  }
}

/** Splits the physical id of a set into the file system's id and the set's address. */
export function splitId(id: string): [fileSystemId: string, address: string] {
  const slash = id.indexOf('/');
  return [id.slice(0, slash), id.slice(slash + 1)];
}
