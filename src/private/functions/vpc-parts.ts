import { CfnResource } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';

/** The destination of a default route. */
const ANYWHERE = '0.0.0.0/0';

/**
 * The parts of a VPC that the app defines, inside or outside of the construct of the VPC, in whichever stack. They refer to the VPC by
 * ids, which are the same tokens wherever they are written.
 */
export class VpcParts {
  private readonly resources: CfnResource[];

  constructor(private readonly vpc: ec2.IVpc) {
    this.resources = vpc.node.root.node.findAll().filter(construct => CfnResource.isCfnResource(construct));
  }

  /** Whether the app defines the VPC itself. The parts of any other VPC are unknown at synthesis. */
  public get isDefined(): boolean {
    return this.ofType('AWS::EC2::VPC').includes(this.vpc.node.defaultChild as CfnResource);
  }

  public get endpoints(): ec2.CfnVPCEndpoint[] {
    return this.ofType<ec2.CfnVPCEndpoint>('AWS::EC2::VPCEndpoint').filter(({ vpcId }) => vpcId === this.vpc.vpcId);
  }

  /** The default routes of all route tables of the VPC; a route refers to its NAT gateway. */
  public get defaultRoutes(): ec2.CfnRoute[] {
    const subnets = [...this.vpc.publicSubnets, ...this.vpc.privateSubnets, ...this.vpc.isolatedSubnets];
    const tables = this.ofType<ec2.CfnRouteTable>('AWS::EC2::RouteTable').filter(({ vpcId }) => vpcId === this.vpc.vpcId);
    const ids = new Set([...subnets.map(({ routeTable }) => routeTable.routeTableId), ...tables.map(({ ref }) => ref)]);
    return this.ofType<ec2.CfnRoute>('AWS::EC2::Route')
      .filter(({ routeTableId, destinationCidrBlock }) => ids.has(routeTableId) && destinationCidrBlock === ANYWHERE);
  }

  /** The rules of security groups that are resources of their own. */
  public rulesOf(groupIds: readonly string[]): CfnResource[] {
    return [
      ...this.ofType<ec2.CfnSecurityGroupIngress>('AWS::EC2::SecurityGroupIngress'), ...this.ofType<ec2.CfnSecurityGroupEgress>('AWS::EC2::SecurityGroupEgress'),
    ].filter(({ groupId }) => groupIds.includes(groupId!));
  }

  private ofType<T extends CfnResource>(type: string): T[] {
    return this.resources.filter(({ cfnResourceType }) => cfnResourceType === type) as T[];
  }
}
