import { ACCOUNT, AVAILABILITY_ZONES } from '../environment';
import { ServiceError } from '../service';
import { address6Number, address6Text, addressNumber, addressText, Cidr, Cidr6 } from './cidr';
import type { Ids } from './ids';

export interface Vpc {
  readonly vpcId: string;
  readonly cidrBlock: string;
  readonly ipv6CidrBlock?: string;
  readonly ownerId: string;
}

export interface Subnet {
  readonly subnetId: string;
  readonly vpcId: string;
  readonly cidrBlock: string;
  readonly ipv6CidrBlock?: string;
  readonly availabilityZone: string;
  readonly availabilityZoneId: string;
  readonly ownerId: string;
}

export interface SecurityGroup {
  readonly groupId: string;
  readonly groupName: string;
  readonly description: string;
  readonly vpcId: string;
  readonly ownerId: string;
}

export interface RuleSpec {
  /** `tcp`, `udp`, `icmp`, or `-1` for all. */
  readonly ipProtocol: string;
  readonly fromPort?: number;
  readonly toPort?: number;
  /** The other side: a range of addresses, or a security group. */
  readonly cidrIp?: string;
  readonly sourceGroupId?: string;
  readonly description?: string;
}

export interface Rule extends RuleSpec {
  readonly ruleId: string;
  readonly groupId: string;
  readonly direction: 'ingress' | 'egress';
}

export interface NetworkInterface {
  readonly networkInterfaceId: string;
  readonly subnetId: string;
  readonly vpcId: string;
  readonly availabilityZone: string;
  readonly privateIpAddress: string;
  readonly ipv6Address?: string;
  readonly description: string;
  readonly groups: readonly string[];
}

export interface InterfaceSpec {
  /** Absent: the first free address of the subnet. */
  readonly privateIpAddress?: string;
  /** True: the first free one of the subnet. Absent: none. */
  readonly ipv6Address?: string | true;
  /** Ids of security groups of the same VPC. */
  readonly groups: readonly string[];
  readonly description?: string;
}

/** The account's network: made by CloudFormation, so by direct calls; read by everybody else over HTTP. */
export class Network {
  protected readonly vpcsById = new Map<string, Vpc>();
  protected readonly subnetsById = new Map<string, Subnet>();
  protected readonly groupsById = new Map<string, SecurityGroup>();
  protected readonly interfacesById = new Map<string, NetworkInterface>();
  private readonly rulesById = new Map<string, Rule>();

  constructor(protected readonly ids: Ids) {}

  public get vpcs(): Vpc[] { return [...this.vpcsById.values()]; }
  public get subnets(): Subnet[] { return [...this.subnetsById.values()]; }
  public get securityGroups(): SecurityGroup[] { return [...this.groupsById.values()]; }
  public get networkInterfaces(): NetworkInterface[] { return [...this.interfacesById.values()]; }

  public subnet(subnetId: string): Subnet | undefined {
    return this.subnetsById.get(subnetId);
  }

  public securityGroup(groupId: string): SecurityGroup | undefined {
    return this.groupsById.get(groupId);
  }

  /** The group that a VPC is born with. */
  public defaultSecurityGroup(vpcId: string): SecurityGroup | undefined {
    return this.securityGroups.find(group => group.vpcId === vpcId && group.groupName === 'default');
  }

  public createVpc({ cidrBlock, ipv6CidrBlock }: { readonly cidrBlock: string; readonly ipv6CidrBlock?: string }): Vpc {
    const vpc: Vpc = {
      vpcId: this.ids.next('vpc'), cidrBlock: new Cidr(cidrBlock).text, ownerId: ACCOUNT, ...ipv6CidrBlock && { ipv6CidrBlock: new Cidr6(ipv6CidrBlock).text },
    };
    this.vpcsById.set(vpc.vpcId, vpc);
    this.addGroup({ vpcId: vpc.vpcId, groupName: 'default', description: 'default VPC security group' });
    return vpc;
  }

  public deleteVpc(vpcId: string): void {
    find(this.vpcsById, vpcId, 'InvalidVpcID.NotFound', 'vpc ID');
    const groups = this.securityGroups.filter(group => group.vpcId === vpcId);
    if (this.subnets.some(subnet => subnet.vpcId === vpcId) || groups.some(group => group.groupName !== 'default')) {
      throw inUse('vpc', vpcId);
    }
    groups.forEach(group => this.removeGroup(group.groupId));
    this.vpcsById.delete(vpcId);
  }

  public createSubnet(
    { vpcId, cidrBlock, ipv6CidrBlock, availabilityZone }: {
      readonly vpcId: string; readonly cidrBlock: string; readonly ipv6CidrBlock?: string; readonly availabilityZone: string;
    },
  ): Subnet {
    const vpc = find(this.vpcsById, vpcId, 'InvalidVpcID.NotFound', 'vpc ID');
    const availabilityZoneId = AVAILABILITY_ZONES[availabilityZone];
    if (!availabilityZoneId) { throw refused('InvalidParameterValue', `Value (${availabilityZone}) for parameter availabilityZone is invalid.`); }
    const range = new Cidr(cidrBlock);
    if (!new Cidr(vpc.cidrBlock).includes(range)) { throw refused('InvalidSubnet.Range', `The CIDR '${cidrBlock}' is invalid.`); }
    if (this.subnets.some(other => other.vpcId === vpcId && new Cidr(other.cidrBlock).overlaps(range))) {
      throw refused('InvalidSubnet.Conflict', `The CIDR '${cidrBlock}' conflicts with another subnet`);
    }
    if (ipv6CidrBlock !== undefined) { this.checkRange6(vpc, new Cidr6(ipv6CidrBlock)); }
    const subnet: Subnet = {
      subnetId: this.ids.next('subnet'), vpcId, cidrBlock, availabilityZone, availabilityZoneId, ownerId: ACCOUNT, ...ipv6CidrBlock && { ipv6CidrBlock },
    };
    this.subnetsById.set(subnet.subnetId, subnet);
    return subnet;
  }

  public deleteSubnet(subnetId: string): void {
    find(this.subnetsById, subnetId, 'InvalidSubnetID.NotFound', 'subnet ID');
    if (this.networkInterfaces.some(one => one.subnetId === subnetId)) { throw inUse('subnet', subnetId); }
    this.subnetsById.delete(subnetId);
  }

  public createSecurityGroup(spec: { readonly vpcId: string; readonly groupName: string; readonly description: string }): SecurityGroup {
    find(this.vpcsById, spec.vpcId, 'InvalidVpcID.NotFound', 'vpc ID');
    if (this.securityGroups.some(group => group.vpcId === spec.vpcId && group.groupName === spec.groupName)) {
      throw refused('InvalidGroup.Duplicate', `The security group '${spec.groupName}' already exists for VPC '${spec.vpcId}'`);
    }
    return this.addGroup(spec);
  }

  public deleteSecurityGroup(groupId: string): void {
    const group = find(this.groupsById, groupId, 'InvalidGroup.NotFound', 'security group');
    if (group.groupName === 'default') {
      throw refused('CannotDelete', `the specified group: "${groupId}" name: "default" cannot be deleted by a user`);
    }
    const isSource = [...this.rulesById.values()].some(rule => rule.sourceGroupId === groupId && rule.groupId !== groupId);
    if (isSource || this.networkInterfaces.some(one => one.groups.includes(groupId))) { throw inUse('resource', groupId); }
    this.removeGroup(groupId);
  }

  public addIngress(groupId: string, rule: RuleSpec): Rule {
    return this.addRule(groupId, 'ingress', rule);
  }

  public addEgress(groupId: string, rule: RuleSpec): Rule {
    return this.addRule(groupId, 'egress', rule);
  }

  public deleteRule(ruleId: string): void {
    find(this.rulesById, ruleId, 'InvalidSecurityGroupRuleId.NotFound', 'security group rule ID');
    this.rulesById.delete(ruleId);
  }

  /** The rules of one group, or of all. */
  public rules(groupId?: string): Rule[] {
    return [...this.rulesById.values()].filter(rule => groupId === undefined || rule.groupId === groupId);
  }

  public createInterface(subnetId: string, spec: InterfaceSpec): { networkInterfaceId: string; privateIpAddress: string; ipv6Address?: string } {
    const subnet = find(this.subnetsById, subnetId, 'InvalidSubnetID.NotFound', 'subnet ID');
    this.checkGroups(subnet.vpcId, spec.groups);
    const privateIpAddress = this.address(subnet, spec.privateIpAddress);
    const ipv6Address = spec.ipv6Address && this.address6(subnet, spec.ipv6Address === true ? undefined : spec.ipv6Address);
    const networkInterfaceId = this.ids.next('eni');
    this.interfacesById.set(networkInterfaceId, {
      networkInterfaceId,
      subnetId,
      vpcId: subnet.vpcId,
      availabilityZone: subnet.availabilityZone,
      privateIpAddress,
      ...ipv6Address && { ipv6Address },
      description: spec.description ?? '',
      groups: [...spec.groups],
    });
    return { networkInterfaceId, privateIpAddress, ipv6Address };
  }

  public modifyInterface(networkInterfaceId: string, { groups }: { readonly groups: readonly string[] }): void {
    const one = find(this.interfacesById, networkInterfaceId, 'InvalidNetworkInterfaceID.NotFound', 'networkInterface ID');
    this.checkGroups(one.vpcId, groups);
    this.interfacesById.set(networkInterfaceId, { ...one, groups: [...groups] });
  }

  public deleteInterface(networkInterfaceId: string): void {
    find(this.interfacesById, networkInterfaceId, 'InvalidNetworkInterfaceID.NotFound', 'networkInterface ID');
    this.interfacesById.delete(networkInterfaceId);
  }

  /** Addresses of the subnet that nobody has. */
  public freeAddresses(subnetId: string): number {
    const subnet = find(this.subnetsById, subnetId, 'InvalidSubnetID.NotFound', 'subnet ID');
    return new Cidr(subnet.cidrBlock).size - 5 - this.taken(subnetId).size;
  }

  private address(subnet: Subnet, wanted: string | undefined): string {
    const range = new Cidr(subnet.cidrBlock);
    const taken = this.taken(subnet.subnetId);
    if (wanted !== undefined) {
      const address = addressNumber(wanted);
      if (!range.contains(address) || range.isReserved(address)) {
        throw refused('InvalidParameterValue', `Address ${wanted} does not fall within the usable addresses of subnet ${subnet.subnetId}`);
      }
      if (taken.has(wanted)) { throw new ServiceError('IpAddressInUse', 409, `the address ${wanted} is in use`); }
      return wanted;
    }
    for (let address = range.first; address < range.first + range.size; address++) {
      if (!range.isReserved(address) && !taken.has(addressText(address))) { return addressText(address); }
    }
    throw new ServiceError('NoFreeAddressesInSubnet', 409, `the subnet ${subnet.subnetId} has no free addresses`);
  }

  private address6({ subnetId, ipv6CidrBlock }: Subnet, wanted: string | undefined): string {
    if (ipv6CidrBlock === undefined) { throw refused('InvalidParameterValue', `The subnet ${subnetId} has no IPv6 CIDR block`); }
    const range = new Cidr6(ipv6CidrBlock);
    const taken = new Set(this.networkInterfaces.map(one => one.ipv6Address));
    if (wanted !== undefined) {
      const address = address6Number(wanted);
      if (!range.contains(address) || range.isReserved(address)) {
        throw refused('InvalidParameterValue', `Address ${wanted} does not fall within the usable addresses of subnet ${subnetId}`);
      }
      if (taken.has(address6Text(address))) { throw new ServiceError('IpAddressInUse', 409, `the address ${wanted} is in use`); }
      return address6Text(address);
    }
    let free = range.first;
    while (range.isReserved(free) || taken.has(address6Text(free))) { free++; }
    return address6Text(free);
  }

  /** A /64 of its VPC's that no other subnet has. */
  private checkRange6({ vpcId, ipv6CidrBlock }: Vpc, range: Cidr6): void {
    if (!range.text.endsWith('/64') || ipv6CidrBlock === undefined || !new Cidr6(ipv6CidrBlock).includes(range)) {
      throw refused('InvalidSubnet.Range', `The CIDR '${range.text}' is invalid.`);
    }
    if (this.subnets.some(other => other.vpcId === vpcId && other.ipv6CidrBlock && new Cidr6(other.ipv6CidrBlock).includes(range))) {
      throw refused('InvalidSubnet.Conflict', `The CIDR '${range.text}' conflicts with another subnet`);
    }
  }

  private taken(subnetId: string): Set<string> {
    return new Set(this.networkInterfaces.filter(one => one.subnetId === subnetId).map(one => one.privateIpAddress));
  }

  private checkGroups(vpcId: string, groups: readonly string[]): void {
    for (const groupId of groups) {
      if (this.groupsById.get(groupId)?.vpcId !== vpcId) {
        throw refused('InvalidGroup.NotFound', `The security group '${groupId}' does not exist in VPC '${vpcId}'`);
      }
    }
  }

  private addGroup(spec: { readonly vpcId: string; readonly groupName: string; readonly description: string }): SecurityGroup {
    const group: SecurityGroup = {
      groupId: this.ids.next('sg'), groupName: spec.groupName, description: spec.description, vpcId: spec.vpcId, ownerId: ACCOUNT,
    };
    this.groupsById.set(group.groupId, group);
    this.addEgress(group.groupId, { ipProtocol: '-1', cidrIp: '0.0.0.0/0' });
    return group;
  }

  private removeGroup(groupId: string): void {
    this.rules(groupId).forEach(rule => this.rulesById.delete(rule.ruleId));
    this.groupsById.delete(groupId);
  }

  private addRule(groupId: string, direction: Rule['direction'], spec: RuleSpec): Rule {
    find(this.groupsById, groupId, 'InvalidGroup.NotFound', 'security group');
    if (spec.sourceGroupId !== undefined) { find(this.groupsById, spec.sourceGroupId, 'InvalidGroup.NotFound', 'security group'); }
    const sameTarget = (rule: Rule) => rule.direction === direction && rule.ipProtocol === spec.ipProtocol && rule.fromPort === spec.fromPort
      && rule.toPort === spec.toPort && rule.cidrIp === spec.cidrIp && rule.sourceGroupId === spec.sourceGroupId;
    if (this.rules(groupId).some(sameTarget)) { throw refused('InvalidPermission.Duplicate', 'the specified rule already exists'); }
    const rule: Rule = { ...spec, ruleId: this.ids.next('sgr'), groupId, direction };
    this.rulesById.set(rule.ruleId, rule);
    return rule;
  }
}

/** The one with this id, or EC2's error about it. */
export function find<T>(things: ReadonlyMap<string, T>, id: string, code: string, kind: string): T {
  const thing = things.get(id);
  if (thing === undefined) { throw refused(code, `The ${kind} '${id}' does not exist`); }
  return thing;
}

export function refused(code: string, message: string): ServiceError {
  return new ServiceError(code, 400, message);
}

function inUse(kind: string, id: string): ServiceError {
  return refused('DependencyViolation', `The ${kind} '${id}' has dependencies and cannot be deleted.`);
}
