import { paginateDescribeNetworkInterfaces, type EC2Client } from '@aws-sdk/client-ec2';
import type { MountTargetDescription } from '@aws-sdk/client-efs';
import { isDenial } from '../../shared/denials';
import { RESULTS_PER_PAGE } from '../../shared/ec2-tagged';
import { saidBy } from '../../shared/errors';
import { log } from '../../shared/log';
import { RETRY_POLICIES, retrying } from '../../shared/retry';

/** Looks up the network interfaces of mount targets in EC2. */
export class NetworkInterfaces {
  constructor(private readonly ec2: EC2Client) {}

  /**
   * Returns the network interfaces of mount targets that EFS no longer lists, because security groups and subnets stay in use
   * until EC2 has deleted them. Returns none if the function may not list network interfaces.
   */
  public async leftBehind(fileSystemId: string, targets: readonly MountTargetDescription[]): Promise<string[]> {
    try {
      const all = await retrying(() => this.ofFileSystem(fileSystemId), { what: 'DescribeNetworkInterfaces', policy: RETRY_POLICIES.OPTIONAL });
      return all.filter(id => !targets.some(({ NetworkInterfaceId }) => NetworkInterfaceId === id));
    } catch (error) {
      if (!isDenial(error)) { throw error; }
      log({ event: 'cannot look for network interfaces', error: saidBy(error) });
      return [];
    }
  }

  private async ofFileSystem(fileSystemId: string): Promise<string[]> {
    const found: string[] = [];
    for await (const page of paginateDescribeNetworkInterfaces({ client: this.ec2 }, {
      // The description that EFS gives them, with the id of the mount target at its end.
      Filters: [{ Name: 'description', Values: [`EFS mount target for ${fileSystemId} (*`] }],
      MaxResults: RESULTS_PER_PAGE,
    })) {
      found.push(...(page.NetworkInterfaces ?? []).map(({ NetworkInterfaceId }) => NetworkInterfaceId!));
    }
    return found;
  }
}
