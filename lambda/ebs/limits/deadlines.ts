import { RESOURCE_MOST_MINUTES, TRANSFER_MOST_HOURS } from '../../../src/contract/limits';
import { boolean } from '../../shared/property-values';

/** Blocks per second that EBS takes for one snapshot, and gives of one. AWS raises neither. */
export const MOST_BLOCKS_PER_SECOND = 1_000;
/** The slowest rate at which a worker still puts what it has read before its time is over. */
export const LEAST_BLOCKS_PER_SECOND = 10;
export const MOST_CONCURRENCY = 1_000;
/** The fastest network that Lambda offers a function, 3,000 Mbit/s. Most functions have a fifth of it. */
export const FASTEST_WORKER_BYTES_PER_SECOND = 375e6;
export const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Whether CloudFormation waits for the end of an import or an export. */
export function waitsForCompletion({ WaitForCompletion }: { readonly WaitForCompletion?: string | boolean }): boolean {
  return WaitForCompletion === undefined || boolean('waitForCompletion', WaitForCompletion);
}

/** Returns the whole minutes that a transfer needs if they are too many for CloudFormation to wait; undefined otherwise. */
export function minutesIfTooLate(milliseconds: number): number | undefined {
  return milliseconds > RESOURCE_MOST_MINUTES * MINUTE ? Math.ceil(milliseconds / MINUTE) : undefined;
}

/** When a transfer that CloudFormation waits for is given up, with a reason: shortly before its call has to be answered. */
export function deadlineWhileWaiting(started: number): number {
  return started + (RESOURCE_MOST_MINUTES - 1) * MINUTE;
}

/** When a transfer that nothing waits for is given up: after twice the `milliseconds` that it needs at least, and some hours. */
export function deadlineInBackground(started: number, milliseconds: number): number {
  return started + Math.min(2 * milliseconds + 4 * HOUR, TRANSFER_MOST_HOURS * HOUR);
}
