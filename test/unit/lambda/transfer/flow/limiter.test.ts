import { limiter } from '../../../../../lambda/transfer/flow/limiter';

const tick = () => new Promise(setImmediate);

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
