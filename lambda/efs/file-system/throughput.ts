import { UpdateFileSystemCommand, type FileSystemDescription, type ThroughputMode } from '@aws-sdk/client-efs';
import type { Efs } from '../efs';
import type { Schedules } from './schedules';
import type { FileSystemProperties } from '../../../src/contract/file-system';
import type { Deferral } from '../../../src/contract/throughput';
import { isNamed } from '../../shared/errors';
import { log } from '../../shared/log';
import { number } from '../../shared/property-values';
import type { Context } from '../../shared/resource-lifecycle';
import type { Stacks } from '../../shared/stacks';

/** The members of CreateFileSystem and UpdateFileSystem. */
export interface Throughput {
  readonly ThroughputMode?: ThroughputMode;
  readonly ProvisionedThroughputInMibps?: number;
}

/** Nothing where the properties leave it as it is; back to EFS's default where the old ones did not. */
export function throughputOf(properties: FileSystemProperties, old?: FileSystemProperties): Throughput {
  const mode = properties.ThroughputMode ?? (old?.ThroughputMode === undefined ? undefined : 'bursting');
  const rate = properties.ProvisionedThroughputInMibps;
  return {
    ...mode !== undefined && { ThroughputMode: mode as ThroughputMode },
    ...rate !== undefined && { ProvisionedThroughputInMibps: number('provisionedThroughputPerSecond', rate) },
  };
}

export interface ThroughputOptions {
  readonly efs: Efs;
  readonly stacks: Stacks;
  readonly schedules: Schedules;
  readonly context: Context;
  /** How a change is made later that EFS does not allow yet. Absent: it is an error. */
  readonly deferral?: Deferral;
  /** The one of the properties before. */
  readonly oldDeferral?: Deferral;
}

export interface ThroughputOutcome {
  /** It is changed, and not in force yet. */
  readonly waiting?: boolean;
  /** To what it will change, and when. */
  readonly pending?: string;
}

/**
 * Changes the throughput if it is not as wanted.
 *
 * EFS allows one change of the mode, or decrease, in 24 hours. A rollback that
 * failed because of that would leave the stack in UPDATE_ROLLBACK_FAILED, so
 * there the throughput stays as it is.
 */
export async function changeThroughput(
  fileSystem: FileSystemDescription, wanted: Throughput, options: ThroughputOptions,
): Promise<ThroughputOutcome> {
  const { efs, stacks, schedules, context, deferral, oldDeferral } = options;
  const id = fileSystem.FileSystemId!;
  const next = { ...wanted, ThroughputMode: wanted.ThroughputMode ?? fileSystem.ThroughputMode };
  const cancel = async () => {
    if (oldDeferral) { await schedules.cancel(id, oldDeferral); }
  };
  if (isInForce(fileSystem, next)) {
    await cancel();
    return {};
  }
  const time = await update(efs, id, next);
  if (time === 'changed') {
    await cancel();
    return { waiting: true };
  }

  const [present, later] = [inWords(fileSystem), inWords(next)];
  if (deferral) {
    const due = await schedules.set({
      fileSystemId: id, requestId: context.requestId, mode: next.ThroughputMode!, rate: next.ProvisionedThroughputInMibps, deferral, attempt: 0,
    }, time);
    log({ event: 'the throughput will change later', id, present, wanted: later, due });
    return { pending: `${later} at ${due.toISOString().slice(0, 19)}Z` };
  }
  if (await stacks.isRollingBack(context.stackId, true)) {
    await cancel();
    log({ event: 'the rollback leaves the throughput as it is, since EFS does not allow another change yet', id, present, wanted: later });
    return {};
  }
  const before = time ? `before ${time.toISOString().replace('.000', '')}` : 'yet';
  throw new Error(`'throughputMode' of file system ${id} cannot change from ${present} to ${later} ${before}: `
    + "EFS allows one change of the mode, or one decrease, in 24 hours; deploy again after that time, set 'throughputCooldown' to DEFER, "
    + 'or keep the present throughput');
}

/** What is in force now. */
export function throughputAttributes({ ThroughputMode: mode, ProvisionedThroughputInMibps: rate }: FileSystemDescription) {
  return { ThroughputMode: mode!, ProvisionedThroughputInMibps: `${rate ?? ''}` };
}

/** `changed`, or when EFS will allow it, as far as it says. */
export async function update(efs: Efs, fileSystemId: string, throughput: Throughput): Promise<'changed' | Date | undefined> {
  try {
    await efs.call('UpdateFileSystem', client => client.send(new UpdateFileSystemCommand({ FileSystemId: fileSystemId, ...throughput })));
    return 'changed';
  } catch (error) {
    if (!isNamed(error, 'TooManyRequests')) { throw error; }
    const time = new Date(/Wait until (\S+)/.exec((error as Error).message)?.[1] ?? NaN);
    return Number.isNaN(time.getTime()) ? undefined : time;
  }
}

export function isInForce(fileSystem: FileSystemDescription, { ThroughputMode: mode, ProvisionedThroughputInMibps: rate }: Throughput): boolean {
  return mode === fileSystem.ThroughputMode && (rate === undefined || rate === fileSystem.ProvisionedThroughputInMibps);
}

function inWords({ ThroughputMode: mode, ProvisionedThroughputInMibps: rate }: Throughput): string {
  return rate === undefined ? `${mode}` : `${mode} (${rate} MiB/s)`;
}
