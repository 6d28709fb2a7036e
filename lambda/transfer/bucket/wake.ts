import type { SFNClient } from '@aws-sdk/client-sfn';
import type { TransferStore } from './store';
import { returnToken } from '../../shared/answering/task-token';
import { nameOf } from '../../shared/errors';
import { log } from '../../shared/log';

/** The services with which the end of a transfer is reported to the execution that waits for it. */
export interface WakeServices {
  readonly sfn: Pick<SFNClient, 'send'>;
  readonly store: TransferStore;
}

/**
 * Cleans up after a transfer, and returns the token that was left with it: first if it succeeded, otherwise last, so that the poll that
 * follows does not clean up at the same time. No failure to return it is an error, because the execution that waits polls soon anyway.
 */
export async function cleanUpAndWake(
  services: WakeServices, { id, succeeded }: { readonly id: string; readonly succeeded: boolean }, cleanUp: () => Promise<void>,
): Promise<void> {
  // Before the clean-up, which removes the token of a transfer that failed.
  const token = await orLog(() => services.store.token(id));
  const wake = async () => { if (token !== undefined) { await orLog(() => giveBack(services, id, token)); } };
  if (succeeded) {
    await wake();
    await orLog(() => services.store.removeEnd(id));
  }
  await cleanUp().finally(() => succeeded ? undefined : wake());
}

/**
 * Reports that nothing of a transfer is left to be done. The event on the end of its execution would say so too, but by a function that has to be
 * started first. That event removes the token.
 */
export async function wakeEarly({ sfn, store }: WakeServices, id: string): Promise<void> {
  await orLog(async () => {
    // Nobody would remove what is saved after the snapshot was deleted.
    await store.refuseCancelled(id);
    await store.saveFinished(id);
    const token = await store.token(id);
    if (token !== undefined) { await returnToken(sfn, token); }
  });
}

async function giveBack({ sfn, store }: WakeServices, id: string, token: string): Promise<void> {
  await returnToken(sfn, token);
  await store.removeToken(id);
}

async function orLog<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    // Without the message, which might contain the token.
    log({ event: 'could not wake the execution that waits for a transfer', error: nameOf(error) });
    return undefined;
  }
}
