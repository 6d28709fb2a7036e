import { Shift } from '../../../../../lambda/transfer/flow/shift';

const TRANSIENT = Object.assign(new Error('slow down'), { name: 'ThrottlingException' });
const FINAL = new Error('access denied');

let left: number;
let shift: Shift;

beforeEach(() => {
  left = 900_000;
  shift = new Shift({ getRemainingTimeInMillis: () => left }, error => error === TRANSIENT);
});

const failing = (error: Error) => () => Promise.reject(error);
const tick = () => new Promise(setImmediate);

test('a shift ends 60 seconds before the invocation', () => {
  left = 60_000;
  expect([shift.isOutOfTime, shift.giveUp()]).toEqual([false, false]);
  left = 59_999;
  expect([shift.isOutOfTime, shift.giveUp()]).toEqual([true, true]);
});

test('a shift ends earlier or later if it is given another reserve', () => {
  shift = new Shift({ getRemainingTimeInMillis: () => left }, () => true, { reserveMilliseconds: 45_000 });
  left = 45_000;
  expect(shift.isOutOfTime).toBe(false);
  left = 44_999;
  expect(shift.isOutOfTime).toBe(true);
});

describe('attempt', () => {
  test('returns what the task returns', async () => {
    expect(await shift.attempt(async () => 7)).toBe(7);
    expect(shift.giveUp()).toBe(false);
    expect(() => shift.throwFailure()).not.toThrow();
  });

  test.each([['final', FINAL], ['transient', TRANSIENT]])('keeps a %s error while there is time', async (_, error) => {
    expect(await shift.attempt(failing(error))).toBeUndefined();
    expect([shift.hasFailed, shift.giveUp()]).toEqual([true, true]);
    expect(() => shift.throwFailure()).toThrow(error);
  });

  test('leaves a transient error to the next invocation if time is nearly up', async () => {
    left = 10_000;
    await shift.attempt(failing(TRANSIENT));
    expect(shift.hasFailed).toBe(false);
    expect(() => shift.throwFailure()).not.toThrow();
  });

  test('keeps a final error even if time is nearly up', async () => {
    left = 10_000;
    await shift.attempt(failing(FINAL));
    expect(() => shift.throwFailure()).toThrow(FINAL);
  });

  test('keeps the first of several errors', async () => {
    await shift.attempt(failing(FINAL));
    await shift.attempt(failing(new Error('which follows from it')));
    expect(() => shift.throwFailure()).toThrow(FINAL);
  });
});

describe('a shift that got nothing done', () => {
  test('fails with its last transient error, if it was long', async () => {
    left = 0;
    await shift.attempt(failing(TRANSIENT));
    expect(() => shift.throwFailure()).not.toThrow();
    expect(() => shift.throwDropped('nothing was done')).toThrow(/^nothing was done in 14 minutes: .*slow down/);
  });

  test('leaves a transient error to the next invocation, if it was short', async () => {
    left = 500_000;
    shift = new Shift({ getRemainingTimeInMillis: () => left }, error => error === TRANSIENT);
    left = 0;
    await shift.attempt(failing(TRANSIENT));
    expect(() => shift.throwDropped('nothing was done')).not.toThrow();
  });

  test('does not fail without an error', () => {
    expect(() => shift.throwDropped('nothing was done')).not.toThrow();
  });
});

describe('forEach', () => {
  test('does all items, in their order, and no more at once than there are lanes', async () => {
    const begun: number[] = [];
    const lanes = new Set<number>();
    let [now, most] = [0, 0];
    await shift.forEach(Array.from({ length: 20 }, (_, i) => i), 3, async (item, lane) => {
      begun.push(item);
      lanes.add(lane);
      most = Math.max(most, ++now);
      await tick();
      now--;
    });
    expect(begun).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect([...lanes]).toEqual([0, 1, 2]);
    expect([most, now]).toEqual([3, 0]);
  });

  test('begins nothing once time is up, and waits for what was begun', async () => {
    const ended: number[] = [];
    await shift.forEach([1, 2, 3, 4], 2, async item => {
      await tick();
      left = 0;
      ended.push(item);
    });
    expect(ended).toEqual([1, 2]);
  });

  test('begins nothing after a failure', async () => {
    const begun: number[] = [];
    await shift.forEach([1, 2, 3, 4], 2, async item => {
      begun.push(item);
      await tick();
      if (item === 1) { throw FINAL; }
    });
    expect(begun).toEqual([1, 2]);
    expect(() => shift.throwFailure()).toThrow(FINAL);
  });

  test('begins nothing at all without time', async () => {
    left = 0;
    const begun: number[] = [];
    await shift.forEach([1, 2], 2, async item => { begun.push(item); });
    expect(begun).toEqual([]);
  });

  test('begins the first item in any case if it is told to, so that every invocation makes progress', async () => {
    left = 0;
    const begun: number[] = [];
    await shift.forEach([1, 2, 3], 2, async item => { begun.push(item); }, { always: 1 });
    expect(begun).toEqual([1]);
  });

  test('begins no item in any case after a failure', async () => {
    await shift.attempt(failing(FINAL));
    const begun: number[] = [];
    await shift.forEach([1, 2], 1, async item => { begun.push(item); }, { always: 2 });
    expect(begun).toEqual([]);
  });
});
