import { UpdateFileSystemCommand, type FileSystemDescription, type ThroughputMode } from '@aws-sdk/client-efs';
import type { Efs } from './efs';
import type { Stacks } from './stacks';
import type { FileSystemProperties } from '../../src/contract/file-system';
import { isNamed } from '../shared/errors';
import { log } from '../shared/log';
import { number } from '../shared/wire';

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
    ...rate !== undefined && { ProvisionedThroughputInMibps: number("'provisionedThroughputPerSecond'", rate) },
  };
}

/**
 * Changes the throughput if it is not as wanted; true: changed, and not in force yet.
 *
 * EFS allows one change of the mode, or decrease, in 24 hours. A rollback that
 * failed because of that would leave the stack in UPDATE_ROLLBACK_FAILED, so
 * there the throughput stays as it is.
 */
export async function changeThroughput(
  fileSystem: FileSystemDescription, wanted: Throughput, { efs, stacks, stackId }: { efs: Efs; stacks: Stacks; stackId: string },
): Promise<boolean> {
  const id = fileSystem.FileSystemId!;
  const { ThroughputMode: mode = fileSystem.ThroughputMode, ProvisionedThroughputInMibps: rate } = wanted;
  if (mode === fileSystem.ThroughputMode && (rate === undefined || rate === fileSystem.ProvisionedThroughputInMibps)) { return false; }

  try {
    await efs.call('UpdateFileSystem', client => client.send(new UpdateFileSystemCommand({
      FileSystemId: id, ThroughputMode: mode, ProvisionedThroughputInMibps: rate,
    })));
    return true;
  } catch (error) {
    if (!isNamed(error, 'TooManyRequests')) { throw error; }
    const [present, next] = [inWords(fileSystem), inWords({ ThroughputMode: mode, ProvisionedThroughputInMibps: rate })];
    if (await stacks.isRollingBack(stackId, true)) {
      log({ event: 'the rollback leaves the throughput as it is, since EFS does not allow another change yet', id, present, wanted: next });
      return false;
    }
    const time = /Wait until (\S+)/.exec((error as Error).message)?.[1];
    throw new Error(`'throughputMode' of file system ${id} cannot change from ${present} to ${next} ${time ? `before ${time}` : 'yet'}: `
      + 'EFS allows one change of the mode, or one decrease, in 24 hours; deploy again after that time, or keep the present throughput');
  }
}

function inWords({ ThroughputMode: mode, ProvisionedThroughputInMibps: rate }: Throughput): string {
  return rate === undefined ? `${mode}` : `${mode} (${rate} MiB/s)`;
}
