import type { Size } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as logs from 'aws-cdk-lib/aws-logs';

/**
 * How the functions run that the constructs of this library bring along.
 */
export interface StorageFunctionsOptions {
  /**
   * The VPC in which the functions run. They call AWS APIs only, which must be
   * reachable from there: through a NAT gateway, or `StorageFunctions.addEndpoints`.
   *
   * All resources of this library depend on the VPC, and on its default routes and endpoints that its stack or theirs defines,
   * so that they are deleted while these are still there. A warning names the endpoints that a VPC of the app lacks.
   *
   * @default - none: Lambda's own network
   */
  readonly vpc?: ec2.IVpc;

  /**
   * The subnets in which the functions run. Needs `vpc`.
   *
   * @default - the private subnets of the VPC
   */
  readonly vpcSubnets?: ec2.SubnetSelection;

  /**
   * The security groups of the functions. Needs `vpc`. HTTPS must be allowed to go out.
   *
   * @default - one for the functions of each stack, from which everything may go out
   */
  readonly securityGroups?: ec2.ISecurityGroup[];

  /**
   * The permissions boundary of all roles that the functions and state machines have.
   * It also goes to the role of the function of aws-cdk-lib that empties buckets.
   *
   * @default - none
   */
  readonly permissionsBoundary?: iam.IManagedPolicy;

  /**
   * The log group of all the functions. Not together with `logRetention`. The functions may not make log groups, so it has to outlive them.
   *
   * @default - one log group for the functions of each stack, which is removed with the stack
   */
  readonly logGroup?: logs.ILogGroup;

  /**
   * How long the log group of the functions of each stack keeps its events.
   *
   * @default logs.RetentionDays.THREE_MONTHS
   */
  readonly logRetention?: logs.RetentionDays;

  /**
   * The customer key for what the functions of each stack keep: the log group, unless `logGroup` names another one; the transfer bucket
   * of imports and exports, with its plans, digests and manifests; and the executions that answer CloudFormation, with their response URLs.
   * A key, no alias, because CloudWatch Logs takes none. File systems and snapshots have keys of their own.
   *
   * A key of the app gets a statement in its policy for CloudWatch Logs; the policy of an imported key needs it, as docs/functions.md
   * shows. The roles that need the key may use it.
   *
   * Updates are in place. Add the key in a deployment that changes no resource of this library, because IAM applies the new rights late, and
   * an execution fails that may not use its key. Another key, or none, serves new objects and executions. The next increment and the deletion of
   * an export can read older objects only if the policy of the former key lets the roles of the functions decrypt.
   *
   * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
   * @default - keys of AWS
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * The instruction set of the functions.
   *
   * @default lambda.Architecture.ARM_64
   */
  readonly architecture?: lambda.Architecture;

  /**
   * The memory of the functions that answer CloudFormation, 128 to 10240 MiB.
   *
   * @default - 256 MiB
   */
  readonly handlerMemory?: Size;

  /**
   * The memory of a function that copies, 512 to 10240 MiB. It needs less than 300;
   * but with the memory comes the processor, and, for accounts that asked for it, the network.
   *
   * @default - 1769 MiB, which is one processor
   */
  readonly workerMemory?: Size;
}
