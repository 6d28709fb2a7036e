import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import { GATEWAY_SERVICE, INTERFACE_SERVICES } from './private/functions/endpoints';
import type { StorageFunctionsOptions } from './private/functions/options';
import { settleFunctions } from './private/functions/settings';
import { acknowledge } from './private/resource/acknowledge';
import { isAlias } from './private/resource/key-access';
import { check, misuse, notBoth, wholeMebibytes } from './private/resource/validation';

/**
 * The functions that the constructs of this library bring along: all in one place.
 *
 * Each stack has its own, which all its file systems, mount targets and so on share,
 * and all its snapshots. A change of their settings changes them in place, never a resource.
 *
 * One function is not reached: what aws-cdk-lib empties buckets with is shared by
 * all buckets of the stack, yours too, and it offers no settings.
 */
export class StorageFunctions {
  /**
   * Says how the functions run: those of a stack, of its nested stacks, or of all stacks in a stage or app.
   *
   * To be called before the first construct of this library is defined there.
   * What is said closer to the stack counts more; what is not said is left as it was.
   *
   * @param scope The app, stage or stack; anything else means the stack it is in.
   * @param options How.
   */
  public static configure(scope: Construct, options: StorageFunctionsOptions): void {
    for (const prop of ['vpcSubnets', 'securityGroups'] as const) {
      if (options[prop] && !options.vpc) { throw misuse(scope, `'${prop}' needs 'vpc'`); }
    }
    check(scope, 'securityGroups', options.securityGroups?.length, 'at least one', length => length > 0);
    notBoth(scope, "'logGroup'", "'logRetention'", options.logGroup !== undefined && options.logRetention !== undefined);
    check(scope, 'encryptionKey', options.encryptionKey, 'a key: CloudWatch Logs takes no alias', key => !isAlias(key));
    for (const [prop, least] of [['handlerMemory', 128], ['workerMemory', 512]] as const) {
      check(scope, prop, wholeMebibytes(scope, prop, options[prop], 1), `from ${least} to 10240 MiB`, value => value >= least && value <= 10240);
    }
    settleFunctions(scope, options);
  }

  /**
   * Adds to a VPC the endpoints that the functions need where no NAT gateway is: the gateway endpoint of S3,
   * and interface endpoints of CloudFormation, EBS direct, EC2, EFS, KMS, EventBridge Scheduler,
   * Step Functions and the tagging API. Those that are there already must be named in `existing`.
   *
   * Interface endpoints cost money by the hour and zone. All are of the VPC's own scope, so resources of this library wait for them.
   *
   * @param vpc The VPC, as in `configure`.
   * @param options Of the interface endpoints. Default: in all private subnets, open to the whole VPC
   */
  public static addEndpoints(vpc: ec2.IVpc, options: StorageEndpointsOptions = {}): void {
    const { existing = [], subnets, securityGroups, lookupSupportedAzs } = options;
    const names = [GATEWAY_SERVICE, ...Object.keys(INTERFACE_SERVICES)];
    check(vpc, 'existing', existing.find(name => !names.includes(name)), `among ${names.join(', ')}`, () => false);
    if (!existing.includes(GATEWAY_SERVICE)) {
      vpc.addGatewayEndpoint(`${ENDPOINT}-${GATEWAY_SERVICE}`, { service: ec2.GatewayVpcEndpointAwsService.S3 });
    }
    for (const [name, service] of Object.entries(INTERFACE_SERVICES)) {
      if (existing.includes(name)) { continue; }
      const endpoint = vpc.addInterfaceEndpoint(`${ENDPOINT}-${name}`, { service, subnets, securityGroups, lookupSupportedAzs });
      acknowledge(endpoint, { 'AwsSolutions-EC23': 'It is open to the addresses of the VPC alone' });
    }
  }
}

/**
 * Options of the endpoints that the functions need in a VPC.
 */
export interface StorageEndpointsOptions {
  /**
   * Services that the VPC has an endpoint for: `s3`, `cloudformation`, `ebs`, `ec2`, `elasticfilesystem`, `kms`,
   * `scheduler`, `states`, `tagging`.
   *
   * @default - none
   */
  readonly existing?: string[];

  /**
   * The subnets of the interface endpoints.
   *
   * @default - the private subnets of the VPC
   */
  readonly subnets?: ec2.SubnetSelection;

  /**
   * Whether each interface endpoint is only put into those zones that have its service: few Regions have a zone that lacks one,
   * and there the deployment fails without it. The zones are looked up at synthesis, once for each service, so the stack of the
   * VPC needs an account and a Region.
   *
   * @default false
   */
  readonly lookupSupportedAzs?: boolean;

  /**
   * The security groups of the interface endpoints. They must let HTTPS in from the functions.
   *
   * @default - one for each endpoint, open to the whole VPC
   */
  readonly securityGroups?: ec2.ISecurityGroup[];
}

const ENDPOINT = 'cdk-durable-storage';
