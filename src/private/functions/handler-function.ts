import * as path from 'path';
import { Duration } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { functionSettings, logGroupOf, networkProps } from './settings';

export interface HandlerFunctionProps {
  /** The folder of its bundle in `assets/`. */
  readonly bundle: string;
  readonly description: string;
  /** @default 2 minutes */
  readonly timeout?: Duration;
  /** MiB. @default - as the user configured handlers, or 256 */
  readonly memorySize?: number;
  /** @default - a role of its own */
  readonly role?: iam.IRole;
  readonly environment?: { [name: string]: string };
}

/** One of the functions that this library ships, with the settings of `StorageFunctions`. */
export class HandlerFunction extends lambda.Function {
  constructor(scope: Construct, id: string, props: HandlerFunctionProps) {
    const { architecture, handlerMemory } = functionSettings(scope);
    super(scope, id, {
      ...networkProps(scope),
      logGroup: logGroupOf(scope),
      // From `src/private` as well as from `lib/private`.
      code: lambda.Code.fromAsset(path.join(__dirname, '..', '..', '..', 'assets', props.bundle)),
      handler: 'index.handler',
      description: props.description,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: architecture ?? lambda.Architecture.ARM_64,
      timeout: props.timeout ?? Duration.minutes(2),
      memorySize: props.memorySize ?? handlerMemory?.toMebibytes() ?? 256,
      role: props.role ?? handlerRole(scope, `${id}Role`),
      environment: props.environment,
    });
  }

  /** Allows the function to do something; unlike `grant…`, says exactly what. */
  public allow(statement: iam.PolicyStatementProps): void {
    this.addToRolePolicy(new iam.PolicyStatement(statement));
  }
}

/**
 * Returns a role for functions, which may write to their log group. It may not make one: the last line of a function would bring back the
 * log group of a deleted stack, for ever.
 */
export function handlerRole(scope: Construct, id: string): iam.Role {
  const role = new iam.Role(scope, id, {
    assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
    managedPolicies: functionSettings(scope).vpc && [iam.ManagedPolicy.fromAwsManagedPolicyName('service-role/AWSLambdaENIManagementAccess')],
  });
  logGroupOf(scope).grantWrite(role);
  return role;
}
