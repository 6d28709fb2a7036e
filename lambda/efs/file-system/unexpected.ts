import type { FileSystemDescription } from '@aws-sdk/client-efs';
import { accessPoints } from './access-points';
import type { FileSystemProperties } from '../../../src/contract/file-system';
import { boolean } from '../../shared/property-values';
import type { Efs } from '../efs';
import { policyOf } from '../settings/file-system-policy';
import type { Replications } from '../settings/replication';

const MOST_NAMED = 5;

/**
 * Throws if a file system that is to be adopted lets in others, or copies its data elsewhere, in a way that the properties do not declare:
 * it may have been prepared by somebody for this.
 */
export async function refuseUnexpected(
  { FileSystemId: id }: FileSystemDescription, properties: FileSystemProperties, { efs, replications }: { efs: Efs; replications: Replications },
): Promise<void> {
  if (boolean('adoptAsIs', properties.AdoptAsIs ?? false)) { return; }
  const found: string[] = [];
  if (properties.FileSystemPolicy === undefined && await policyOf(efs, id!) !== undefined) { found.push('a file system policy'); }
  if (properties.ReplicationConfiguration === undefined) {
    const destination = (await replications.from(id!))?.destination;
    if (destination) { found.push(`a replication to ${destination.FileSystemId} in ${destination.Region}`); }
  }
  const points = await accessPoints(efs, id!);
  if (points.length > 0) {
    found.push(`access points (${points.slice(0, MOST_NAMED).join(', ')}${points.length > MOST_NAMED ? ` and ${points.length - MOST_NAMED} more` : ''})`);
  }
  if (found.length === 0) { return; }
  throw new Error(`file system ${id} would be adopted with ${found.join(', ')}, which the props do not declare: `
    + "remove that, declare it where there is a prop for it, or set 'adoptAsIs' to accept it");
}
