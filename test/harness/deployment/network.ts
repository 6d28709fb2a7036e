import type { Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { Emulator } from '../../../world/emulator/emulator';
import { REGION } from '../../../world/emulator/environment';

export type SubnetName = 'a' | 'a2' | 'b' | 'c';
export type GroupName = 'one' | 'two';

const ZONES: Record<SubnetName, string> = { a: `${REGION}a`, a2: `${REGION}a`, b: `${REGION}b`, c: `${REGION}c` };

/** A VPC that no stack made, so that many stacks can use it. */
export class Network {
  public readonly vpcId: string;
  public readonly subnets: Record<SubnetName, string>;
  public readonly groups: Record<GroupName, string>;

  constructor(emulator: Emulator, private readonly prefix = '10.9') {
    const { ec2: network } = emulator;
    const { vpcId } = network.createVpc({ cidrBlock: `${prefix}.0.0/16` });
    const subnet = (name: SubnetName, i: number) =>
      network.createSubnet({ vpcId, cidrBlock: `${this.prefix}.${i}.0/24`, availabilityZone: ZONES[name] }).subnetId;
    const group = (groupName: string) => network.createSecurityGroup({ vpcId, groupName, description: groupName }).groupId;
    this.vpcId = vpcId;
    this.subnets = { a: subnet('a', 1), a2: subnet('a2', 2), b: subnet('b', 3), c: subnet('c', 4) };
    this.groups = { one: group('one'), two: group('two') };
  }

  public nameOf(subnetId: string): string {
    return Object.entries(this.subnets).find(([, id]) => id === subnetId)?.[0] ?? subnetId;
  }

  public vpc(stack: Stack): ec2.IVpc {
    return ec2.Vpc.fromVpcAttributes(stack, 'Vpc', {
      vpcId: this.vpcId, availabilityZones: [ZONES.a, ZONES.b], isolatedSubnetIds: [this.subnets.a, this.subnets.b],
    });
  }

  public selection(stack: Stack, ...names: SubnetName[]): ec2.SubnetSelection {
    return {
      subnets: names.map(name => ec2.Subnet.fromSubnetAttributes(stack, `Subnet-${name}`, {
        subnetId: this.subnets[name], availabilityZone: ZONES[name],
      })),
    };
  }

  public group(stack: Stack, name: GroupName): ec2.ISecurityGroup {
    return ec2.SecurityGroup.fromSecurityGroupId(stack, `Group-${name}`, this.groups[name], { mutable: false });
  }
}
