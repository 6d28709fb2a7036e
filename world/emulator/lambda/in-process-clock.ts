import { createRequire } from 'node:module';
import type { Clock } from '../clock';

interface Time {
  now(): number;
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

export const virtualTime = createRequire(__filename)('./virtual-time.cjs') as { install(time: Time, scope: typeof globalThis): () => void };

/**
 * Gives the code in this very process the time of a test, as function
 * processes have it: `Date`, and `setTimeout` of `timers/promises`. Returns
 * what puts the real time back.
 */
export function installClock(clock: Clock): () => void {
  return virtualTime.install({ now: () => clock.now(), sleep: (milliseconds, signal) => clock.sleep(milliseconds, signal) }, globalThis);
}
