import { paginateDescribeSubnets, type EC2Client } from '@aws-sdk/client-ec2';
import type { Place } from './plan';
import { nameOf } from '../../shared/errors';
import { retrying } from '../../shared/retry';

/** Where these subnets are. */
export async function placesOf(ec2: EC2Client, subnetIds: readonly string[]): Promise<Map<string, Place>> {
  try {
    return await retrying(async () => {
      const places = new Map<string, Place>();
      for await (const page of paginateDescribeSubnets({ client: ec2 }, { SubnetIds: [...new Set(subnetIds)] })) {
        for (const { SubnetId, VpcId, AvailabilityZoneId, AvailabilityZone, Ipv6CidrBlockAssociationSet: blocks = [] } of page.Subnets ?? []) {
          places.set(SubnetId!, {
            subnetId: SubnetId!,
            vpcId: VpcId!,
            zoneId: AvailabilityZoneId!,
            zoneName: AvailabilityZone!,
            hasIpv6: blocks.some(({ Ipv6CidrBlockState: state }) => state?.State === 'associated'),
          });
        }
      }
      return places;
    }, { what: 'DescribeSubnets' });
  } catch (error) {
    if (!nameOf(error).startsWith('InvalidSubnetID')) { throw error; }
    throw new Error(`'vpcSubnets' must be existing subnets: ${(error as Error).message}`);
  }
}
