import { Annotations, AspectPriority, Aspects, Stack, type CfnResource } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Dependable, type Construct, type IConstruct, type IDependable } from 'constructs';
import { functionSettings } from './settings';
import { VpcParts } from './vpc-parts';
import { referencesIn } from '../resource/token-forms';

/** The service whose endpoint is a gateway in route tables. */
export const GATEWAY_SERVICE = 's3';

/** The services that functions in a VPC call through interface endpoints. */
export const INTERFACE_SERVICES = {
  cloudformation: ec2.InterfaceVpcEndpointAwsService.CLOUDFORMATION,
  ebs: ec2.InterfaceVpcEndpointAwsService.EBS_DIRECT,
  ec2: ec2.InterfaceVpcEndpointAwsService.EC2,
  elasticfilesystem: ec2.InterfaceVpcEndpointAwsService.ELASTIC_FILESYSTEM,
  kms: ec2.InterfaceVpcEndpointAwsService.KMS,
  scheduler: new ec2.InterfaceVpcEndpointAwsService('scheduler'),
  states: ec2.InterfaceVpcEndpointAwsService.STEP_FUNCTIONS,
  tagging: ec2.InterfaceVpcEndpointAwsService.TAGGING,
} as const;

export type Service = typeof GATEWAY_SERVICE | keyof typeof INTERFACE_SERVICES;

/** Warns, once the whole app is defined, if the functions cannot reach one of these services. A VPC that the app does not define cannot be checked. */
export function warnOfMissingEndpoints(scope: Construct, services: readonly Service[]): void {
  if (!functionSettings(scope).vpc) { return; }
  Aspects.of(scope).add({
    visit: (node: IConstruct) => {
      const missing = node === scope ? missingEndpoints(scope, services) : [];
      if (missing.length === 0) { return; }
      Annotations.of(scope).addWarningV2('cdk-durable-storage:StorageFunctions.missingEndpoints',
        `no route leads from the functions to ${missing.join(', ')}: VPC ${functionSettings(scope).vpc!.node.path} has neither a NAT gateway for their`
        + ' subnets nor these endpoints. StorageFunctions.addEndpoints makes them');
    },
  }, { priority: AspectPriority.READONLY });
}

function missingEndpoints(scope: Construct, services: readonly Service[]): Service[] {
  const { vpc, vpcSubnets } = functionSettings(scope);
  const parts = new VpcParts(vpc!);
  if (!parts.isDefined) { return []; }
  const leading = new Set(parts.defaultRoutes.map(({ routeTableId }) => routeTableId));
  const tables = vpc!.selectSubnets(vpcSubnets).subnets.map(({ routeTable: { routeTableId } }) => routeTableId).filter(table => !leading.has(table));
  return tables.length === 0 ? [] : services.filter(service => !parts.endpoints.some(endpoint => serves(endpoint, service, tables)));
}

/** Whether the name of a service leads to the endpoint from all these route tables. */
function serves(endpoint: ec2.CfnVPCEndpoint, service: Service, tables: readonly string[]): boolean {
  const { vpcEndpointType, privateDnsEnabled, routeTableIds = [] } = endpoint;
  if (serviceOf(endpoint) !== service) { return false; }
  return vpcEndpointType === 'Interface' ? privateDnsEnabled === true : tables.every(table => routeTableIds.includes(table));
}

/** Returns the last part of `com.amazonaws.<region>.s3`. The Region may be a token. */
function serviceOf(endpoint: ec2.CfnVPCEndpoint): string | undefined {
  return /([a-z0-9-]+)"[\]}]*$/.exec(JSON.stringify(Stack.of(endpoint).resolve(endpoint.serviceName) ?? ''))?.[1];
}

/**
 * Returns what the functions need of their VPC to delete a resource, wherever its stack or that of the VPC defines it: without routes and
 * endpoints no answer reaches CloudFormation. Found when the template is written, because routes and endpoints may be defined last.
 */
export function waysOut(scope: Construct, vpc: ec2.IVpc): IDependable {
  const ways: IDependable = {};
  // A resource of a third stack may depend on this one.
  const stacks = [Stack.of(scope), Stack.of(vpc)];
  Dependable.implement(ways, {
    get dependencyRoots(): IConstruct[] {
      const parts = new VpcParts(vpc);
      const endpoints = parts.endpoints.filter(endpoint => [GATEWAY_SERVICE, ...Object.keys(INTERFACE_SERVICES)].includes(serviceOf(endpoint)!));
      const rules = parts.rulesOf(endpoints.flatMap(({ securityGroupIds = [] }) => securityGroupIds));
      return [...endpoints, ...parts.defaultRoutes, ...rules].filter(part => stacks.includes(Stack.of(part)) && !refersBack(scope, part));
    },
  });
  return ways;
}

/** Whether a part of another stack refers to a stack that is not its own: that may be the one of the resources, which may then not depend on it. */
function refersBack(scope: Construct, part: CfnResource): boolean {
  const stack = Stack.of(part);
  if (stack === Stack.of(scope)) { return false; }
  const template = (part as unknown as { _toCloudFormation(): object })._toCloudFormation();
  return referencesIn(part, template).some(({ target }) => Stack.of(target) !== stack);
}
