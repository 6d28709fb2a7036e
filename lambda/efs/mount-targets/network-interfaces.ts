import { paginateDescribeNetworkInterfaces, type EC2Client } from '@aws-sdk/client-ec2';
import type { MountTargetDescription } from '@aws-sdk/client-efs';
import { nameOf, saidBy } from '../../shared/errors';
import { log } from '../../shared/log';
import { retrying } from '../../shared/retry';

/** Network interfaces that EC2 still has although EFS has forgotten their mount targets: security groups and subnets stay in use by them. */
export async function interfacesLeft(ec2: EC2Client, fileSystemId: string, targets: readonly MountTargetDescription[]): Promise<string[]> {
  try {
    return await retrying(async () => {
      const found: string[] = [];
      for await (const page of paginateDescribeNetworkInterfaces({ client: ec2 }, {
        // How EFS describes them, the id of the mount target at the end.
        Filters: [{ Name: 'description', Values: [`EFS mount target for ${fileSystemId} (*`] }],
      })) {
        found.push(...(page.NetworkInterfaces ?? []).map(({ NetworkInterfaceId }) => NetworkInterfaceId!));
      }
      return found.filter(id => !targets.some(({ NetworkInterfaceId }) => NetworkInterfaceId === id));
    }, { what: 'DescribeNetworkInterfaces' });
  } catch (error) {
    if (!/Unauthorized|AccessDenied/.test(nameOf(error))) { throw error; }
    log({ event: 'cannot look for network interfaces', error: saidBy(error) });
    return [];
  }
}
