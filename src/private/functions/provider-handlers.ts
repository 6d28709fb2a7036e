import { Duration } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Provider } from 'aws-cdk-lib/custom-resources';
import type { Construct } from 'constructs';
import { HandlerFunction } from './handler-function';
import { applyArchitecture, commonFunctionProps, executionPolicies } from './settings';
import { RESOURCE_MOST_MINUTES } from '../../contract/limits';
import { TRANSFER_ENVIRONMENT } from '../../contract/transfer';

export interface ProviderHandlersProps {
  /** The service, `efs` or `ebs`, whose name the bundle has too. */
  readonly bundle: string;
  readonly environment?: { [name: string]: string };
}

/** The time limit of `onEvent`. The Delete of a cancelled creation waits as long as this for it to end. */
const ON_EVENT_TIMEOUT = Duration.minutes(2);
/** The time inside of `isComplete` is not counted in this. */
const TOTAL_TIMEOUT = Duration.minutes(RESOURCE_MOST_MINUTES);
const QUERY_INTERVAL = Duration.seconds(5);

/** The `onEvent` and `isComplete` of one service, under one role, behind aws-cdk-lib's provider framework. */
export class ProviderHandlers {
  public readonly role: iam.Role;
  public readonly serviceToken: string;
  private readonly functions: HandlerFunction[];

  constructor(scope: Construct, { bundle, environment }: ProviderHandlersProps) {
    this.role = new iam.Role(scope, 'Role', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
      managedPolicies: executionPolicies(scope),
    });
    const handler = (id: string, entry: string) => new HandlerFunction(scope, id, {
      bundle,
      entry,
      description: `cdk-durable-storage: ${entry} of the ${bundle.toUpperCase()} resources`,
      role: this.role,
      timeout: ON_EVENT_TIMEOUT,
      environment: { ...environment, [TRANSFER_ENVIRONMENT.creationTimeout]: `${ON_EVENT_TIMEOUT.toSeconds()}` },
    });
    const [onEventHandler, isCompleteHandler] = this.functions = [handler('OnEvent', 'onEvent'), handler('IsComplete', 'isComplete')];
    const provider = new Provider(scope, 'Provider', {
      ...commonFunctionProps(scope),
      onEventHandler,
      isCompleteHandler,
      queryInterval: QUERY_INTERVAL,
      totalTimeout: TOTAL_TIMEOUT,
    });
    applyArchitecture(provider);
    this.serviceToken = provider.serviceToken;
  }

  /** Adds a variable that only some constructs need. */
  public addEnvironment(name: string, value: string): void {
    this.functions.forEach(each => each.addEnvironment(name, value));
  }

  public allow(statement: iam.PolicyStatementProps): void {
    this.role.addToPrincipalPolicy(new iam.PolicyStatement(statement));
  }
}
