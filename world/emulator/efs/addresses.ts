import { isIPv6 } from 'net';
import { address6Number, Cidr6 } from '../ec2/cidr';

/** Whether an interface can have that address: inside the block, and none of the first four and the last, which AWS keeps. */
export function isUsableAddress(address: string, cidrBlock: string): boolean {
  const [base, length] = cidrBlock.split('/');
  const size = 2 ** (32 - Number(length));
  const value = toNumber(address);
  const first = toNumber(base);
  return value !== undefined && first !== undefined && value >= first + 4 && value <= first + size - 2;
}

export function isUsableIpv6Address(address: string, cidrBlock: string): boolean {
  const range = new Cidr6(cidrBlock);
  return isIPv6(address) && range.contains(address6Number(address)) && !range.isReserved(address6Number(address));
}

function toNumber(address: string): number | undefined {
  const parts = address.split('.').map(Number);
  if (parts.length !== 4 || parts.some(part => !Number.isInteger(part) || part < 0 || part > 255)) { return undefined; }
  return parts.reduce((value, part) => value * 256 + part, 0);
}
