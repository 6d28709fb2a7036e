import { inOperation } from '../../../../lambda/shared/denials';
import { inStep, withinStep, withPatience } from '../../../../lambda/shared/patience';
import { isPostponed, isThrottle, passesByItself, retrying, RETRY_POLICIES, type RetryOptions } from '../../../../lambda/shared/retry';
import { worker } from '../../../../lambda/shared/worker';

const pauses: number[] = [];
let now = 0;

jest.mock('node:timers/promises', () => ({
  setTimeout: async (milliseconds: number) => {
    pauses.push(milliseconds);
    now += milliseconds;
  },
}));

beforeEach(() => {
  pauses.length = now = 0;
  jest.spyOn(Date, 'now').mockImplementation(() => now);
  jest.spyOn(console, 'log').mockImplementation(() => {});
});
afterEach(() => { jest.restoreAllMocks(); });

const named = (name: string, more: object = {}) => Object.assign(new Error(`of ${name}`), { name, ...more });
const THROTTLE = named('ThrottlingException');
const failing = (errors: readonly Error[], options?: RetryOptions) => {
  let tries = 0;
  return retrying(async () => {
    const error = errors[Math.min(tries++, errors.length - 1)];
    if (tries > errors.length && errors.length > 1) { return 'done'; }
    throw error;
  }, options);
};
const always = (error: Error, options?: RetryOptions) => retrying(async () => { throw error; }, options);

test('repeats transient errors until the call succeeds', async () => {
  expect(await failing([THROTTLE, named('InternalError', { $metadata: { httpStatusCode: 500 } }), named('ECONNRESET')])).toBe('done');
  expect(pauses).toHaveLength(3);
});

test('throws every other error at once', async () => {
  await expect(always(named('NoSuchKey'))).rejects.toThrow('of NoSuchKey');
  expect(pauses).toEqual([]);
});

test.each([
  named('InvalidSignatureException'), named('RequestTimeTooSkewed'), named('RequestExpired'), named('SignatureDoesNotMatch'),
  named('Unknown', { $metadata: { httpStatusCode: 403, clockSkewCorrected: true } }),
])('repeats a request once at once, because the SDK has corrected its clock: %s', async error => {
  expect(await failing([error, THROTTLE])).toBe('done');
  expect(pauses).toHaveLength(1);
  await expect(always(error)).rejects.toBe(error);
  await expect(failing([error, error])).rejects.toBe(error);
});

test('takes an answer without a code for what it is if the clock was right', async () => {
  await expect(failing([named('Unknown', { $metadata: { httpStatusCode: 403 } }), THROTTLE])).rejects.toThrow('of Unknown');
});

test('doubles its pauses up to 5 seconds, each between half and all of that', async () => {
  for (const random of [0, 0.5, 0.999999]) {
    jest.spyOn(Math, 'random').mockReturnValue(random);
    pauses.length = now = 0;
    await always(THROTTLE).catch(() => {});
    const expected = [400, 800, 1_600, 3_200, 5_000, 5_000].map(full => full * (0.5 + random / 2));
    expect(pauses.slice(0, 6)).toEqual(expected);
  }
});

test('varies its pauses at random, so that callers that were throttled together do not return together', async () => {
  const first = async () => {
    pauses.length = now = 0;
    await always(THROTTLE).catch(() => {});
    return pauses[0];
  };
  expect(new Set([await first(), await first(), await first()]).size).toBeGreaterThan(1);
});

test('ends when the time of its policy is over, and never sleeps beyond it', async () => {
  await expect(always(THROTTLE, { policy: { seconds: 10 } })).rejects.toThrow('of ThrottlingException');
  expect(now).toBeGreaterThan(4_000);
  expect(now).toBeLessThanOrEqual(10_000);
});

test('takes the policy CALL if it is given none', async () => {
  await always(THROTTLE).catch(() => {});
  expect(now).toBeLessThanOrEqual(1000 * RETRY_POLICIES.CALL.seconds);
  expect(now).toBeGreaterThan(1000 * RETRY_POLICIES.CALL.seconds - 5_000);
});

test('ends when the caller gives up', async () => {
  let asked = 0;
  await expect(always(THROTTLE, { giveUp: () => ++asked === 3 })).rejects.toThrow('of ThrottlingException');
  expect(pauses).toHaveLength(2);
});

describe('errors of retryIf', () => {
  const retryIf = () => true;

  test('are repeated for a time of their own', async () => {
    await always(named('NotFound'), { retryIf, policy: { seconds: 90, retryIfSeconds: 10 } }).catch(() => {});
    expect(now).toBeLessThanOrEqual(10_000);
  });

  test('are thrown by frequency: the most frequent one, not the latest', async () => {
    const [gone, denied] = [named('NotFound'), named('InUse')];
    let tries = 0;
    const work = async () => { throw pauses.length > 0 && now > 8_000 ? denied : (tries++, gone); };
    await expect(retrying(work, { retryIf, policy: { seconds: 12 } })).rejects.toThrow('of NotFound');
    expect(tries).toBeGreaterThan(1);
  });

  test('come before transient ones, which explain nothing', async () => {
    let tries = 0;
    const work = async () => { throw tries++ === 0 ? named('NotFound') : THROTTLE; };
    await expect(retrying(work, { retryIf, policy: { seconds: 5 } })).rejects.toThrow('of NotFound');
  });

  test('with different reasons count as different errors', async () => {
    const reasons = ['A', 'B', 'B'];
    let tries = 0;
    const work = async () => { throw named('Denied', { Reason: reasons[tries], message: `reason ${reasons[tries++]}` }); };
    await expect(retrying(work, { retryIf, giveUp: () => tries === 3 })).rejects.toThrow('reason B');
  });
});

test('throws throttling at once under a policy of polls, but repeats broken connections', async () => {
  await expect(always(THROTTLE, { policy: RETRY_POLICIES.POLL })).rejects.toThrow('of ThrottlingException');
  expect(pauses).toEqual([]);
  expect(await failing([named('ECONNRESET'), named('ECONNRESET')], { policy: RETRY_POLICIES.POLL })).toBe('done');
});

test('reports each error that it repeats', async () => {
  const onRetry = jest.fn();
  await failing([THROTTLE, THROTTLE], { onRetry, what: 'Call' });
  expect(onRetry.mock.calls).toEqual([[THROTTLE], [THROTTLE]]);
  expect(JSON.parse((console.log as jest.Mock).mock.calls[1][0])).toEqual({ event: 'retry', what: 'Call', tries: 2, error: 'ThrottlingException' });
});

test.each([
  [{ name: 'SlowDown' }, true],
  [{ code: 'EPIPE' }, true],
  [{ $metadata: { httpStatusCode: 503 } }, true],
  [{ message: 'socket hang up' }, true],
  [{ name: 'ValidationException', $metadata: { httpStatusCode: 400 } }, false],
  [{ message: 'no such file' }, false],
])('knows whether %j passes by itself: %p', (error, expected) => {
  expect(passesByItself(error)).toBe(expected);
});

describe('within the time of an invocation that only has patience', () => {
  test('throttling is repeated for longer, all others as their policy says', async () => {
    const policy = { seconds: 60 };
    await expect(withPatience(600_000, () => always(THROTTLE, { policy }))).rejects.toBe(THROTTLE);
    expect(now).toBeGreaterThan(590_000);
    now = 0;
    await expect(withPatience(10_000, () => always(THROTTLE, { policy }))).rejects.toBe(THROTTLE);
    expect(now).toBeGreaterThan(50_000);
    now = 0;
    await always(named('ECONNRESET'), { policy }).catch(() => {});
    expect(now).toBeGreaterThan(50_000);
  });
});

describe('within a step', () => {
  /** The last call of a step of two minutes may begin then. */
  const STEP = 94_000;

  test('throttling is repeated until that ends, whatever the policy says', async () => {
    await expect(withinStep(0, () => always(THROTTLE, { policy: { seconds: 1 } }))).rejects.toBe(THROTTLE);
    expect(now).toBeGreaterThan(STEP - 10_000);
    expect(now).toBeLessThanOrEqual(STEP);
  });

  test('all other errors are repeated as their policy says, but not longer than that', async () => {
    const broken = named('ECONNRESET');
    await expect(withinStep(0, () => always(broken, { policy: { seconds: 60 } }))).rejects.toBe(broken);
    expect(now).toBeLessThanOrEqual(60_000);
    now = 0;
    await expect(withinStep(STEP - 10_000, () => always(broken, { policy: { seconds: 60 } }))).rejects.toBe(broken);
    expect(now).toBeLessThanOrEqual(10_000);
  });

  test('throttling is thrown in the end, because the invocation is repeated, not the more frequent error', async () => {
    const missing = named('NotFound');
    const errors = [missing, missing, ...Array<Error>(100).fill(THROTTLE)];
    await expect(withinStep(0, () => failing(errors, { retryIf: error => error === missing }))).rejects.toBe(THROTTLE);
  });

  test('a call that had little of it is postponed, one that had enough has failed', async () => {
    const broken = () => named('ECONNRESET');
    const outcome = (reserve: number) => withinStep(reserve, () => always(broken())).catch(error => isPostponed(new Error('read', { cause: error })));
    expect([await outcome(60_000), await outcome(30_000)]).toEqual([true, false]);
    expect(await always(broken()).catch(isPostponed)).toBe(false);
  });

  test('throttling is always postponed, and only there', async () => {
    expect(await withinStep(0, async () => isPostponed(THROTTLE))).toBe(true);
    expect(isPostponed(THROTTLE)).toBe(false);
  });

  test('a call that was refused has done nothing, so it is repeated in the time that one without an answer leaves to the clean-up', async () => {
    const limited = named('ConcurrentLimitExceededException');
    const begin = async (error: Error) => {
      now = 0;
      await expect(withinStep(40_000, () => always(error, { retryIf: each => each === limited }), 15_000)).rejects.toThrow(`of ${error.name}`);
      return now;
    };
    for (const refused of [THROTTLE, limited]) { expect(await begin(refused)).toBeGreaterThan(STEP - 40_000); }
    expect(await begin(named('ECONNRESET'))).toBeLessThanOrEqual(STEP - 40_000);
  });

  test('all parts have the same end, however late they begin', async () => {
    await inStep(async () => {
      now += 60_000;
      await withinStep(20_000, () => withinStep(0, () => always(THROTTLE, { policy: { seconds: 1 } }))).catch(() => {});
      expect(now).toBeGreaterThan(STEP - 10_000);
      await withinStep(0, () => always(THROTTLE)).catch(() => {});
    });
    expect(now).toBeLessThanOrEqual(STEP);
  });
});

test.each([
  ['the error itself', THROTTLE, true],
  ['one that it wraps', new Error('listing failed', { cause: THROTTLE }), true],
  ['the status 503', named('Unknown', { $metadata: { httpStatusCode: 503 } }), true],
  ['the status 429, which EFS has for limits', named('TooManyRequests', { $metadata: { httpStatusCode: 429 } }), false],
  ['another fault of the service', named('InternalError', { $metadata: { httpStatusCode: 500 } }), false],
])('knows throttling by %s', (_, error, expected) => {
  expect(isThrottle(error)).toBe(expected);
});

describe('a denial', () => {
  const young = <T>(work: () => Promise<T>) => inOperation({ began: now, secondsForDenials: async () => 60 }, work);
  const nameless = (name: string) => named(name, { $metadata: { httpStatusCode: 403 } });
  const reasonOf = (call: Promise<unknown>) => call.then(() => 'no error', (error: Error) => error.message);

  test.each([
    named('AccessDenied'), named('AccessDeniedException'), named('AccessDeniedException', { Reason: 'DEPENDENCY_ACCESS_DENIED' }),
    named('UnauthorizedOperation'), nameless('403'), nameless('Unknown'), nameless('Forbidden'),
  ])('is repeated while the operation is young: %s', async error => {
    expect(await young(() => failing([error, error, error]))).toBe('done');
    expect(pauses).toHaveLength(3);
  });

  test.each(['InvalidObjectState', 'SignatureDoesNotMatch', 'InvalidChunkSizeError'])('is not every answer with the status 403: %s', async name => {
    await expect(young(() => always(nameless(name)))).rejects.toThrow(`of ${name}`);
    expect(pauses).toEqual([]);
  });

  test('is final outside of operations', async () => {
    expect(await reasonOf(always(named('AccessDenied')))).toBe('of AccessDenied');
    expect(pauses).toEqual([]);
  });

  test('is thrown after a minute, under its name, and says for how long it lasted', async () => {
    const call = young(() => always(named('AccessDenied')));
    await expect(call).rejects.toMatchObject({ name: 'AccessDenied' });
    expect(now).toBeGreaterThan(55_000 - 5_000);
    expect(now).toBeLessThanOrEqual(60_000);
    expect(await reasonOf(call)).toBe(`denied for ${Math.round(now / 1000)} seconds, longer than IAM may need to apply a new policy: of AccessDenied`);
  });

  test('is repeated for one minute in all, however many calls are denied', async () => {
    await young(async () => {
      await reasonOf(always(named('AccessDenied')));
      expect(await reasonOf(always(named('UnauthorizedOperation')))).toContain('of UnauthorizedOperation');
      await reasonOf(always(named('AccessDeniedException')));
    });
    expect(now).toBeLessThanOrEqual(60_000);
  });

  test('is repeated for a minute whatever the policy of the call', async () => {
    await young(() => reasonOf(always(named('AccessDenied'), { policy: { seconds: 10, retryIfSeconds: 5 }, retryIf: () => true })));
    expect(now).toBeGreaterThan(50_000);
  });

  test('does not shorten the time of other errors', async () => {
    let tries = 0;
    const work = async () => { throw tries++ === 0 ? named('AccessDenied') : THROTTLE; };
    await expect(young(() => retrying(work))).rejects.toThrow('of ThrottlingException');
    expect(now).toBeGreaterThan(80_000);
  });

  test('is thrown at once if the call is optional', async () => {
    await expect(young(() => always(named('AccessDenied'), { policy: RETRY_POLICIES.OPTIONAL }))).rejects.toThrow(/^of AccessDenied$/);
    expect(pauses).toEqual([]);
  });

  test('may be an error that only this call can tell', async () => {
    const unknown = named('ValidationException');
    expect(await young(() => failing([unknown, unknown], { deniedIf: error => error === unknown }))).toBe('done');
    await expect(young(() => always(unknown))).rejects.toThrow('of ValidationException');
  });

  test('is repeated in the first minute of a worker', async () => {
    const copy = worker((error: Error) => always(error));
    now = 500_000;
    await reasonOf(copy(named('AccessDenied')));
    expect(now).toBeGreaterThan(550_000);
    expect(now).toBeLessThanOrEqual(560_000);
  });
});
