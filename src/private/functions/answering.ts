import { ArnFormat, Duration, Stack } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import { DependencyGroup, type Construct, type IDependable } from 'constructs';
import { executionKeyStatements } from './encryption';
import { warnOfMissingEndpoints, type Service } from './endpoints';
import { HandlerFunction, HandlerRole } from './handler-function';
import { functionSettings } from './settings';
import { Waiter } from './waiter';
import { ANSWERING_ENVIRONMENT, SERVICE_TIMEOUT_SECONDS, STEP_SECONDS } from '../../contract/answering';

export interface AnsweringProps {
  /** The service, whose name the bundle has too. */
  readonly bundle: keyof typeof SERVICES;
}

/** The services that the functions call for any of the resources. */
const SERVICES = {
  efs: ['s3', 'states', 'cloudformation', 'elasticfilesystem', 'ec2', 'tagging'],
  ebs: ['s3', 'states', 'cloudformation', 'ebs', 'ec2'],
} as const satisfies Record<string, readonly Service[]>;

/**
 * The parts that answer CloudFormation for the resources of one service: a function, which is the service token, and a state machine, which calls
 * it again until a call is done. `docs/functions.md` describes how they work together.
 */
export class Answering {
  public readonly role: HandlerRole;
  public readonly serviceToken: string;
  /** The state machine whose executions may wait for a token. */
  public readonly waiterArn: string;
  /** Everything that an answer needs: made before the resources, removed after them. */
  public readonly standing: IDependable;
  private readonly handler: HandlerFunction;

  constructor(scope: Construct, { bundle }: AnsweringProps) {
    const stack = Stack.of(scope);
    const { vpc } = functionSettings(scope);
    this.role = new HandlerRole(scope, 'Role');
    const executionKey = executionKeyStatements(scope);
    executionKey.forEach(statement => this.role.allow(statement));
    const waiterRole = new iam.Role(scope, 'WaiterRole', {
      assumedBy: new iam.ServicePrincipal('states.amazonaws.com'),
      // In the role, so that it is there long before the first execution, which would fail without it.
      inlinePolicies: executionKey.length > 0
        ? { Key: new iam.PolicyDocument({ statements: executionKey.map(statement => new iam.PolicyStatement(statement)) }) } : undefined,
    });
    const waiter = new Waiter(scope, 'Waiter', waiterRole);
    this.handler = new HandlerFunction(scope, 'Handler', {
      bundle,
      description: `cdk-durable-storage: answers CloudFormation for the ${bundle.toUpperCase()} resources`,
      role: this.role,
      timeout: Duration.seconds(STEP_SECONDS),
      environment: {
        [ANSWERING_ENVIRONMENT.waiter]: waiter.stateMachineArn,
        [ANSWERING_ENVIRONMENT.stackId]: stack.stackId,
        ...vpc && { [ANSWERING_ENVIRONMENT.vpcId]: vpc.vpcId },
      },
    });
    this.serviceToken = this.handler.functionArn;
    this.waiterArn = waiter.stateMachineArn;
    warnOfMissingEndpoints(scope, SERVICES[bundle]);
    this.handler.configureAsyncInvoke({ maxEventAge: Duration.seconds(SERVICE_TIMEOUT_SECONDS), retryAttempts: 2 });

    // Policies of their own, because the function depends on its role, and the state machine on its own, with all that stands in them.
    const start = new iam.Policy(scope, 'StartPolicy', { roles: [this.role], statements: startStatements(stack, waiter) });
    const call = new iam.Policy(scope, 'CallPolicy', {
      roles: [waiterRole],
      statements: [new iam.PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [this.serviceToken, `${this.serviceToken}:*`] })],
    });
    const ends = new events.Rule(scope, 'Ends', {
      description: 'Calls of CloudFormation whose execution ended without an answer',
      eventPattern: {
        source: ['aws.states'],
        detailType: ['Step Functions Execution Status Change'],
        detail: { stateMachineArn: [waiter.stateMachineArn], status: ['FAILED', 'TIMED_OUT', 'ABORTED'] },
      },
      targets: [new targets.LambdaFunction(this.handler)],
    });
    this.standing = new DependencyGroup(this.handler, waiter, start, call, ends);
  }

  /** Adds a variable that only some constructs need. */
  public addEnvironment(name: string, value: string): void {
    this.handler.addEnvironment(name, value);
  }

  public allow(statement: iam.PolicyStatementProps): void {
    this.role.allow(statement);
  }
}

function startStatements(stack: Stack, waiter: Waiter): iam.PolicyStatement[] {
  const executions = stack.formatArn({
    service: 'states', resource: 'execution', resourceName: `${waiter.stateMachineName}:*`, arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
  return [
    new iam.PolicyStatement({ actions: ['states:StartExecution'], resources: [waiter.stateMachineArn] }),
    new iam.PolicyStatement({ actions: ['states:DescribeExecution'], resources: [executions] }),
    // Whether CloudFormation still waits for a resource.
    new iam.PolicyStatement({ actions: ['cloudformation:DescribeStackResource'], resources: [stack.stackId] }),
  ];
}
