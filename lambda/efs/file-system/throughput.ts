import { UpdateFileSystemCommand, type FileSystemDescription, type ThroughputMode } from '@aws-sdk/client-efs';
import type { Efs } from '../efs';
import type { Schedules } from './schedules';
import type { FileSystemProperties } from '../../../src/contract/file-system';
import type { Deferral } from '../../../src/contract/throughput';
import { isCertainlyBack } from '../../shared/direction';
import { isNamed } from '../../shared/errors';
import { log } from '../../shared/log';
import { number } from '../../shared/property-values';
import type { Context } from '../../shared/resource-lifecycle';

/** The members of CreateFileSystem and UpdateFileSystem. */
export interface Throughput {
  readonly ThroughputMode?: ThroughputMode;
  readonly ProvisionedThroughputInMibps?: number;
}

/** Returns the throughput that the properties ask for: none if they never did, EFS's default if only the old ones did. */
export function throughputOf(properties: FileSystemProperties, old?: FileSystemProperties): Throughput {
  const mode = properties.ThroughputMode ?? (old?.ThroughputMode === undefined ? undefined : 'bursting');
  const rate = properties.ProvisionedThroughputInMibps;
  return {
    ...mode !== undefined && { ThroughputMode: mode as ThroughputMode },
    ...rate !== undefined && { ProvisionedThroughputInMibps: number('provisionedThroughputPerSecond', rate) },
  };
}

export interface ThroughputServices {
  readonly efs: Efs;
  readonly schedules: Schedules;
}

export interface ThroughputOptions {
  readonly context: Context;
  /** How to make a change later that EFS does not allow yet. Absent: the change is refused. */
  readonly deferral?: Deferral;
  /** The deferral of the properties before. */
  readonly oldDeferral?: Deferral;
}

export interface ThroughputOutcome {
  /** Whether EFS is still making the change. */
  readonly waiting?: boolean;
  /** The change that is deferred, and its time. */
  readonly pending?: string;
}

/**
 * Changes the throughput unless it is as wanted. EFS allows one change of the mode, or one decrease, in 24 hours. If it refuses, the change
 * is deferred or fails; in a rollback the throughput stays as it is, because a rollback that fails leaves the stack stuck.
 */
export async function reconcileThroughput(
  services: ThroughputServices, fileSystem: FileSystemDescription, wanted: Throughput, options: ThroughputOptions,
): Promise<ThroughputOutcome> {
  const id = fileSystem.FileSystemId!;
  const next = { ...wanted, ThroughputMode: wanted.ThroughputMode ?? fileSystem.ThroughputMode };
  if (isThroughputInForce(fileSystem, next)) {
    await cancelDeferred(services, id, options);
    return {};
  }
  const result = await updateThroughput(services.efs, id, next);
  if (result !== 'changed') { return afterRefusal(services, fileSystem, next, result, options); }
  await cancelDeferred(services, id, options);
  return { waiting: true };
}

/** Returns the attributes for the throughput that is in force. */
export function throughputAttributes({ ThroughputMode: mode, ProvisionedThroughputInMibps: rate }: FileSystemDescription) {
  return { ThroughputMode: mode!, ProvisionedThroughputInMibps: `${rate ?? ''}` };
}

/** Changes the throughput. If EFS does not allow it yet, returns the time from which it will; undefined if it does not name the time. */
export async function updateThroughput(efs: Efs, fileSystemId: string, throughput: Throughput): Promise<'changed' | Date | undefined> {
  try {
    await efs.call('UpdateFileSystem', client => client.send(new UpdateFileSystemCommand({ FileSystemId: fileSystemId, ...throughput })));
    return 'changed';
  } catch (error) {
    if (!isNamed(error, 'TooManyRequests')) { throw error; }
    return allowedTimeIn((error as Error).message);
  }
}

/** Returns the time that EFS's refusal names: `Wait until 2026-01-01T00:00:00Z …`. */
export function allowedTimeIn(message: string): Date | undefined {
  const time = new Date(/Wait until (\S+)/.exec(message)?.[1] ?? NaN);
  return Number.isNaN(time.getTime()) ? undefined : time;
}

export function isThroughputInForce(fileSystem: FileSystemDescription, wanted: Throughput): boolean {
  const { ThroughputMode: mode, ProvisionedThroughputInMibps: rate } = wanted;
  return mode === fileSystem.ThroughputMode && (rate === undefined || rate === fileSystem.ProvisionedThroughputInMibps);
}

/** Defers a change that EFS does not allow yet, gives it up in a rollback, or throws. */
async function afterRefusal(
  services: ThroughputServices, fileSystem: FileSystemDescription, next: Throughput, allowed: Date | undefined, options: ThroughputOptions,
): Promise<ThroughputOutcome> {
  const { context, deferral } = options;
  const id = fileSystem.FileSystemId!;
  const [present, wanted] = [inWords(fileSystem), inWords(next)];
  if (deferral) {
    const due = await services.schedules.set({
      fileSystemId: id, requestId: context.requestId, mode: next.ThroughputMode!, rate: next.ProvisionedThroughputInMibps, deferral, attempt: 0,
    }, allowed);
    log({ event: 'the throughput will change later', id, present, wanted, due });
    return { pending: `${wanted} at ${due.toISOString().slice(0, 19)}Z` };
  }
  if (await isCertainlyBack(context)) {
    await cancelDeferred(services, id, options);
    log({ event: 'the rollback leaves the throughput as it is, since EFS does not allow another change yet', id, present, wanted });
    return {};
  }
  const before = allowed ? `before ${allowed.toISOString().replace('.000', '')}` : 'yet';
  throw new Error(`'throughputMode' of file system ${id} cannot change from ${present} to ${wanted} ${before}: `
    + "EFS allows one change of the mode, or one decrease, in 24 hours; deploy again after that time, set 'throughputCooldown' to DEFER, "
    + 'or keep the present throughput');
}

async function cancelDeferred({ schedules }: ThroughputServices, fileSystemId: string, { oldDeferral }: ThroughputOptions): Promise<void> {
  if (oldDeferral) { await schedules.cancel(fileSystemId, oldDeferral); }
}

function inWords({ ThroughputMode: mode, ProvisionedThroughputInMibps: rate }: Throughput): string {
  return rate === undefined ? `${mode}` : `${mode} (${rate} MiB/s)`;
}
