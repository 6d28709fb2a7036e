import { ArnFormat, Duration, Stack } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import * as tasks from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { Construct } from 'constructs';
import { MAP_DENIED, RETRIERS, type Retrier } from './retriers';
import type { TransferBucket } from './transfer-bucket';
import { TRANSFER_MOST_HOURS } from '../../contract/limits';
import { TRANSFER_ENVIRONMENT, type CopyInput, type CopyResult, type PlanResult, type TransferPlace } from '../../contract/transfer';
import { executionKeyStatements } from '../functions/encryption';
import { HandlerFunction, type HandlerFunctionProps } from '../functions/handler-function';
import { functionSettings } from '../functions/settings';

/** Longer than any may take: each has a deadline of its own, which its workers and the polls of the resource keep. */
const TIMEOUT = Duration.hours(TRANSFER_MOST_HOURS);
/** One vCPU; the network is the limit. */
const WORKER_MEBIBYTES = 1769;

export interface RangeWorkProps {
  readonly bucket: TransferBucket;
  /** The role of the function that answers CloudFormation. */
  readonly handlerRole: iam.IRole;
  /** The state machine whose executions wait for the end of the work. */
  readonly waiterArn: string;
}

/**
 * A state machine that outgrows one function: it plans, works on each range
 * until that is done, and completes. Imports and exports are of this kind.
 *
 * Its only Catch is of a step that tidies up, because StopExecution and timeouts run no Catch.
 * The handler of the resource cleans up, and beside it a rule on every way to end.
 */
export abstract class RangeWork extends Construct {
  public abstract readonly stateMachine: sfn.StateMachine;
  /** Where the plan and the digests lie. */
  public readonly bucket: TransferBucket;
  private readonly waiterArn: string;

  /**
   * @param bundles how the names of the functions' bundles begin
   */
  constructor(scope: Construct, id: string, private readonly bundles: 'transfer' | 'export', { bucket, waiterArn }: RangeWorkProps) {
    super(scope, id);
    this.bucket = bucket;
    this.waiterArn = waiterArn;
  }

  /** Properties for the custom resource. */
  public get place(): TransferPlace {
    return { TransferBucket: this.bucket.bucketName, StateMachineArn: this.stateMachine.stateMachineArn };
  }

  protected worker(id: string, props: Omit<HandlerFunctionProps, 'bundle'> & { bundle?: string }): HandlerFunction {
    return new HandlerFunction(this, id, {
      bundle: `${this.bundles}-${id.toLowerCase()}`,
      ...props,
      description: `cdk-durable-storage: ${props.description}`,
      environment: { [TRANSFER_ENVIRONMENT.bucket]: this.bucket.bucketName },
    });
  }

  /** One that moves blocks. */
  protected copier(description: string): HandlerFunction {
    const { workerMemory } = functionSettings(this);
    return this.worker('Copy', { description, timeout: Duration.minutes(15), memorySize: workerMemory?.toMebibytes() ?? WORKER_MEBIBYTES });
  }

  protected machine(comment: string, definition: sfn.IChainable): sfn.StateMachine {
    return new sfn.StateMachine(this, 'StateMachine', {
      stateMachineType: sfn.StateMachineType.STANDARD, comment, definitionBody: sfn.DefinitionBody.fromChainable(definition), timeout: TIMEOUT,
    });
  }

  /** `retriers`: what is repeated if the function fails. */
  protected task(
    id: string, lambdaFunction: HandlerFunction, props: Partial<tasks.LambdaInvokeProps> = {}, retriers: readonly Retrier[] = RETRIERS,
  ): tasks.LambdaInvoke {
    const task = new tasks.LambdaInvoke(this, id, { ...props, lambdaFunction, payloadResponseOnly: true, retryOnServiceExceptions: false });
    retriers.forEach(retrier => task.addRetry(retryOf(retrier)));
    return task;
  }

  /**
   * Works on all ranges of the plan, on each until it is done, and then goes on with `next`. `verb`: `['Copy', 'copied']`; `common`: what all of them
   * are told.
   *
   * The Map runs in the history of the execution: its iterations start at once, and its error is that of the range. That history may have 25,000
   * events, which are enough for work that CloudFormation waits for. What goes on in the background may take days, so its ranges are in executions of their
   * own.
   */
  protected eachRange([verb, done]: [string, string], worker: HandlerFunction, common: Record<string, string>, next: sfn.IChainable): sfn.IChainable {
    const props: sfn.MapBaseProps = {
      itemsPath: '$.ranges' satisfies `$.${keyof PlanResult}`,
      itemSelector: { ...common, n: sfn.JsonPath.numberAt('$$.Map.Item.Value.n') },
      maxConcurrencyPath: '$.workers' satisfies `$.${keyof PlanResult}`,
      resultPath: sfn.JsonPath.DISCARD,
    };
    const inline = new sfn.Map(this, `${verb} all ranges`, props).itemProcessor(this.untilDone([verb, done], worker, common, ''));
    const distributed = new sfn.DistributedMap(this, `${verb} all ranges in the background`, { ...props, mapExecutionType: sfn.StateMachineType.STANDARD });
    distributed.addRetry(retryOf(MAP_DENIED)).itemProcessor(this.untilDone([verb, done], worker, common, ' in the background'));
    return new sfn.Choice(this, 'In the background?')
      .when(sfn.Condition.booleanEquals('$.background' satisfies `$.${keyof PlanResult}`, true), distributed.next(next))
      .otherwise(inline.next(next));
  }

  /** Works on one range until it is done. */
  private untilDone([verb, done]: [string, string], worker: HandlerFunction, common: Record<string, string>, where: string): sfn.IChainable {
    const range = this.task(`${verb} range${where}`, worker, {
      payload: sfn.TaskInput.fromObject({
        ...common, n: sfn.JsonPath.numberAt('$.n'), ['retries' satisfies keyof CopyInput]: sfn.JsonPath.numberAt('$$.State.RetryCount'),
      }),
      resultPath: '$.copy',
    });
    return range.next(new sfn.Choice(this, `Range ${done}${where}?`)
      .when(sfn.Condition.booleanEquals(`$.copy.${'done' satisfies keyof CopyResult}`, true), new sfn.Succeed(this, `Range ${done}${where}`, {
        // A thousand results together must stay small.
        outputPath: sfn.JsonPath.DISCARD,
      }))
      .otherwise(range));
  }

  /** `cleanUp`: the function that is called at the end, and ends the wait of the execution that answers CloudFormation. */
  protected onEnd(description: string, cleanUp: HandlerFunction): events.Rule {
    this.mayWake(cleanUp);
    return new events.Rule(this, 'Failures', {
      description,
      eventPattern: {
        source: ['aws.states'],
        detailType: ['Step Functions Execution Status Change'],
        detail: { stateMachineArn: [this.stateMachine.stateMachineArn], status: ['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED'] },
      },
      targets: [new targets.LambdaFunction(cleanUp)],
    });
  }

  /** Lets a function end the wait of the execution that answers CloudFormation. */
  protected mayWake(worker: HandlerFunction): void {
    // A token belongs to an execution that the key encrypts.
    [returnsTokens(this.waiterArn), ...executionKeyStatements(this)].forEach(statement => worker.allow(statement));
  }

  /**
   * A policy for what the handlers do with this kind of work. It is a resource of its own, on which the custom resources depend, because the
   * Delete of the last one comes after the update has changed the role itself.
   */
  protected handlerAccess(role: iam.IRole, statements: iam.PolicyStatementProps[]): iam.Policy {
    return new iam.Policy(this, 'HandlerAccess', {
      roles: [role], statements: [...this.executionStatements(), ...statements].map(statement => new iam.PolicyStatement(statement)),
    });
  }

  private executionStatements(): iam.PolicyStatementProps[] {
    const executions = Stack.of(this).formatArn({
      service: 'states', resource: 'execution', resourceName: `${this.stateMachine.stateMachineName}:*`, arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    return [
      { actions: ['states:StartExecution'], resources: [this.stateMachine.stateMachineArn] },
      { actions: ['states:DescribeExecution', 'states:StopExecution'], resources: [executions] },
    ];
  }
}

/** Returns the permission to end the wait of an execution. */
export function returnsTokens(waiterArn: string): iam.PolicyStatementProps {
  return { actions: ['states:SendTaskSuccess'], resources: [waiterArn] };
}

function retryOf({ errors, intervalSeconds, maxDelaySeconds, maxAttempts, jitter }: Retrier): sfn.RetryProps {
  return {
    errors: [...errors],
    interval: Duration.seconds(intervalSeconds),
    backoffRate: 2,
    maxAttempts,
    ...(maxDelaySeconds !== undefined && { maxDelay: Duration.seconds(maxDelaySeconds) }),
    ...(jitter && { jitterStrategy: sfn.JitterType.FULL }),
  };
}
