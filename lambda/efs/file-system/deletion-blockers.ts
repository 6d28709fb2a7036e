import { paginateDescribeAccessPoints, type FileSystemDescription } from '@aws-sdk/client-efs';
import type { Efs } from '../efs';
import { subnetsOfLeavingSets } from '../mount-targets/record';

/** EFS meters an empty file system as one of 6 KiB. */
const EMPTY_BYTES = 6 * 1024;
/** Mount targets of other resources, which are deleted at the same time, may take so long to begin with it. */
const GRACE_MILLISECONDS = 60_000;
const MOST_NAMED = 5;

/** Bytes that would be lost with it, as last metered; EFS does that about once an hour. */
export function dataIn({ SizeInBytes: size }: FileSystemDescription): number {
  const bytes = size?.Value ?? 0;
  return bytes > EMPTY_BYTES ? bytes : 0;
}

/**
 * Says what keeps a file system in use that nobody is about to remove, so that a
 * deletion which cannot succeed does not wait for the end of its time.
 */
export async function refuseForObstacles(efs: Efs, fileSystem: FileSystemDescription, since: number): Promise<void> {
  const fileSystemId = fileSystem.FileSystemId!;
  if (Date.now() - since < GRACE_MILLISECONDS) { return; }
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

async function accessPoints(efs: Efs, fileSystemId: string): Promise<string[]> {
  return efs.call('DescribeAccessPoints', async client => {
    const found: string[] = [];
    for await (const page of paginateDescribeAccessPoints({ client }, { FileSystemId: fileSystemId })) {
      found.push(...(page.AccessPoints ?? []).map(({ AccessPointId }) => AccessPointId!));
    }
    return found;
  });
}
