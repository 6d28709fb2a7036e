import * as path from 'path';
import { Duration } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { functionSettings, logGroupOf, networkProps } from './settings';
import { checkRoom } from '../resource/role-room';

export interface HandlerFunctionProps {
  /** The folder of its bundle in `assets/`. */
  readonly bundle: string;
  readonly description: string;
  /** @default 2 minutes */
  readonly timeout?: Duration;
  /** MiB. @default - as the user configured handlers, or 256 */
  readonly memorySize?: number;
  /** @default - a role of its own */
  readonly role?: HandlerRole;
  readonly environment?: { [name: string]: string };
}

/** One of the functions that this library ships, with the settings of `StorageFunctions`. */
export class HandlerFunction extends lambda.Function {
  private readonly handlerRole: HandlerRole;

  constructor(scope: Construct, id: string, props: HandlerFunctionProps) {
    const { architecture, handlerMemory } = functionSettings(scope);
    const handlerRole = props.role ?? new HandlerRole(scope, `${id}Role`);
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
      role: handlerRole,
      environment: props.environment,
    });
    this.handlerRole = handlerRole;
  }

  public allow(statement: iam.PolicyStatementProps): void {
    this.handlerRole.allow(statement);
  }
}

/**
 * A role for functions. Its own statements stand in the role itself, not in a policy beside it, so that no function starts without them.
 *
 * It may write to its log group, but not make one: the last line of a function would bring back the log group of a deleted stack, for ever.
 */
export class HandlerRole extends iam.Role {
  private readonly own: iam.PolicyDocument;

  constructor(scope: Construct, id: string) {
    const own = new iam.PolicyDocument();
    super(scope, id, {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
      managedPolicies: functionSettings(scope).vpc && [iam.ManagedPolicy.fromAwsManagedPolicyName('service-role/AWSLambdaENIManagementAccess')],
      inlinePolicies: { Own: own },
    });
    this.own = own;
    checkRoom(this);
    this.allow({ actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [logGroupOf(scope).logGroupArn] });
  }

  /** Adds a statement to the role of the function. */
  public allow(statement: iam.PolicyStatementProps): void {
    this.own.addStatements(new iam.PolicyStatement(statement));
  }
}
