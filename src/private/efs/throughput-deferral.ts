import { Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import { CfnScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import { Construct } from 'constructs';
import { EfsProvider } from './provider';
import { OWNERSHIP_TAGS } from '../../contract/ownership';
import { SCHEDULE_PREFIX, type Deferral } from '../../contract/throughput';
import { warnOfMissingEndpoints } from '../functions/endpoints';
import { HandlerFunction } from '../functions/handler-function';
import { applyBoundary } from '../functions/settings';
import { acknowledgeFunctions } from '../resource/acknowledge';
import { ownerPrefix } from '../resource/owner';

/**
 * The function that changes the throughput of a stack's file systems later, and a group for the one-time schedules
 * that invoke it. Schedules that are left when the stack is deleted are deleted with the group. The custom
 * resource must depend on this construct.
 */
export class ThroughputDeferral extends Construct {
  public static getOrCreate(scope: Construct): ThroughputDeferral {
    const stack = Stack.of(scope);
    return stack.node.tryFindChild(ThroughputDeferral.ID) as ThroughputDeferral ?? new ThroughputDeferral(stack);
  }

  private static readonly ID = 'cdk-durable-storage.ThroughputDeferral';

  /** Properties for the custom resource. */
  public readonly properties: Deferral;

  private constructor(stack: Stack) {
    super(stack, ThroughputDeferral.ID);
    applyBoundary(this);
    acknowledgeFunctions(this);
    warnOfMissingEndpoints(this, ['scheduler']);
    const group = new CfnScheduleGroup(this, 'Schedules');
    const handler = new HandlerFunction(this, 'Function', {
      bundle: 'deferred-throughput',
      description: 'cdk-durable-storage: changes the throughput of a file system when EFS allows it',
      timeout: Duration.minutes(2),
    });
    const invoker = new iam.Role(this, 'SchedulerRole', {
      assumedBy: new iam.ServicePrincipal('scheduler.amazonaws.com', { conditions: { StringEquals: { 'aws:SourceAccount': stack.account } } }),
    });
    invoker.addToPolicy(new iam.PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [handler.functionArn] }));
    this.allowThroughput(handler);
    this.allowSchedules(handler, group, invoker);
    this.properties = { FunctionArn: handler.functionArn, RoleArn: invoker.roleArn, GroupName: group.ref };
  }

  private allowThroughput(handler: HandlerFunction): void {
    const fileSystems = Stack.of(this).formatArn({ service: 'elasticfilesystem', resource: 'file-system', resourceName: '*' });
    handler.allow({ actions: ['elasticfilesystem:DescribeFileSystems'], resources: [fileSystems] });
    handler.allow({
      actions: ['elasticfilesystem:UpdateFileSystem'],
      resources: [fileSystems],
      conditions: { StringLike: { [`aws:ResourceTag/${OWNERSHIP_TAGS.owner}`]: `${ownerPrefix(this)}*` } },
    });
  }

  /** Lets the EFS handlers set and cancel schedules, and the function set a schedule again. */
  private allowSchedules(handler: HandlerFunction, group: CfnScheduleGroup, invoker: iam.Role): void {
    const schedules = Stack.of(this).formatArn({ service: 'scheduler', resource: 'schedule', resourceName: `${group.ref}/${SCHEDULE_PREFIX}*` });
    const pass = {
      actions: ['iam:PassRole'],
      resources: [invoker.roleArn],
      conditions: { StringEquals: { 'iam:PassedToService': 'scheduler.amazonaws.com' } },
    };
    const set = ['scheduler:CreateSchedule', 'scheduler:UpdateSchedule'];
    handler.allow({ actions: set, resources: [schedules] });
    handler.allow(pass);
    new iam.Policy(this, 'Access', {
      roles: [EfsProvider.getOrCreate(this).role],
      statements: [
        new iam.PolicyStatement({ actions: [...set, 'scheduler:DeleteSchedule'], resources: [schedules] }),
        new iam.PolicyStatement(pass),
      ],
    });
  }
}
