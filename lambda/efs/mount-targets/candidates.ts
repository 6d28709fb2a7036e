import { isIPv6 } from 'node:net';
import type { IpAddressType, MountTargetDescription } from '@aws-sdk/client-efs';
import type { Place } from './subnets';
import type { MountTargetsProperties } from '../../../src/contract/mount-targets';

/** A subnet in which the set may have a mount target, and the addresses that it has there. */
export interface Candidate extends Place {
  readonly addressType: IpAddressType;
  /** Absent: EFS chooses. */
  readonly ipAddress?: string;
  /** In the canonical form, which EFS returns. Absent: EFS chooses. */
  readonly ipv6Address?: string;
}

/** Returns one candidate per subnet of the properties, in their order. */
export function candidatesOf(properties: MountTargetsProperties, places: ReadonlyMap<string, Place>): Candidate[] {
  const { SubnetIds, IpAddressType: addressType = 'IPV4_ONLY', IpAddresses, Ipv6Addresses } = properties;
  return SubnetIds.map((id, position) => ({
    ...places.get(id)!,
    addressType: addressType as IpAddressType,
    ...IpAddresses && { ipAddress: IpAddresses[position] },
    ...Ipv6Addresses && { ipv6Address: canonicalAddress(Ipv6Addresses[position]) },
  }));
}

/** Groups candidates by the id of their Availability Zone, in the order in which the zones first appear. */
export function byZone(candidates: readonly Candidate[]): Map<string, Candidate[]> {
  const zones = new Map<string, Candidate[]>();
  candidates.forEach(candidate => zones.set(candidate.zoneId, [...zones.get(candidate.zoneId) ?? [], candidate]));
  return zones;
}

/** Whether a mount target is in the subnet of the candidate and has its addresses. EFS does not return the address type, so it is derived from them. */
export function isAsWanted({ SubnetId, IpAddress, Ipv6Address }: MountTargetDescription, wanted: Candidate): boolean {
  const type = Ipv6Address === undefined ? 'IPV4_ONLY' : IpAddress === undefined ? 'IPV6_ONLY' : 'DUAL_STACK';
  return wanted.subnetId === SubnetId && wanted.addressType === type
    && (wanted.ipAddress ?? IpAddress) === IpAddress
    && (wanted.ipv6Address ?? canonicalAddress(Ipv6Address)) === canonicalAddress(Ipv6Address);
}

/** Returns the one form of an IPv6 address in which equal addresses are equal texts. Anything else is returned as it is: EFS refuses it. */
export function canonicalAddress(address: string): string;
export function canonicalAddress(address: string | undefined): string | undefined;
export function canonicalAddress(address: string | undefined): string | undefined {
  return address === undefined || !isIPv6(address) ? address : new URL(`http://[${address}]`).hostname.slice(1, -1);
}
