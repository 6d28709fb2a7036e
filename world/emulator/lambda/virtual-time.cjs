'use strict';
/**
 * Replaces the time of a process: `Date` and the `setTimeout` of
 * `timers/promises`. The global timers, `AbortSignal.timeout` and
 * `performance` stay real; they serve as network timeouts.
 *
 * Plain JavaScript, as it is preloaded into function processes.
 */
const { syncBuiltinESMExports } = require('node:module');
const promises = require('node:timers/promises');

/**
 * @param {{ now: () => number, sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void> }} time
 *   `sleep` rejects, with anything, when the signal aborts.
 * @param {typeof globalThis} scope whose `Date` is replaced
 * @returns {() => void} puts the real time back
 */
exports.install = function install(time, scope) {
  const RealDate = scope.Date;
  const realSleep = promises.setTimeout;
  const now = () => time.now();

  scope.Date = new Proxy(RealDate, {
    construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
    apply: () => new RealDate(now()).toString(),
    get: (target, key, receiver) => key === 'now' ? now : Reflect.get(target, key, receiver),
  });

  promises.setTimeout = async (milliseconds = 1, value = undefined, options = {}) => {
    const signal = options?.signal;
    if (!signal?.aborted) {
      // The least that a timer of Node.js waits is one millisecond; time would stand still in a loop of zero waits.
      await time.sleep(milliseconds >= 1 ? milliseconds : 1, signal).catch(error => {
        if (!signal?.aborted) { throw error; }
      });
    }
    // Node's own AbortError, with its code and cause.
    if (signal?.aborted) { await realSleep(1, undefined, { signal }); }
    return value;
  };
  syncBuiltinESMExports();

  return () => {
    scope.Date = RealDate;
    promises.setTimeout = realSleep;
    syncBuiltinESMExports();
    // Jest remembers every global that was ever replaced: the world behind this one shall not live on in it.
    time = { now: () => RealDate.now(), sleep: milliseconds => realSleep(milliseconds) };
  };
};
