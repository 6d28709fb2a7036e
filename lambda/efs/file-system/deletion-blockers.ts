import type { FileSystemDescription } from '@aws-sdk/client-efs';
import { accessPoints } from './access-points';
import type { Efs } from '../efs';
import { subnetsOfLeavingSets } from '../mount-targets/record';

/** EFS meters an empty file system as one of 6 KiB. */
const EMPTY_BYTES = 6 * 1024;
/** How long sets of mount targets, which are deleted at the same time, may take to begin. */
const GRACE_MILLISECONDS = 60_000;
const MOST_NAMED = 5;

/** Returns the bytes that a deletion would lose, as last metered. EFS meters about once an hour. */
export function dataIn({ SizeInBytes: size }: FileSystemDescription): number {
  const bytes = size?.Value ?? 0;
  return bytes > EMPTY_BYTES ? bytes : 0;
}

/**
 * Throws if mount targets or access points that nobody is about to remove keep a file system from being deleted, so that the deletion
 * fails with their names instead of waiting until its time is over.
 */
export async function refuseIfBlocked(efs: Efs, fileSystem: FileSystemDescription, deletionBegan: number): Promise<void> {
  const fileSystemId = fileSystem.FileSystemId!;
  if (Date.now() - deletionBegan < GRACE_MILLISECONDS) { return; }
  const targets = await efs.mountTargets(fileSystemId);
  const leaving = subnetsOfLeavingSets(fileSystem);
  const staying = targets.filter(({ LifeCycleState, SubnetId }) => LifeCycleState !== 'deleting' && !leaving.includes(SubnetId!));
  if (staying.length > 0) {
    const list = staying.map(({ MountTargetId, SubnetId }) => `${MountTargetId} (${SubnetId})`).join(', ');
    throw new Error(`file system ${fileSystemId} cannot be deleted as long as it has mount targets that are not of its stack: delete ${list} first`);
  }
  if (targets.length > 0) { return; }
  const points = await accessPoints(efs, fileSystemId);
  if (points.length > 0) {
    throw new Error(`file system ${fileSystemId} cannot be deleted as long as it has access points: delete ${points.slice(0, MOST_NAMED).join(', ')}`
      + `${points.length > MOST_NAMED ? ` and ${points.length - MOST_NAMED} more` : ''} first`);
  }
}
