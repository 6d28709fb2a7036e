import { createHash } from 'node:crypto';
import type { FileSystemDescription, Tag } from '@aws-sdk/client-efs';
import { OWNERSHIP_TAG_PREFIX } from '../../src/contract/ownership';
import type { Context } from '../shared/lifecycle';
import { valueOf } from '../shared/ownership';

const LONGEST_VALUE = 256;

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
}

export function recordKey(address: string): string {
  return `${OWNERSHIP_TAG_PREFIX}mount-targets:${address}`;
}

export function readRecord({ Tags: tags }: FileSystemDescription, address: string): SetRecord | undefined {
  const value = valueOf(tags, recordKey(address));
  if (value === undefined) { return undefined; }
  const [state, resource, request, ...subnets] = value.split(' ').filter(word => word !== '');
  return { state: state as SetRecord['state'], resource, request, subnetIds: subnets.map(id => `subnet-${id}`) };
}

/** Twelve subnets fit: an old one and a new one in each of six Availability Zones. */
export function recordTag(address: string, { state, resource, request, subnetIds }: SetRecord): Tag {
  const value = [state, resource, request, ...subnetIds.map(id => id.replace(/^subnet-/, ''))].join(' ');
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

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
