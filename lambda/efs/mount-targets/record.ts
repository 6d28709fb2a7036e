import { createHash } from 'node:crypto';
import type { FileSystemDescription, Tag } from '@aws-sdk/client-efs';
import { OWNERSHIP_TAG_PREFIX } from '../../../src/contract/ownership';
import { valueOf } from '../../shared/ownership';
import type { Context } from '../../shared/resource-lifecycle';

const LONGEST_VALUE = 256;
/** Prefix of a subnet whose mount target was there before the set. */
const ADOPTED_PREFIX = '+';
/** Prefix of the time since which new mount targets are available; alone while they are not. */
const SETTLING_PREFIX = '@';

/**
 * The record of a set of mount targets: one tag on its file system, because mount targets have no tags. A mount target belongs to the
 * set if and only if its subnet is recorded. EFS allows one mount target per Availability Zone, and a subnet is recorded only while its
 * zone has none, so the record cannot name a mount target that somebody else made.
 */
export interface SetRecord {
  /** `deleting` stops requests that still work on the set. */
  readonly state: 'creating' | 'ready' | 'deleting';
  /** Digest of the stack and logical id that own the set. */
  readonly resource: string;
  /** Digest of the latest request, the only one that may change the set. */
  readonly request: string;
  readonly subnetIds: readonly string[];
  /** Those of `subnetIds` whose mount targets were there before the set. They are released, not deleted, with an adopted file system. */
  readonly adopted?: readonly string[];
  /**
   * When new mount targets were first seen available, in milliseconds since 1970, or `pending`: their DNS names are not known at once.
   * Absent: there are no new ones.
   */
  readonly settling?: number | 'pending';
}

export function recordKey(address: string): string {
  return `${OWNERSHIP_TAG_PREFIX}mount-targets:${address}`;
}

export function readRecord({ Tags: tags }: FileSystemDescription, address: string): SetRecord | undefined {
  const value = valueOf(tags, recordKey(address));
  if (value === undefined) { return undefined; }
  const [state, resource, request, ...words] = value.split(' ').filter(word => word !== '');
  const subnets = words.filter(word => !word.startsWith(SETTLING_PREFIX));
  const mark = words.find(word => word.startsWith(SETTLING_PREFIX))?.slice(SETTLING_PREFIX.length);
  const adopted = subnets.filter(word => word.startsWith(ADOPTED_PREFIX)).map(subnetIdOf);
  return {
    state: state as SetRecord['state'],
    resource,
    request,
    subnetIds: subnets.map(subnetIdOf),
    ...adopted.length > 0 && { adopted },
    ...mark !== undefined && { settling: mark === '' ? 'pending' : 1000 * parseInt(mark, 36) },
  };
}

/** Returns the tag for a record. Twelve subnets fit: an old one and a new one in each of six Availability Zones. */
export function recordTag(address: string, { state, resource, request, subnetIds, adopted = [], settling }: SetRecord): Tag {
  const subnets = subnetIds.map(id => `${adopted.includes(id) ? ADOPTED_PREFIX : ''}${id.replace(/^subnet-/, '')}`);
  const mark = settling === undefined ? [] : [`${SETTLING_PREFIX}${settling === 'pending' ? '' : Math.ceil(settling / 1000).toString(36)}`];
  const value = [state, resource, request, ...subnets, ...mark].join(' ');
  if (value.length > LONGEST_VALUE) {
    throw new Error(`'vpcSubnets' takes too many Availability Zones at once: subnets ${subnetIds.join(', ')} do not fit into one tag`);
  }
  return { Key: recordKey(address), Value: value };
}

/** Returns the record if it is of the set with this stack and logical id. */
export function ownRecord(record: SetRecord | undefined, context: Context): SetRecord | undefined {
  return record?.resource === resourceDigest(context) ? record : undefined;
}

/**
 * Returns the record if the request of `context` is the latest one of its set. Throws otherwise: the polls and retries of an earlier
 * request must not undo what a later one did.
 */
export function currentRecord(record: SetRecord | undefined, id: string, context: Context): SetRecord {
  if (!record || !ownRecord(record, context)) { throw new Error(`the set of mount targets ${id} was deleted while it was being made ready`); }
  if (record.state === 'deleting') { throw new Error(`the set of mount targets ${id} is being deleted`); }
  if (record.request !== requestDigest(context)) { throw new Error(`the request for the set of mount targets ${id} was superseded by a later one`); }
  return record;
}

/** Returns the subnets recorded by all sets on the file system except one. */
export function subnetsOfSets({ Tags: tags = [] }: FileSystemDescription, exceptKey: string): string[] {
  return tags.filter(({ Key }) => Key !== exceptKey && Key!.startsWith(recordKey(''))).flatMap(({ Value }) => subnetsIn(Value!));
}

/** Returns the subnets of sets that are being deleted, and whose mount targets will therefore go. */
export function subnetsOfLeavingSets({ Tags: tags = [] }: FileSystemDescription): string[] {
  return tags.filter(({ Key, Value }) => Key!.startsWith(recordKey('')) && Value!.startsWith('deleting ' satisfies `${SetRecord['state']} `))
    .flatMap(({ Value }) => subnetsIn(Value!));
}

export function resourceDigest({ stackId, logicalId }: Context): string {
  return digest(`${stackId} ${logicalId}`);
}

export function requestDigest({ requestId }: Context): string {
  return digest(requestId);
}

function subnetsIn(value: string): string[] {
  return value.split(' ').slice(3).filter(word => word !== '' && !word.startsWith(SETTLING_PREFIX)).map(subnetIdOf);
}

function subnetIdOf(word: string): string {
  return `subnet-${word.replace(ADOPTED_PREFIX, '')}`;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
