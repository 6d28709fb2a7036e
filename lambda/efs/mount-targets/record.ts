import { createHash } from 'node:crypto';
import type { FileSystemDescription, Tag } from '@aws-sdk/client-efs';
import { OWNERSHIP_TAG_PREFIX } from '../../../src/contract/ownership';
import { valueOf } from '../../shared/ownership';
import type { Context } from '../../shared/resource-lifecycle';

const LONGEST_VALUE = 256;
/** Before a subnet. */
const ADOPTED = '+';
/** Before the time, and without one. */
const SETTLING = '@';

/**
 * What a set of mount targets remembers in one tag on its file system, since
 * mount targets have no tags: a target is the set's if and only if its subnet is
 * in here. EFS allows one target for each Availability Zone, and a subnet gets
 * in only while its zone has none, so nobody else's can be meant.
 */
export interface SetRecord {
  /** `deleting` ends whatever is still under way for the set. */
  readonly state: 'creating' | 'ready' | 'deleting';
  /** Digest of stack and logical id. */
  readonly resource: string;
  /** Digest of the request that counts: the latest one. */
  readonly request: string;
  readonly subnetIds: readonly string[];
  /** Those of them whose targets were there before the set, and are only released with an adopted file system. */
  readonly adopted?: readonly string[];
  /**
   * There are new mount targets, whose names have to get known first: when they were first seen
   * available, in milliseconds since 1970, or `pending`. Absent: nothing to wait for.
   */
  readonly settling?: number | 'pending';
}

export function recordKey(address: string): string {
  return `${OWNERSHIP_TAG_PREFIX}mount-targets:${address}`;
}

export function readRecord({ Tags: tags }: FileSystemDescription, address: string): SetRecord | undefined {
  const value = valueOf(tags, recordKey(address));
  if (value === undefined) { return undefined; }
  const [state, resource, request, ...rest] = value.split(' ').filter(word => word !== '');
  const subnets = rest.filter(word => !word.startsWith(SETTLING));
  const mark = rest.find(word => word.startsWith(SETTLING))?.slice(SETTLING.length);
  const adopted = subnets.filter(id => id.startsWith(ADOPTED)).map(idOf);
  return {
    state: state as SetRecord['state'],
    resource,
    request,
    subnetIds: subnets.map(idOf),
    ...adopted.length > 0 && { adopted },
    ...mark !== undefined && { settling: mark === '' ? 'pending' : 1000 * parseInt(mark, 36) },
  };
}

/** The subnets of all sets on the file system but this one. */
export function subnetsOfSets({ Tags: tags = [] }: FileSystemDescription, exceptKey: string): string[] {
  return tags.filter(({ Key }) => Key !== exceptKey && Key!.startsWith(recordKey(''))).flatMap(({ Value }) => subnetsIn(Value!));
}

/** Those of the sets that are being deleted: their targets go, sooner or later. */
export function subnetsOfLeavingSets({ Tags: tags = [] }: FileSystemDescription): string[] {
  return tags.filter(({ Key, Value }) => Key!.startsWith(recordKey('')) && Value!.startsWith('deleting ' satisfies `${SetRecord['state']} `))
    .flatMap(({ Value }) => subnetsIn(Value!));
}

function subnetsIn(value: string): string[] {
  return value.split(' ').slice(3).filter(word => word !== '' && !word.startsWith(SETTLING)).map(idOf);
}

/** Twelve subnets fit: an old one and a new one in each of six Availability Zones. */
export function recordTag(address: string, { state, resource, request, subnetIds, adopted = [], settling }: SetRecord): Tag {
  const subnets = subnetIds.map(id => `${adopted.includes(id) ? ADOPTED : ''}${id.replace(/^subnet-/, '')}`);
  const mark = settling === undefined ? [] : [`${SETTLING}${settling === 'pending' ? '' : Math.ceil(settling / 1000).toString(36)}`];
  const value = [state, resource, request, ...subnets, ...mark].join(' ');
  if (value.length > LONGEST_VALUE) {
    throw new Error(`'vpcSubnets' takes too many Availability Zones at once: subnets ${subnetIds.join(', ')} do not fit into one tag`);
  }
  return { Key: recordKey(address), Value: value };
}

export function resourceDigest({ stackId, logicalId }: Context): string {
  return digest(`${stackId} ${logicalId}`);
}

export function requestDigest({ requestId }: Context): string {
  return digest(requestId);
}

function idOf(subnet: string): string {
  return `subnet-${subnet.replace(ADOPTED, '')}`;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
