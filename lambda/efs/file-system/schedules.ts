import { CreateScheduleCommand, DeleteScheduleCommand, UpdateScheduleCommand, type SchedulerClient } from '@aws-sdk/client-scheduler';
import { SCHEDULE_PREFIX, type Deferral, type DeferredThroughput } from '../../../src/contract/throughput';
import { isNamed } from '../../shared/errors';
import { retrying } from '../../shared/retry';

/** EFS and EventBridge need not agree to the second. */
const MARGIN = 60_000;
const DAY = 24 * 3_600_000;

/** One-time schedules, at most one for each file system. */
export class Schedules {
  constructor(private readonly scheduler: SchedulerClient) {}

  /** Sets it, or moves the one that is there; gives the time. */
  public async set(change: DeferredThroughput, allowed: Date | undefined): Promise<Date> {
    const time = new Date((allowed?.getTime() ?? Date.now() + DAY) + MARGIN);
    const { FunctionArn, RoleArn, GroupName } = change.deferral;
    const schedule = {
      Name: nameOf(change.fileSystemId, change.attempt),
      GroupName,
      ScheduleExpression: `at(${time.toISOString().slice(0, 19)})`,
      ScheduleExpressionTimezone: 'UTC',
      FlexibleTimeWindow: { Mode: 'OFF' as const },
      ActionAfterCompletion: 'DELETE' as const,
      Description: `Changes the throughput of ${change.fileSystemId} to ${change.mode}, which EFS did not allow before`,
      Target: { Arn: FunctionArn, RoleArn, Input: JSON.stringify(change) },
    };
    try {
      await retrying(() => this.scheduler.send(new CreateScheduleCommand(schedule)), { what: 'CreateSchedule' });
    } catch (error) {
      if (!isNamed(error, 'ConflictException')) { throw error; }
      await retrying(() => this.scheduler.send(new UpdateScheduleCommand(schedule)), { what: 'UpdateSchedule' });
    }
    return time;
  }

  /** Success if there is none. */
  public async cancel(fileSystemId: string, { GroupName }: Deferral): Promise<void> {
    for (const attempt of [0, 1]) {
      try {
        await retrying(() => this.scheduler.send(new DeleteScheduleCommand({ Name: nameOf(fileSystemId, attempt), GroupName })), { what: 'DeleteSchedule' });
      } catch (error) {
        if (!isNamed(error, 'ResourceNotFoundException')) { throw error; }
      }
    }
  }
}

/** The schedule that is just being carried out is deleted a moment later, so the next one needs another name. */
function nameOf(fileSystemId: string, attempt: number): string {
  return `${SCHEDULE_PREFIX}${fileSystemId}${attempt % 2 === 0 ? '' : '-again'}`;
}
