import { CreateScheduleCommand, DeleteScheduleCommand, UpdateScheduleCommand, type SchedulerClient } from '@aws-sdk/client-scheduler';
import { SCHEDULE_PREFIX, type Deferral, type DeferredThroughput } from '../../../src/contract/throughput';
import { isNamed } from '../../shared/errors';
import { retrying } from '../../shared/retry';

/** The clocks of EFS and EventBridge may differ. */
const MARGIN_MILLISECONDS = 60_000;
const DAY_MILLISECONDS = 24 * 3_600_000;

/** One-time schedules that change the throughput, at most one per file system. */
export class Schedules {
  constructor(private readonly scheduler: SchedulerClient) {}

  /** Creates or moves a file system's schedule and returns its time. `allowed`: when EFS will allow the change; undefined if EFS does not say. */
  public async set(change: DeferredThroughput, allowed: Date | undefined): Promise<Date> {
    const time = new Date((allowed?.getTime() ?? Date.now() + DAY_MILLISECONDS) + MARGIN_MILLISECONDS);
    const { FunctionArn, RoleArn, GroupName } = change.deferral;
    const schedule = {
      Name: scheduleName(change.fileSystemId, change.attempt),
      GroupName,
      ScheduleExpression: `at(${time.toISOString().slice(0, 19)})`,
      ScheduleExpressionTimezone: 'UTC',
      FlexibleTimeWindow: { Mode: 'OFF' as const },
      ActionAfterCompletion: 'DELETE' as const,
      Description: `Changes the throughput of ${change.fileSystemId} to ${change.mode}, which EFS did not allow before`,
      Target: { Arn: FunctionArn, RoleArn, Input: JSON.stringify(change) },
    };
    try {
      await retrying(() => this.scheduler.send(new CreateScheduleCommand(schedule)), { what: 'CreateSchedule', deniedIf: isRoleUnknown });
    } catch (error) {
      if (!isNamed(error, 'ConflictException')) { throw error; }
      await retrying(() => this.scheduler.send(new UpdateScheduleCommand(schedule)), { what: 'UpdateSchedule', deniedIf: isRoleUnknown });
    }
    return time;
  }

  /** Deletes a file system's schedule; succeeds if there is none. */
  public async cancel(fileSystemId: string, { GroupName }: Deferral): Promise<void> {
    for (const attempt of [0, 1]) {
      try {
        await retrying(() => this.scheduler.send(new DeleteScheduleCommand({ Name: scheduleName(fileSystemId, attempt), GroupName })), { what: 'DeleteSchedule' });
      } catch (error) {
        if (!isNamed(error, 'ResourceNotFoundException')) { throw error; }
      }
    }
  }
}

/** Scheduler tries the role at once, and the role may be as new as the file system. */
function isRoleUnknown(error: unknown): boolean {
  return isNamed(error, 'ValidationException') && /execution role .* assume the role/i.test((error as Error).message);
}

/** Alternates between two names, because EventBridge deletes the schedule that is being carried out only a moment later. */
function scheduleName(fileSystemId: string, attempt: number): string {
  return `${SCHEDULE_PREFIX}${fileSystemId}${attempt % 2 === 0 ? '' : '-again'}`;
}
