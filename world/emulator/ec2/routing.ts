import { Cidr } from './cidr';
import type { Network } from './network';
import { REGION } from '../environment';
import type { Statement } from '../iam';

/** Where something is in the network: its subnet, and the groups that its interface has. */
export interface Place {
  readonly subnetId: string;
  readonly groups: readonly string[];
}

export interface Endpoint {
  readonly vpcId: string;
  /** As CloudFormation names it: `com.amazonaws.eu-west-1.s3`. */
  readonly serviceName: string;
  /** Of a gateway endpoint: the route tables that lead to it. */
  readonly routeTableIds?: readonly string[];
  /** Of an interface endpoint. */
  readonly subnetIds?: readonly string[];
  readonly groups?: readonly string[];
  /** Whether the service's own name leads to it. */
  readonly privateDns?: boolean;
  /** Absent: everything is allowed. */
  readonly policy?: Statement[];
}

/** A way to a service, and the policy of the endpoint on it, if it has one. */
export interface Way { readonly policy?: Statement[] }

const HTTPS = 443;
const ANYWHERE = '0.0.0.0/0';

/** Whether the security groups of both sides let TCP through to that port. */
export function connects(network: Network, from: Place, to: Place, port: number): boolean {
  const passes = (own: Place, direction: 'ingress' | 'egress', other: Place) => allows(network, own, direction, port, ({ sourceGroupId, cidrIp }) =>
    other.groups.includes(sourceGroupId ?? '') || covers(cidrIp, network.subnet(other.subnetId)!.cidrBlock));
  return passes(from, 'egress', to) && passes(to, 'ingress', from);
}

/** Routes and VPC endpoints: which AWS services can be reached from where. */
export class Routing {
  /** Default routes by route table: the id of a gateway. */
  public readonly defaults = new Map<string, string>();
  /** Route tables by subnet. */
  public readonly tables = new Map<string, string>();
  public readonly endpoints = new Map<string, Endpoint>();

  constructor(private readonly network: Network) {}

  /** From something that has no public address: by an endpoint, or else through a NAT gateway. undefined: not at all. */
  public way(from: Place, service: string): Way | undefined {
    const { vpcId } = this.network.subnet(from.subnetId)!;
    const table = this.tables.get(from.subnetId) ?? '';
    const endpoints = [...this.endpoints.values()].filter(one => one.vpcId === vpcId && one.serviceName === `com.amazonaws.${REGION}.${service}`);
    // The service's name leads to it, whether it lets anybody in or not.
    const named = endpoints.find(({ privateDns }) => privateDns);
    if (named) {
      const { subnetIds = [], groups = [], policy } = named;
      return subnetIds.some(subnetId => connects(this.network, from, { subnetId, groups }, HTTPS)) ? { policy } : undefined;
    }
    if (!allows(this.network, from, 'egress', HTTPS, ({ cidrIp }) => cidrIp === ANYWHERE)) { return undefined; }
    const gateway = endpoints.find(({ routeTableIds = [] }) => routeTableIds.includes(table));
    if (gateway) { return { policy: gateway.policy }; }
    return this.defaults.get(table)?.startsWith('nat-') ? {} : undefined;
  }
}

function allows(
  network: Network, { groups }: Place, direction: 'ingress' | 'egress', port: number, other: (rule: { cidrIp?: string; sourceGroupId?: string }) => boolean,
): boolean {
  return groups.flatMap(group => network.rules(group)).some(rule =>
    rule.direction === direction && ['-1', 'tcp'].includes(rule.ipProtocol)
    && (rule.fromPort ?? 0) <= port && port <= (rule.toPort ?? 65535) && other(rule));
}

/** IPv4 only: who has addresses of both kinds calls by this one. */
function covers(range: string | undefined, subnet: string): boolean {
  return range !== undefined && /^[\d.]+\/\d+$/.test(range) && new Cidr(range).includes(new Cidr(subnet));
}
