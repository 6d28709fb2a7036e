import * as net from 'net';
import { Token } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';

/**
 * The Availability Zone of a subnet, which an imported one may not know. It may
 * be a token; two subnets of one VPC in the same zone then have the same.
 */
export function zoneOf(subnet: ec2.ISubnet): string | undefined {
  return attempt(() => subnet.availabilityZone);
}

/** Without account and Region, a VPC has tokens for zones; before its look-up, zones like `dummy1a`. */
export function zonesAreKnown(vpc: ec2.IVpc): boolean {
  return vpc.availabilityZones.every(zone => !Token.isUnresolved(zone) && !zone.startsWith('dummy'));
}

/** The IPv4 range of a subnet, if it is known at synthesis. */
export function cidrOf(subnet: ec2.ISubnet): string | undefined {
  const cidr = attempt(() => subnet.ipv4CidrBlock);
  return cidr === undefined || Token.isUnresolved(cidr) ? undefined : cidr;
}

export function isWithin(address: string, cidr: string): boolean {
  const [start, prefix] = cidr.split('/');
  const range = new net.BlockList();
  range.addSubnet(start, Number(prefix));
  return range.check(address);
}

/** The zones in which several of these subnets lie, with those subnets in their order. */
export function zonesWithSeveral(subnets: readonly ec2.ISubnet[]): Map<string, ec2.ISubnet[]> {
  const zones = new Map<string, ec2.ISubnet[]>();
  for (const subnet of subnets) {
    const zone = zoneOf(subnet);
    if (zone !== undefined) { zones.set(zone, [...zones.get(zone) ?? [], subnet]); }
  }
  return new Map([...zones].filter(([, those]) => those.length > 1));
}

/** Imported subnets throw where they were not told something. */
function attempt<T>(get: () => T): T | undefined {
  try {
    return get();
  } catch {
    return undefined;
  }
}
