import { paginateDescribeAccessPoints } from '@aws-sdk/client-efs';
import type { Efs } from '../efs';

/** Returns the ids of the access points of a file system. */
export async function accessPoints(efs: Efs, fileSystemId: string): Promise<string[]> {
  return efs.call('DescribeAccessPoints', async client => {
    const found: string[] = [];
    for await (const page of paginateDescribeAccessPoints({ client }, { FileSystemId: fileSystemId })) {
      found.push(...(page.AccessPoints ?? []).map(({ AccessPointId }) => AccessPointId!));
    }
    return found;
  });
}
