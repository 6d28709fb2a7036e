import { paginateDescribeSubnets, type EC2Client, type Subnet } from '@aws-sdk/client-ec2';
import { nameOf, OutOfReach } from '../../shared/errors';
import { retrying } from '../../shared/retry';

/** The location of a subnet. Names of Availability Zones differ between accounts, their ids do not. */
export interface Place {
  readonly subnetId: string;
  readonly vpcId: string;
  readonly zoneId: string;
  readonly zoneName: string;
  readonly hasIpv6: boolean;
}

/** Looks up subnets in EC2. */
export class Subnets {
  constructor(private readonly ec2: EC2Client) {}

  /** Returns the place of each subnet, by its id. Throws if one does not exist. */
  public async places(subnetIds: readonly string[]): Promise<Map<string, Place>> {
    try {
      return await retrying(async () => {
        const places = new Map<string, Place>();
        for await (const page of paginateDescribeSubnets({ client: this.ec2 }, { SubnetIds: [...new Set(subnetIds)] })) {
          for (const subnet of page.Subnets ?? []) { places.set(subnet.SubnetId!, placeOf(subnet)); }
        }
        return places;
      }, { what: 'DescribeSubnets' });
    } catch (error) {
      if (!nameOf(error).startsWith('InvalidSubnetID')) { throw error; }
      throw new OutOfReach(`'vpcSubnets' must be existing subnets: ${(error as Error).message}`);
    }
  }
}

function placeOf({ SubnetId, VpcId, AvailabilityZoneId, AvailabilityZone, Ipv6CidrBlockAssociationSet: blocks = [] }: Subnet): Place {
  return {
    subnetId: SubnetId!,
    vpcId: VpcId!,
    zoneId: AvailabilityZoneId!,
    zoneName: AvailabilityZone!,
    hasIpv6: blocks.some(({ Ipv6CidrBlockState: state }) => state?.State === 'associated'),
  };
}
