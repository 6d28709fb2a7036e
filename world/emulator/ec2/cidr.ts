import { isIPv6 } from 'net';
import { ServiceError } from '../service';

/** A range of IPv4 addresses, as `10.0.0.0/24` says it. */
export class Cidr {
  public readonly first: number;
  public readonly size: number;

  constructor(public readonly text: string) {
    const [address, bits] = text.split('/');
    if (!/^\d+$/.test(bits ?? '') || Number(bits) > 32) { throw malformed(text); }
    this.size = 2 ** (32 - Number(bits));
    this.first = Math.floor(addressNumber(address) / this.size) * this.size;
  }

  public contains(address: number): boolean {
    return address >= this.first && address < this.first + this.size;
  }

  public includes(other: Cidr): boolean {
    return this.contains(other.first) && this.contains(other.first + other.size - 1);
  }

  public overlaps(other: Cidr): boolean {
    return this.contains(other.first) || other.contains(this.first);
  }

  /** Every subnet keeps its first four addresses and the last one for itself. */
  public isReserved(address: number): boolean {
    return address < this.first + 4 || address === this.first + this.size - 1;
  }
}

/** A range of IPv6 addresses, as `2001:db8:1:1::/64` says it. */
export class Cidr6 {
  public readonly first: bigint;
  public readonly size: bigint;

  constructor(public readonly text: string) {
    const [address, bits] = text.split('/');
    if (!/^\d+$/.test(bits ?? '') || Number(bits) > 128) { throw malformed(text); }
    this.size = 2n ** BigInt(128 - Number(bits));
    this.first = address6Number(address) / this.size * this.size;
  }

  public contains(address: bigint): boolean {
    return address >= this.first && address < this.first + this.size;
  }

  public includes(other: Cidr6): boolean {
    return this.contains(other.first) && this.contains(other.first + other.size - 1n);
  }

  /** Every subnet keeps its first four addresses and the last one for itself. */
  public isReserved(address: bigint): boolean {
    return address < this.first + 4n || address === this.first + this.size - 1n;
  }
}

export function address6Number(address: string): bigint {
  if (!isIPv6(address)) { throw malformed(address); }
  const [head, tail] = address.split('::').map(half => half.split(':').filter(group => group !== ''));
  const groups = tail === undefined ? head : [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
  return groups.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
}

/** In the one form that AWS answers with. */
export function address6Text(address: bigint): string {
  const groups = [7, 6, 5, 4, 3, 2, 1, 0].map(place => (address / 65_536n ** BigInt(place) % 65_536n).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

export function addressNumber(address: string): number {
  const bytes = address.split('.').map(Number);
  if (bytes.length !== 4 || bytes.some(byte => !Number.isInteger(byte) || byte < 0 || byte > 255)) { throw malformed(address); }
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}

export function addressText(address: number): string {
  return [24, 16, 8, 0].map(shift => Math.floor(address / 2 ** shift) % 256).join('.');
}

function malformed(text: string): ServiceError {
  return new ServiceError('InvalidParameterValue', 400, `invalid value '${text}' for an address or range of addresses`);
}
