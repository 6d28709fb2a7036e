import { EFSClient, type ThroughputMode } from '@aws-sdk/client-efs';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { Efs } from '../efs';
import { Schedules } from './schedules';
import { isThroughputInForce, updateThroughput } from './throughput';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import type { DeferredThroughput } from '../../../src/contract/throughput';
import { clientConfig } from '../../shared/client-config';
import { log } from '../../shared/log';
import { valueOf } from '../../shared/ownership';

export interface DeferredThroughputServices {
  readonly efs: Efs;
  readonly schedules: Schedules;
}

/**
 * Makes a change of throughput that EFS did not allow during the deployment, if the latest deployment still wants it. Schedules it anew if
 * EFS still does not allow it. Lambda repeats an invocation that fails.
 */
export const deferredThroughput = ({ efs, schedules }: DeferredThroughputServices) => async (change: DeferredThroughput): Promise<void> => {
  const { fileSystemId: id, requestId, mode, rate } = change;
  const wanted = { ThroughputMode: mode as ThroughputMode, ...rate !== undefined && { ProvisionedThroughputInMibps: rate } };
  const present = await efs.fileSystem(id);
  if (!present || valueOf(present.Tags, OWNERSHIP_TAGS.requestId) !== requestId) {
    return log({ event: 'the deferred throughput is no longer wanted', id, requestId });
  }
  if (isThroughputInForce(present, wanted)) { return log({ event: 'the deferred throughput is in force already', id }); }

  const result = await updateThroughput(efs, id, wanted);
  if (result === 'changed') { return log({ event: 'throughput changed', id, ...wanted }); }
  const due = await schedules.set({ ...change, attempt: change.attempt + 1 }, result);
  log({ event: 'EFS does not allow the throughput yet, so it is tried again', id, due });
};

const config = clientConfig();
const run = deferredThroughput({ efs: new Efs(new EFSClient(config)), schedules: new Schedules(new SchedulerClient(config)) });

export const handler = async (change: DeferredThroughput): Promise<void> => run(change);
