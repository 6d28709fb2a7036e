import { ArnFormat, Duration, Stack } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import * as tasks from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { Construct, DependencyGroup, type IDependable } from 'constructs';
import { functionSettings } from './function-settings';
import { HandlerFunction, type HandlerFunctionProps } from './handler-function';
import { LAMBDA_FAILURES, TRANSFER_PREFIX } from './transfer';
import type { ExportCopyInput, ExportCopyResult, ExportIdInput, ExportPlanResult } from '../contract/export';
import { TRANSFER_MOST_HOURS } from '../contract/limits';
import { TRANSFER_ENVIRONMENT } from '../contract/transfer';

export interface ExporterProps {
  /** The transfer bucket. */
  readonly bucket: s3.Bucket;
  /** The role of `onEvent` and `isComplete`. */
  readonly handlerRole: iam.IRole;
}

/** The roles that do something with an export, by what they do. */
export interface ExportRoles {
  readonly handler: iam.IRole;
  readonly plan: iam.IRole;
  readonly copy: iam.IRole;
  readonly finish: iam.IRole;
  readonly cleanUp: iam.IRole;
}

/**
 * The state machine that writes a snapshot into an object, with its functions.
 * As in `Transfer`, it catches nothing, and whoever notices a failure cleans up. What it may do
 * with snapshots, objects and keys, each export grants it.
 */
export class Exporter extends Construct {
  public readonly stateMachine: sfn.StateMachine;
  public readonly roles: ExportRoles;
  /** What an export needs although it does not refer to it: made before, removed after all exports. */
  public readonly standing: IDependable;

  constructor(scope: Construct, id: string, private readonly props: ExporterProps) {
    super(scope, id);
    const plan = this.worker('Plan', { description: 'lists what is to be exported', timeout: Duration.minutes(15), memorySize: 1769 });
    this.mayUse(plan, 's3:PutObject');
    const { workerMemory } = functionSettings(this);
    // One vCPU; the network is the limit.
    const copy = this.worker('Copy', {
      description: 'uploads a range of a snapshot', timeout: Duration.minutes(15), memorySize: workerMemory?.toMebibytes() ?? 1769,
    });
    this.mayUse(copy, 's3:GetObject', 's3:PutObject');
    const finish = this.worker('Finish', { description: 'completes the object of an export', timeout: Duration.minutes(15), memorySize: 1024 });
    this.mayUse(finish, 's3:GetObject', 's3:PutObject', 's3:DeleteObject');

    this.stateMachine = new sfn.StateMachine(this, 'StateMachine', {
      stateMachineType: sfn.StateMachineType.STANDARD,
      comment: 'Copies an EBS snapshot into an object in S3',
      definitionBody: sfn.DefinitionBody.fromChainable(this.definition({ plan, copy, finish })),
      timeout: Duration.hours(TRANSFER_MOST_HOURS),
    });

    const cleanUp = this.worker('CleanUp', {
      bundle: 'export-clean-up', description: 'removes what an export that failed left behind', timeout: Duration.minutes(5),
    });
    this.mayUse(cleanUp, 's3:GetObject', 's3:DeleteObject');
    const ends = this.onEnd(cleanUp);

    this.roles = { handler: props.handlerRole, plan: plan.role!, copy: copy.role!, finish: finish.role!, cleanUp: cleanUp.role! };
    this.standing = new DependencyGroup(props.bucket, this.stateMachine, cleanUp, ends);
  }

  /** What the handler does with exports, beside what it may do with transfers. */
  public handlerStatements(): iam.PolicyStatementProps[] {
    const executions = Stack.of(this).formatArn({
      service: 'states', resource: 'execution', resourceName: `${this.stateMachine.stateMachineName}:*`, arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    return [
      { actions: ['states:StartExecution'], resources: [this.stateMachine.stateMachineArn] },
      { actions: ['states:DescribeExecution', 'states:StopExecution'], resources: [executions] },
      { actions: ['s3:PutObject'], resources: [this.props.bucket.arnForObjects(`${TRANSFER_PREFIX}export-*/record.json`)] },
    ];
  }

  private mayUse(worker: HandlerFunction, ...actions: string[]): void {
    worker.allow({ actions, resources: [this.props.bucket.arnForObjects(`${TRANSFER_PREFIX}export-*`)] });
    // To find what is to be removed; and without it, S3 says of a missing object that access is denied.
    if (actions.length > 1) { worker.allow({ actions: ['s3:ListBucket'], resources: [this.props.bucket.bucketArn] }); }
  }

  private worker(id: string, props: Omit<HandlerFunctionProps, 'bundle'> & { bundle?: string }): HandlerFunction {
    return new HandlerFunction(this, id, {
      bundle: `export-${id.toLowerCase()}`,
      ...props,
      description: `cdk-durable-storage: ${props.description}`,
      environment: { [TRANSFER_ENVIRONMENT.bucket]: this.props.bucket.bucketName },
    });
  }

  private definition({ plan, copy, finish }: Record<'plan' | 'copy' | 'finish', HandlerFunction>): sfn.IChainable {
    const exportId = { exportId: sfn.JsonPath.stringAt('$.exportId' satisfies `$.${keyof ExportIdInput}`) };
    const copyRange = this.task('Export range', copy, {
      payload: sfn.TaskInput.fromObject({ ...exportId, n: sfn.JsonPath.numberAt('$.n') } satisfies Record<keyof ExportCopyInput, unknown>),
      resultPath: '$.copy',
    });
    copyRange.next(new sfn.Choice(this, 'Range exported?')
      .when(sfn.Condition.booleanEquals(`$.copy.${'done' satisfies keyof ExportCopyResult}`, true), new sfn.Succeed(this, 'Range exported', {
        // A thousand results together must stay small.
        outputPath: sfn.JsonPath.DISCARD,
      }))
      .otherwise(copyRange));

    const copyAll = new sfn.DistributedMap(this, 'Export all ranges', {
      itemsPath: '$.ranges' satisfies `$.${keyof ExportPlanResult}`,
      itemSelector: { ...exportId, n: sfn.JsonPath.numberAt('$$.Map.Item.Value.n') } satisfies Record<keyof ExportCopyInput, unknown>,
      maxConcurrencyPath: '$.workers' satisfies `$.${keyof ExportPlanResult}`,
      mapExecutionType: sfn.StateMachineType.STANDARD,
      resultPath: sfn.JsonPath.DISCARD,
    }).itemProcessor(copyRange);

    return this.task('Plan export', plan)
      .next(copyAll)
      .next(this.task('Complete object', finish, { payload: sfn.TaskInput.fromObject(exportId), resultPath: sfn.JsonPath.DISCARD }));
  }

  private task(id: string, lambdaFunction: HandlerFunction, props: Partial<tasks.LambdaInvokeProps> = {}): tasks.LambdaInvoke {
    const task = new tasks.LambdaInvoke(this, id, { ...props, lambdaFunction, payloadResponseOnly: true, retryOnServiceExceptions: false });
    task.addRetry(LAMBDA_FAILURES);
    return task;
  }

  private onEnd(cleanUp: HandlerFunction): events.Rule {
    return new events.Rule(this, 'Failures', {
      description: 'Exports that ended, one way or another',
      eventPattern: {
        source: ['aws.states'],
        detailType: ['Step Functions Execution Status Change'],
        detail: { stateMachineArn: [this.stateMachine.stateMachineArn], status: ['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED'] },
      },
      targets: [new targets.LambdaFunction(cleanUp)],
    });
  }
}
