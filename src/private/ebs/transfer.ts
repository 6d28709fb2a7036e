import { Duration } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { DependencyGroup, type Construct, type IDependable } from 'constructs';
import { RangeWork, type RangeWorkProps } from './range-work';
import { LAMBDA_FAILED } from './retriers';
import { importStatements, ownedSnapshots, snapshotReads } from './snapshot-access';
import { FAILURES, RECORDS, TOKENS } from './transfer-bucket';
import type { VerifyInput, VerifyResult } from '../../contract/integrity';
import type { PlanResult, ReleaseInput, SettleInput, SettleResult, SnapshotInput, StepInput } from '../../contract/transfer';
import { keyStatements } from '../functions/encryption';
import type { HandlerFunction } from '../functions/handler-function';

/** As many batches as stay below the 1,000 blocks a second that EBS gives of one snapshot, at what the network brings to each. */
const VERIFIERS = 6;

/** The state machine that writes an image into a snapshot, with its functions, and what the handlers may do with snapshots and imports. */
export class Transfer extends RangeWork {
  public readonly stateMachine: sfn.StateMachine;
  /** The roles that read the image. */
  public readonly readers: iam.IRole[];
  /** The roles that write encrypted blocks. */
  public readonly writers: iam.IRole[];
  /** The role that plans, and reads blocks back. */
  public readonly steps: iam.IRole;
  /** What an import needs although it does not refer to it: made before, removed after all imports. */
  public readonly standing: IDependable;

  constructor(scope: Construct, id: string, props: RangeWorkProps) {
    super(scope, id, 'transfer', props);

    // One function for what comes before and after the copying: for a small image, its process is there still.
    const steps = this.worker('Steps', {
      description: 'plans a transfer, completes the snapshot, and reads it back', timeout: Duration.minutes(15), memorySize: 1024,
    });
    this.mayUse(steps, 's3:GetObject', 's3:PutObject');
    steps.allow({ ...ownedSnapshots(this), actions: ['ebs:CompleteSnapshot', 'ebs:ListSnapshotBlocks', 'ebs:GetSnapshotBlock'] });
    steps.allow(snapshotReads());
    this.mayWake(steps);

    const copy = this.copier('copies a range of the disk');
    this.mayUse(copy, 's3:GetObject', 's3:PutObject');
    copy.allow({ ...ownedSnapshots(this), actions: ['ebs:PutSnapshotBlock'] });

    const cleanUp = this.worker('CleanUp', {
      bundle: 'transfer-clean-up', description: 'reports the end of a transfer, and removes what nobody needs after it', timeout: Duration.minutes(15),
    });
    this.mayUse(cleanUp, 's3:DeleteObject');
    cleanUp.allow({ actions: ['s3:GetObject'], resources: [TOKENS, FAILURES, RECORDS].map(objects => this.bucket.arnForObjects(objects)) });
    keyStatements(this, ['s3:GetObject']).forEach(statement => cleanUp.allow(statement));
    cleanUp.allow(snapshotReads());
    cleanUp.allow({ ...ownedSnapshots(this), actions: ['ec2:DeleteSnapshot'] });

    this.stateMachine = this.machine('Copies a disk image from S3 into an EBS snapshot', this.definition({ steps, copy, cleanUp }));
    const ends = this.onEnd('Transfers that ended, one way or another', cleanUp);

    this.readers = [copy.role!];
    this.writers = [copy.role!];
    this.steps = steps.role!;
    // Policies for images and keys are the provider's.
    const access = this.handlerAccess(props.handlerRole, importStatements(this));
    // The state machine too: its own right to run the Distributed Map is made after it.
    this.standing = new DependencyGroup(this.bucket, this.stateMachine, cleanUp, ends, access);
  }

  private mayUse(worker: HandlerFunction, ...actions: string[]): void {
    this.bucket.statements(actions).forEach(statement => worker.allow(statement));
  }

  private definition({ steps, copy, cleanUp }: Record<'steps' | 'copy' | 'cleanUp', HandlerFunction>): sfn.IChainable {
    const snapshot = { snapshotId: sfn.JsonPath.stringAt('$.snapshotId' satisfies `$.${keyof SnapshotInput}`) };
    const step = (id: string, input: Record<string, unknown>, resultPath?: string) =>
      this.task(id, steps, { payload: sfn.TaskInput.fromObject(input), resultPath });

    const seconds = `$.settle.${'seconds' satisfies keyof SettleResult}`;
    const askSettled = step('Settle snapshot', {
      settle: { ...snapshot, seconds: sfn.JsonPath.numberAt(seconds) } satisfies SettleInput,
    } satisfies StepInput, '$.settle');
    const completed = sfn.Condition.booleanEquals(`$.settle.${'completed' satisfies keyof SettleResult}`, true);
    const toVerify = sfn.Condition.booleanEquals(`$.settle.${'verify' satisfies keyof SettleResult}`, true);
    const increment = sfn.Condition.booleanEquals('$.increment' satisfies `$.${keyof PlanResult}`, true);
    const end = new sfn.Succeed(this, 'Snapshot completed');
    const release = this.task('Release parent', cleanUp, {
      payload: sfn.TaskInput.fromObject({ releaseParentOf: sfn.JsonPath.stringAt('$.snapshotId') } satisfies Record<keyof ReleaseInput, unknown>),
      resultPath: sfn.JsonPath.DISCARD,
    }, [LAMBDA_FAILED]);
    // The snapshot is complete and verified; the event on the end of the execution releases the parent too.
    release.addCatch(end, { resultPath: sfn.JsonPath.DISCARD }).next(end);
    const verified = new sfn.Choice(this, 'Increment verified?').when(increment, release).otherwise(end);
    const isCompleted = new sfn.Choice(this, 'Snapshot completed?')
      .when(sfn.Condition.and(completed, toVerify), this.verification(steps).next(verified))
      .when(sfn.Condition.and(completed, increment), release)
      .when(completed, end)
      .otherwise(new sfn.Wait(this, 'Wait for EBS', { time: sfn.WaitTime.secondsPath(seconds) }).next(askSettled));
    askSettled.next(isCompleted);

    const seal = step('Seal snapshot', { seal: snapshot } satisfies StepInput, '$.settle').next(isCompleted);
    return step('Plan transfer', { plan: sfn.JsonPath.entirePayload, execution: sfn.JsonPath.executionName })
      .next(this.eachRange(['Copy', 'copied'], copy, snapshot, seal));
  }

  /** Reads the batches back that are too many blocks for the function that sealed, each until it is done. */
  private verification(steps: HandlerFunction): sfn.Map {
    const verifyBatch = this.task('Verify batch', steps, { payload: sfn.TaskInput.fromObject({ verify: sfn.JsonPath.entirePayload }) });
    verifyBatch.next(new sfn.Choice(this, 'Batch verified?')
      .when(sfn.Condition.booleanEquals(`$.${'done' satisfies keyof VerifyResult}`, true), new sfn.Succeed(this, 'Batch verified', {
        outputPath: sfn.JsonPath.DISCARD,
      }))
      // What it answered says where to go on.
      .otherwise(verifyBatch));

    return new sfn.Map(this, 'Verify all batches', {
      itemsPath: `$.settle.${'batches' satisfies keyof SettleResult}`,
      itemSelector: {
        snapshotId: sfn.JsonPath.stringAt('$.snapshotId'), n: sfn.JsonPath.numberAt('$$.Map.Item.Value.n'), from: 0,
      } satisfies Record<keyof VerifyInput, unknown>,
      maxConcurrency: VERIFIERS,
      resultPath: sfn.JsonPath.DISCARD,
    }).itemProcessor(verifyBatch);
  }
}
