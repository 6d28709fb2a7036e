import { Duration } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { DependencyGroup, type Construct, type IDependable } from 'constructs';
import { RangeWork, type RangeWorkProps } from './range-work';
import { snapshotReads } from './snapshot-access';
import { TRANSFER_PREFIX } from './transfer-bucket';
import type { ExportIdInput, ExportPlanInput, ExportPlanResult } from '../../contract/export';
import type { HandlerFunction } from '../functions/handler-function';

/** Where in the transfer bucket exports lie. */
const EXPORTS = `${TRANSFER_PREFIX}export-`;

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
  public readonly stateMachine: sfn.StateMachine;
  public readonly roles: ExportRoles;
  /** What an export needs although it does not refer to it: made before, removed after all exports. */
  public readonly standing: IDependable;

  constructor(scope: Construct, id: string, props: RangeWorkProps) {
    super(scope, id, 'export', props);
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
    this.mayUse(cleanUp, 's3:GetObject', 's3:PutObject', 's3:DeleteObject');
    const ends = this.onEnd('Exports that ended, one way or another', cleanUp);

    this.roles = { handler: props.handlerRole, plan: plan.role!, copy: copy.role!, finish: finish.role!, cleanUp: cleanUp.role! };
    const access = this.handlerAccess(props.handlerRole, [snapshotReads()]);
    this.standing = new DependencyGroup(this.bucket, this.stateMachine, cleanUp, ends, access);
  }

  private mayUse(worker: HandlerFunction, ...actions: string[]): void {
    this.bucket.statements(actions, EXPORTS).forEach(statement => worker.allow(statement));
  }

  private definition({ plan, copy, finish }: Record<'plan' | 'copy' | 'finish', HandlerFunction>): sfn.IChainable {
    const exportId = { exportId: sfn.JsonPath.stringAt('$.exportId' satisfies `$.${keyof ExportIdInput}`) };
    const planInput = { plan: sfn.JsonPath.entirePayload, execution: sfn.JsonPath.executionName } satisfies Record<keyof ExportPlanInput, unknown>;
    const planning = this.task('Plan export', plan, { payload: sfn.TaskInput.fromObject(planInput) });
    const copying = this.eachRange(['Export', 'exported'], copy, exportId,
      this.task('Complete object', finish, { payload: sfn.TaskInput.fromObject(exportId), resultPath: sfn.JsonPath.DISCARD }));
    return planning.next(new sfn.Choice(this, 'Export planned?')
      .when(sfn.Condition.booleanEquals(`$.${'done' satisfies keyof ExportPlanResult}`, true), copying)
      .otherwise(planning));
  }
}
