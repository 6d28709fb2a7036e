import { EFSClient, type ThroughputMode } from '@aws-sdk/client-efs';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { Efs } from '../efs';
import { Schedules } from './schedules';
import { isInForce, update } from './throughput';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import type { DeferredThroughput } from '../../../src/contract/throughput';
import { clientConfig } from '../../shared/client-config';
import { log } from '../../shared/log';
import { valueOf } from '../../shared/ownership';

export interface DeferredThroughputClients {
  readonly efs: EFSClient;
  readonly scheduler: SchedulerClient;
}

/**
 * Makes a change of throughput that EFS did not allow when it was deployed, if it
 * is still what the latest deployment wants. What fails is tried again by
 * Lambda; what comes too early is scheduled anew.
 */
export const deferredThroughput = (clients: DeferredThroughputClients) => {
  const efs = new Efs(clients.efs);
  const schedules = new Schedules(clients.scheduler);

  return async (change: DeferredThroughput): Promise<void> => {
    const { fileSystemId: id, requestId, mode, rate } = change;
    const wanted = { ThroughputMode: mode as ThroughputMode, ...rate !== undefined && { ProvisionedThroughputInMibps: rate } };
    const present = await efs.fileSystem(id);
    if (!present || valueOf(present.Tags, OWNERSHIP_TAGS.requestId) !== requestId) {
      return log({ event: 'the deferred throughput is not wanted any more', id, requestId });
    }
    if (isInForce(present, wanted)) { return log({ event: 'the deferred throughput is in force already', id }); }

    const time = await update(efs, id, wanted);
    if (time === 'changed') { return log({ event: 'throughput changed', id, ...wanted }); }
    const due = await schedules.set({ ...change, attempt: change.attempt + 1 }, time);
    log({ event: 'EFS does not allow the throughput yet, so it is tried again', id, due });
  };
};

const config = clientConfig();
const run = deferredThroughput({ efs: new EFSClient(config), scheduler: new SchedulerClient(config) });

export const handler = async (change: DeferredThroughput): Promise<void> => run(change);
