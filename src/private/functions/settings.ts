import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct, type IConstruct } from 'constructs';
import { allowLogs } from './log-key';
import type { StorageFunctionsOptions } from './options';
import { misuse } from '../resource/validation';

// A symbol of the whole process, for an app may load the library twice.
const SETTINGS = Symbol.for('cdk-durable-storage.StorageFunctions');
/** Constructs that hold functions, all children of their stack. */
const HOLDER = /^cdk-durable-storage\./;
const SHARED_ID = 'cdk-durable-storage.Functions';

interface Settled { [SETTINGS]?: StorageFunctionsOptions }

/** The functions of a stack are made with their first resource; VPC and roles cannot follow later. */
export function settleFunctions(scope: Construct, options: StorageFunctionsOptions): void {
  const place: IConstruct & Settled = Stack.isStack(scope) || !scope.node.scopes.some(Stack.isStack) ? scope : Stack.of(scope);
  const holder = place.node.findAll().find(({ node }) => HOLDER.test(node.id));
  if (holder) {
    throw misuse(scope, `configure the functions before the first resource that uses them is defined; ${Stack.of(holder).node.path} has one already`);
  }
  Object.defineProperty(place, SETTINGS, { value: merged(place[SETTINGS], options), configurable: true });
}

/** What was said of the functions here: nearest first, prop by prop. */
export function functionSettings(scope: IConstruct): StorageFunctionsOptions {
  return scope.node.scopes.reduce<StorageFunctionsOptions>((all, place) => merged(all, (place as Settled)[SETTINGS]), {});
}

/** Subnets and groups go with their VPC, and one way of logging with the other. */
function merged(outer: StorageFunctionsOptions = {}, inner: StorageFunctionsOptions = {}): StorageFunctionsOptions {
  const network = inner.vpc ? { vpcSubnets: undefined, securityGroups: undefined } : {};
  const logging = inner.logGroup ?? inner.logRetention ? { logGroup: undefined, logRetention: undefined } : {};
  const said = Object.entries(inner).filter(([, value]) => value !== undefined);
  return { ...outer, ...network, ...logging, ...Object.fromEntries(said) };
}

/** The network of functions. */
export interface NetworkProps {
  readonly vpc?: ec2.IVpc;
  readonly vpcSubnets?: ec2.SubnetSelection;
  readonly securityGroups?: ec2.ISecurityGroup[];
}

/** Returns the network in which the functions run. */
export function networkProps(scope: Construct): NetworkProps {
  const { vpc, vpcSubnets, securityGroups } = functionSettings(scope);
  return vpc ? { vpc, vpcSubnets, securityGroups: securityGroups ?? [SharedParts.of(scope).securityGroup(vpc)] } : {};
}

/** Returns the log group of all functions. */
export function logGroupOf(scope: Construct): logs.ILogGroup {
  const { logGroup, logRetention } = functionSettings(scope);
  return logGroup ?? SharedParts.of(scope).logGroup(logRetention ?? logs.RetentionDays.THREE_MONTHS);
}

/** To all roles below; also where aws-cdk-lib makes them. */
export function applyBoundary(scope: IConstruct): void {
  const { permissionsBoundary } = functionSettings(scope);
  if (permissionsBoundary) { iam.PermissionsBoundary.of(scope).apply(permissionsBoundary); }
}

/** One of each for the functions of a stack, not one for every function. */
class SharedParts extends Construct {
  public static of(scope: Construct): SharedParts {
    const stack = Stack.of(scope);
    return stack.node.tryFindChild(SHARED_ID) as SharedParts ?? new SharedParts(stack, SHARED_ID);
  }

  public securityGroup(vpc: ec2.IVpc): ec2.ISecurityGroup {
    return this.once('SecurityGroup', id => new ec2.SecurityGroup(this, id, {
      vpc, description: 'Functions of cdk-durable-storage', allowAllOutbound: true,
    }));
  }

  public logGroup(retention: logs.RetentionDays): logs.ILogGroup {
    const { encryptionKey } = functionSettings(this);
    return this.once('LogGroup', id => {
      if (encryptionKey) { allowLogs(this, encryptionKey); }
      return new logs.LogGroup(this, id, { retention, encryptionKey, removalPolicy: RemovalPolicy.DESTROY });
    });
  }

  private once<T extends IConstruct>(id: string, make: (id: string) => T): T {
    return this.node.tryFindChild(id) as unknown as T ?? make(id);
  }
}
