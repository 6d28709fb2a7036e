import { Duration } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { DependencyGroup, type Construct, type IDependable } from 'constructs';
import { RangeWork, TRANSFER_PREFIX } from './range-work';
import type { ExportIdInput } from '../../contract/export';
import { keyStatements } from '../functions/encryption';
import type { HandlerFunction } from '../functions/handler-function';
import { MergedPolicies } from '../resource/merged-policies';
import { checkRoom } from '../resource/role-room';

export interface ExporterProps {
  /** The transfer bucket. */
  readonly bucket: s3.Bucket;
  /** The role of the function that answers CloudFormation. */
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
 * What it may do with snapshots, objects and keys, each export grants it.
 */
export class Exporter extends RangeWork {
  public readonly bucket: s3.Bucket;
  public readonly stateMachine: sfn.StateMachine;
  public readonly roles: ExportRoles;
  /** What an export needs although it does not refer to it: made before, removed after all exports. */
  public readonly standing: IDependable;

  constructor(scope: Construct, id: string, props: ExporterProps) {
    super(scope, id, 'export');
    this.bucket = props.bucket;
    const plan = this.worker('Plan', { description: 'lists what is to be exported', timeout: Duration.minutes(15), memorySize: 1769 });
    this.mayUse(plan, 's3:GetObject', 's3:PutObject');
    const copy = this.copier('uploads a range of a snapshot');
    this.mayUse(copy, 's3:GetObject', 's3:PutObject');
    const finish = this.worker('Finish', { description: 'completes the object of an export', timeout: Duration.minutes(15), memorySize: 1024 });
    this.mayUse(finish, 's3:GetObject', 's3:PutObject', 's3:DeleteObject');

    this.stateMachine = this.machine('Copies an EBS snapshot into an object in S3', this.definition({ plan, copy, finish }));

    const cleanUp = this.worker('CleanUp', {
      bundle: 'export-clean-up', description: 'removes what an export that failed left behind', timeout: Duration.minutes(15),
    });
    this.mayUse(cleanUp, 's3:GetObject', 's3:DeleteObject');
    const ends = this.onEnd('Exports that ended, one way or another', cleanUp);

    this.roles = { handler: props.handlerRole, plan: plan.role!, copy: copy.role!, finish: finish.role!, cleanUp: cleanUp.role! };
    [plan, copy, finish, cleanUp].forEach(({ role }) => checkRoom(this, role!));
    this.standing = new DependencyGroup(props.bucket, this.stateMachine, cleanUp, ends);
  }

  /** Policies for the keys of snapshots that are read. */
  public get keys(): MergedPolicies {
    return MergedPolicies.of(this, 'KeyAccess', { roles: [this.roles.copy], things: 'keys of exported snapshots', neededBy: 'creation' });
  }

  /** Policies for the keys of snapshots whose blocks the plan lists. */
  public get planKeys(): MergedPolicies {
    return MergedPolicies.of(this, 'PlanKeyAccess', { roles: [this.roles.plan], things: 'keys of exported snapshots', neededBy: 'creation' });
  }

  /** What the handler does with exports, beside what it may do with transfers. */
  public handlerStatements(): iam.PolicyStatementProps[] {
    return [
      ...this.executionStatements(),
      { actions: ['s3:PutObject'], resources: [this.bucket.arnForObjects(`${TRANSFER_PREFIX}export-*/record.json`)] },
      ...keyStatements(this, ['s3:PutObject']),
    ];
  }

  private mayUse(worker: HandlerFunction, ...actions: string[]): void {
    worker.allow({ actions, resources: [this.bucket.arnForObjects(`${TRANSFER_PREFIX}export-*`)] });
    // To find what is to be removed; and without it, S3 says of a missing object that access is denied.
    if (actions.length > 1) { worker.allow({ actions: ['s3:ListBucket'], resources: [this.bucket.bucketArn] }); }
    keyStatements(this, actions).forEach(statement => worker.allow(statement));
  }

  private definition({ plan, copy, finish }: Record<'plan' | 'copy' | 'finish', HandlerFunction>): sfn.IChainable {
    const exportId = { exportId: sfn.JsonPath.stringAt('$.exportId' satisfies `$.${keyof ExportIdInput}`) };
    return this.task('Plan export', plan)
      .next(this.eachRange(['Export', 'exported'], copy, exportId))
      .next(this.task('Complete object', finish, { payload: sfn.TaskInput.fromObject(exportId), resultPath: sfn.JsonPath.DISCARD }));
  }
}
