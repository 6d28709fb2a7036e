import { ServiceError } from '../service';
import type { Account } from './account';
import { badRequest } from './requests';
import type { FileSystem, PerformanceMode, ThroughputMode } from './state';

interface Throughput {
  readonly mode: ThroughputMode;
  readonly provisioned?: number;
}

/** The rules for throughput that hold at any time. */
export function checkThroughput(account: Account, { mode, provisioned }: Throughput, performanceMode: PerformanceMode): void {
  if (mode === 'provisioned' && provisioned === undefined) {
    throw badRequest("ProvisionedThroughputInMibps is required when ThroughputMode is 'provisioned'.");
  }
  if (mode !== 'provisioned' && provisioned !== undefined) {
    throw badRequest(`ProvisionedThroughputInMibps needs ThroughputMode 'provisioned', not '${mode}'.`);
  }
  if (mode === 'elastic' && performanceMode === 'maxIO') {
    throw badRequest("ThroughputMode 'elastic' is not supported with PerformanceMode 'maxIO'.");
  }
  if (provisioned !== undefined && provisioned > account.limits.provisionedThroughput) {
    throw new ServiceError('ThroughputLimitExceeded', 400, `Provisioned throughput is limited to ${account.limits.provisionedThroughput} MiB/s.`);
  }
}

/** Changes it. Raising the rate is always allowed; another mode or a lower rate only once within 24 hours. */
export function changeThroughput(
  account: Account, fileSystem: FileSystem, input: { ThroughputMode?: ThroughputMode; ProvisionedThroughputInMibps?: number },
): void {
  if (input.ThroughputMode === undefined && input.ProvisionedThroughputInMibps === undefined) {
    throw badRequest('Specify ThroughputMode, ProvisionedThroughputInMibps, or both.');
  }
  const mode = input.ThroughputMode ?? fileSystem.throughputMode;
  const switched = mode !== fileSystem.throughputMode;
  const before = fileSystem.provisionedThroughputInMibps;
  const provisioned = input.ProvisionedThroughputInMibps ?? (switched ? undefined : before);
  checkThroughput(account, { mode, provisioned }, fileSystem.performanceMode);

  if (switched || (before !== undefined && provisioned! < before)) {
    const allowedAt = (fileSystem.throughputChangedAt ?? -Infinity) + account.durations.betweenThroughputChanges;
    if (account.clock.now() < allowedAt) {
      const time = new Date(Math.ceil(allowedAt / 1000) * 1000).toISOString().replace('.000Z', 'Z');
      throw new ServiceError('TooManyRequests', 429,
        'You have reached the maximum number of throughput mode changes or provisioned throughput value decreases. '
        + `Wait until ${time} UTC and try again.`);
    }
    fileSystem.throughputChangedAt = account.clock.now();
  }
  fileSystem.throughputMode = mode;
  fileSystem.provisionedThroughputInMibps = provisioned;
}
