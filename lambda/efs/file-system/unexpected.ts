import type { FileSystemDescription } from '@aws-sdk/client-efs';
import { accessPoints } from './access-points';
import type { FileSystemProperties } from '../../../src/contract/file-system';
import { log } from '../../shared/log';
import { boolean } from '../../shared/property-values';
import type { Efs } from '../efs';
import { holdersOf, otherRecords } from '../mount-targets/record';
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

/** Logs the mount targets that no set of this library has. They stay as they are, unless a set takes them over. */
export async function nameForeignTargets(fileSystem: FileSystemDescription, efs: Efs): Promise<void> {
  const id = fileSystem.FileSystemId!;
  const sets = otherRecords(fileSystem, '');
  const foreign = (await efs.mountTargets(id)).filter(({ SubnetId }) => holdersOf(SubnetId!, sets).length === 0);
  if (foreign.length === 0) { return; }
  const mountTargets = foreign.map(({ MountTargetId, SubnetId }) => `${MountTargetId} in ${SubnetId}`);
  log({ event: 'the adopted file system has mount targets that are of no set: they let clients in, and stay until a set takes them over', id, mountTargets });
}
