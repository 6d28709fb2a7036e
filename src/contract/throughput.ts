/** What the handler needs to change the throughput later. */
export interface Deferral {
  /** The function that makes the change when the time has come. */
  readonly FunctionArn: string;
  /** Under which EventBridge Scheduler invokes it. */
  readonly RoleArn: string;
  /** The group of the stack's schedules. */
  readonly GroupName: string;
}

/** How the names of these schedules begin; roles are limited by it. */
export const SCHEDULE_PREFIX = 'throughput-';

/** What a schedule hands to the function. */
export interface DeferredThroughput {
  readonly fileSystemId: string;
  /** The request that wants it; a later one makes this void. */
  readonly requestId: string;
  readonly mode: string;
  /** MiB per second. */
  readonly rate?: number;
  readonly deferral: Deferral;
  /** How often it came too early. */
  readonly attempt: number;
}
