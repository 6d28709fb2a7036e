import { ArnFormat, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import type * as iam from 'aws-cdk-lib/aws-iam';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import * as tasks from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { Construct, DependencyGroup, type IDependable } from 'constructs';
import { acknowledge } from './acknowledge';
import { applyBoundary, functionSettings } from './function-settings';
import { HandlerFunction, type HandlerFunctionProps } from './handler-function';
import { ownedSnapshots, snapshotReads } from './snapshot-access';
import type { VerifyInput, VerifyResult } from '../contract/integrity';
import { TRANSFER_MOST_HOURS } from '../contract/limits';
import {
  TRANSFER_ENVIRONMENT, type CopyInput, type CopyResult, type PlanResult, type ReleaseInput, type SettleResult, type SnapshotInput, type StepInput,
} from '../contract/transfer';

/** Longer than any may take: each has a deadline of its own, which its workers and isComplete keep. */
const TIMEOUT = Duration.hours(TRANSFER_MOST_HOURS);
/** As many as stay below the 1,000 blocks a second that EBS gives of one snapshot, at what the network brings to each. */
const VERIFIERS = 6;
const SETTLE_INTERVAL = Duration.seconds(5);
/** What aws-cdk-lib empties the buckets of a stack with. */
const AUTO_DELETE = 'Custom::S3AutoDeleteObjectsCustomResourceProvider';
/** Where in the bucket everything lies. */
export const TRANSFER_PREFIX = 'transfers/';

/** That Lambda could not run the function. What a function throws is final: it has repeated all that is worth repeating. */
export const LAMBDA_FAILURES: sfn.RetryProps = {
  errors: [
    'Lambda.ServiceException',
    'Lambda.AWSLambdaException',
    'Lambda.SdkClientException',
    'Lambda.ClientExecutionTimeoutException',
    'Lambda.TooManyRequestsException',
    'Lambda.Unknown',
    'Sandbox.Timedout',
  ],
  interval: Duration.seconds(2),
  backoffRate: 2,
  maxAttempts: 6,
};

/**
 * The state machine that writes an image into a snapshot, with its functions
 * and the bucket where it keeps the plan and the digests of all blocks.
 *
 * It catches nothing, for StopExecution and timeouts run no Catch. Who cleans
 * up is the handler of the import, and beside it a rule on every way to fail.
 */
export class Transfer extends Construct {
  public readonly bucket: s3.Bucket;
  public readonly stateMachine: sfn.StateMachine;
  /** The roles that read the image. */
  public readonly readers: iam.IRole[];
  /** The roles that write encrypted blocks. */
  public readonly writers: iam.IRole[];
  /** The role that plans. */
  public readonly planner: iam.IRole;
  /** The roles that read blocks back. */
  public readonly verifiers: iam.IRole[];
  /** What an import needs although it does not refer to it: made before, removed after all imports. */
  public readonly standing: IDependable;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.bucket = this.transferBucket();

    // One function for what comes before and after the copying: for a small image, its process is there still.
    const steps = this.worker('Steps', { description: 'plans a transfer, and completes the snapshot', timeout: Duration.minutes(15), memorySize: 1024 });
    this.mayUse(steps, 's3:GetObject', 's3:PutObject');
    steps.allow({ ...ownedSnapshots(this), actions: ['ebs:CompleteSnapshot'] });
    steps.allow(snapshotReads());

    const { workerMemory } = functionSettings(this);
    // One vCPU; the network is the limit.
    const copy = this.worker('Copy', { description: 'copies a range of the disk', timeout: Duration.minutes(15), memorySize: workerMemory?.toMebibytes() ?? 1769 });
    this.mayUse(copy, 's3:GetObject', 's3:PutObject');
    copy.allow({ ...ownedSnapshots(this), actions: ['ebs:PutSnapshotBlock'] });

    const verify = this.worker('Verify', { description: 'reads a range of the snapshot back', timeout: Duration.minutes(15), memorySize: 1024 });
    this.mayUse(verify, 's3:GetObject');
    verify.allow({ actions: ['s3:PutObject'], resources: [this.bucket.arnForObjects(`${TRANSFER_PREFIX}*/failure`)] });
    verify.allow({ ...ownedSnapshots(this), actions: ['ebs:ListSnapshotBlocks', 'ebs:GetSnapshotBlock'] });

    const cleanUp = this.worker('CleanUp', {
      bundle: 'transfer-clean-up', description: 'reports the end of a transfer, and removes what nobody needs after it', timeout: Duration.minutes(5),
    });
    this.mayUse(cleanUp, 's3:DeleteObject');
    cleanUp.allow(snapshotReads());
    cleanUp.allow({ ...ownedSnapshots(this), actions: ['ec2:DeleteSnapshot'] });

    this.stateMachine = new sfn.StateMachine(this, 'StateMachine', {
      stateMachineType: sfn.StateMachineType.STANDARD,
      comment: 'Copies a disk image from S3 into an EBS snapshot',
      definitionBody: sfn.DefinitionBody.fromChainable(this.definition({ steps, copy, verify, cleanUp })),
      timeout: TIMEOUT,
    });
    const ends = this.onEnd(cleanUp);

    this.readers = [steps, copy].map(worker => worker.role!);
    this.writers = [copy.role!];
    this.planner = steps.role!;
    this.verifiers = [verify.role!];
    // The state machine too: its own right to run the Distributed Map is made after it.
    this.standing = new DependencyGroup(this.bucket, this.stateMachine, cleanUp, ends);
  }

  /** What the handler of imports does with transfers. */
  public handlerStatements(): iam.PolicyStatementProps[] {
    const executions = Stack.of(this).formatArn({
      service: 'states', resource: 'execution', resourceName: `${this.stateMachine.stateMachineName}:*`, arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    return [
      { actions: ['states:StartExecution'], resources: [this.stateMachine.stateMachineArn] },
      { actions: ['states:DescribeExecution', 'states:StopExecution'], resources: [executions] },
      ...this.bucketStatements('s3:GetObject', 's3:DeleteObject'),
    ];
  }

  private mayUse(worker: HandlerFunction, ...actions: string[]): void {
    this.bucketStatements(...actions).forEach(statement => worker.allow(statement));
  }

  private bucketStatements(...actions: string[]): iam.PolicyStatementProps[] {
    return [
      { actions, resources: [this.bucket.arnForObjects(`${TRANSFER_PREFIX}*`)] },
      // To find what is to be removed; and without it, S3 says of a missing object that access is denied.
      { actions: ['s3:ListBucket'], resources: [this.bucket.bucketArn] },
    ];
  }

  /** Empty but for the time of a transfer, except for the digests of the snapshots made from it. */
  private transferBucket(): s3.Bucket {
    const bucket = new s3.Bucket(this, 'Bucket', {
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      encryption: s3.BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      removalPolicy: RemovalPolicy.DESTROY,
      autoDeleteObjects: true,
      lifecycleRules: [{ abortIncompleteMultipartUploadAfter: Duration.days(1) }],
    });
    acknowledge(bucket, { 'AwsSolutions-S1': 'It holds plans and digests, which only the functions here read and write' });
    // Its role is the stack's, and is made like ours.
    applyBoundary(Stack.of(this).node.findChild(AUTO_DELETE));
    return bucket;
  }

  private worker(id: string, props: Omit<HandlerFunctionProps, 'bundle'> & { bundle?: string }): HandlerFunction {
    return new HandlerFunction(this, id, {
      bundle: `transfer-${id.toLowerCase()}`,
      ...props,
      description: `cdk-durable-storage: ${props.description}`,
      environment: { [TRANSFER_ENVIRONMENT.bucket]: this.bucket.bucketName },
    });
  }

  private definition({ steps, copy, verify, cleanUp }: Record<'steps' | 'copy' | 'verify' | 'cleanUp', HandlerFunction>): sfn.IChainable {
    const snapshot = { snapshotId: sfn.JsonPath.stringAt('$.snapshotId' satisfies `$.${keyof SnapshotInput}`) };

    const copyRange = this.task('Copy range', copy, {
      payload: sfn.TaskInput.fromObject({ ...snapshot, n: sfn.JsonPath.numberAt('$.n') } satisfies Record<keyof CopyInput, unknown>),
      resultPath: '$.copy',
    });
    copyRange.next(new sfn.Choice(this, 'Range copied?')
      .when(sfn.Condition.booleanEquals(`$.copy.${'done' satisfies keyof CopyResult}`, true), new sfn.Succeed(this, 'Range copied', {
        // A thousand results together must stay small.
        outputPath: sfn.JsonPath.DISCARD,
      }))
      .otherwise(copyRange));

    const copyAll = new sfn.DistributedMap(this, 'Copy all ranges', {
      itemsPath: '$.ranges' satisfies `$.${keyof PlanResult}`,
      itemSelector: { ...snapshot, n: sfn.JsonPath.numberAt('$$.Map.Item.Value.n') } satisfies Record<keyof CopyInput, unknown>,
      maxConcurrencyPath: '$.workers' satisfies `$.${keyof PlanResult}`,
      mapExecutionType: sfn.StateMachineType.STANDARD,
      resultPath: sfn.JsonPath.DISCARD,
    }).itemProcessor(copyRange);

    const step = (id: string, input: Record<string, unknown>, resultPath?: string) =>
      this.task(id, steps, { payload: sfn.TaskInput.fromObject(input), resultPath });
    const askSettled = step('Settle snapshot', { settle: snapshot } satisfies StepInput, '$.settle');
    const completed = sfn.Condition.booleanEquals(`$.settle.${'completed' satisfies keyof SettleResult}`, true);
    const toVerify = sfn.Condition.booleanEquals('$.verify' satisfies `$.${keyof PlanResult}`, true);
    const increment = sfn.Condition.booleanEquals('$.increment' satisfies `$.${keyof PlanResult}`, true);
    const end = new sfn.Succeed(this, 'Snapshot completed');
    const release = this.task('Release parent', cleanUp, {
      payload: sfn.TaskInput.fromObject({ releaseParentOf: sfn.JsonPath.stringAt('$.snapshotId') } satisfies Record<keyof ReleaseInput, unknown>),
      resultPath: sfn.JsonPath.DISCARD,
    });
    release.next(end);
    const verified = new sfn.Choice(this, 'Increment verified?').when(increment, release).otherwise(end);
    const isCompleted = new sfn.Choice(this, 'Snapshot completed?')
      .when(sfn.Condition.and(completed, toVerify), this.verification(verify).next(verified))
      .when(sfn.Condition.and(completed, increment), release)
      .when(completed, end)
      .otherwise(new sfn.Wait(this, 'Wait for EBS', { time: sfn.WaitTime.duration(SETTLE_INTERVAL) }).next(askSettled));
    askSettled.next(isCompleted);

    return step('Plan transfer', { plan: sfn.JsonPath.entirePayload })
      .next(copyAll)
      .next(step('Seal snapshot', { seal: snapshot } satisfies StepInput, '$.settle'))
      .next(isCompleted);
  }

  /** Reads the ranges back, each until it is done. */
  private verification(verify: HandlerFunction): sfn.DistributedMap {
    const verifyRange = this.task('Verify range', verify);
    verifyRange.next(new sfn.Choice(this, 'Range verified?')
      .when(sfn.Condition.booleanEquals(`$.${'done' satisfies keyof VerifyResult}`, true), new sfn.Succeed(this, 'Range verified', {
        outputPath: sfn.JsonPath.DISCARD,
      }))
      // What it answered says where to go on.
      .otherwise(verifyRange));

    return new sfn.DistributedMap(this, 'Verify all ranges', {
      itemsPath: '$.ranges' satisfies `$.${keyof PlanResult}`,
      itemSelector: {
        snapshotId: sfn.JsonPath.stringAt('$.snapshotId'), n: sfn.JsonPath.numberAt('$$.Map.Item.Value.n'), from: 0,
      } satisfies Record<keyof VerifyInput, unknown>,
      maxConcurrency: VERIFIERS,
      mapExecutionType: sfn.StateMachineType.STANDARD,
      resultPath: sfn.JsonPath.DISCARD,
    }).itemProcessor(verifyRange);
  }

  private task(id: string, lambdaFunction: HandlerFunction, props: Partial<tasks.LambdaInvokeProps> = {}): tasks.LambdaInvoke {
    const task = new tasks.LambdaInvoke(this, id, { ...props, lambdaFunction, payloadResponseOnly: true, retryOnServiceExceptions: false });
    task.addRetry(LAMBDA_FAILURES);
    return task;
  }

  private onEnd(cleanUp: HandlerFunction): events.Rule {
    return new events.Rule(this, 'Failures', {
      description: 'Transfers that ended, one way or another',
      eventPattern: {
        source: ['aws.states'],
        detailType: ['Step Functions Execution Status Change'],
        detail: {
          stateMachineArn: [this.stateMachine.stateMachineArn],
          status: ['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED'],
        },
      },
      targets: [new targets.LambdaFunction(cleanUp)],
    });
  }
}
