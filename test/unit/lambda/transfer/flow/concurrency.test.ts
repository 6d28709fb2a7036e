import { inOrder, limiter } from '../../../../../lambda/transfer/flow/concurrency';

const tick = () => new Promise(setImmediate);

const later = <T>(milliseconds: number, value: T) => new Promise<T>(resolve => setTimeout(() => resolve(value), milliseconds));

async function all<T>(results: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const result of results) { seen.push(result); }
  return seen;
}

describe('a limiter', () => {
  test('tasks begin in the order of the calls, and no more run at once than allowed', async () => {
    const inTurn = limiter(3);
    const begun: number[] = [];
    let [now, most] = [0, 0];
    await Promise.all(Array.from({ length: 10 }, (_, i) => inTurn(async () => {
      begun.push(i);
      most = Math.max(most, ++now);
      await tick();
      now--;
    })));
    expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(most).toBe(3);
  });

  test('a task that fails makes room for the next one', async () => {
    const inTurn = limiter(1);
    const failed = inTurn(async () => { throw new Error('no'); });
    const next = inTurn(async () => 'next');
    await expect(failed).rejects.toThrow('no');
    expect(await next).toBe('next');
    expect(await inTurn(async () => 'later')).toBe('later');
  });
});

describe('results in order', () => {
  test('results come in the order of the tasks, whichever ends first', async () => {
    expect(await all(inOrder([20, 1, 10, 0].map((pause, i) => () => later(pause, i)), 3))).toEqual([0, 1, 2, 3]);
  });

  test('no more tasks are under way than allowed', async () => {
    let [now, most] = [0, 0];
    await all(inOrder(Array.from({ length: 10 }, () => async () => {
      most = Math.max(most, ++now);
      await later(1, undefined);
      now--;
    }), 4));
    expect(most).toBe(4);
  });

  test('the first failure in order is thrown, and no task is begun after it', async () => {
    const begun: number[] = [];
    const seen: number[] = [];
    const tasks = [0, 1, 2, 3, 4, 5].map(i => async () => {
      begun.push(i);
      if (i === 1 || i === 2) { throw new Error(`task ${i}`); }
      return i;
    });
    await expect((async () => { for await (const i of inOrder(tasks, 3)) { seen.push(i); } })()).rejects.toThrow('task 1');
    expect(seen).toEqual([0]);
    expect(begun).toEqual([0, 1, 2, 3]);
  });
});
