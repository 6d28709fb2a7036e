import { Simulation } from './simulation';
import { pacerFor, SharePacer } from '../../../../../lambda/transfer/flow/pacer';

let simulation: Simulation;
beforeEach(() => { simulation = new Simulation(); });

/** Puts one after the other for some seconds, and counts them. */
async function putsIn(seconds: number, pacer: SharePacer, answer: 'succeeded' | 'throttled' = 'succeeded'): Promise<number> {
  const end = simulation.now() + seconds * 1000;
  for (let puts = 0; ; puts++) {
    await pacer.acquire();
    if (simulation.now() >= end) { return puts; }
    pacer[answer]();
  }
}

test('a worker puts at its share from its first put on', () => simulation.run(async () => {
  const pacer = new SharePacer(100);
  const first = await putsIn(1, pacer);
  expect(first).toBeGreaterThan(95);
  expect(first).toBeLessThanOrEqual(100);
  expect(await putsIn(10, pacer)).toBeLessThanOrEqual(1_001);
}));

test('a pause is made up for, but not more than a second of it', () => simulation.run(async () => {
  const pacer = new SharePacer(100);
  await putsIn(3, pacer);
  await simulation.sleep(60_000);
  const puts = await putsIn(1, pacer);
  expect(puts).toBeGreaterThan(190);
  expect(puts).toBeLessThanOrEqual(201);
}));

test('a throttled put halves the rate, those under way with it do not, and the rate climbs back to the share', () => simulation.run(async () => {
  const pacer = new SharePacer(100);
  await putsIn(3, pacer);
  for (let i = 0; i < 30; i++) { pacer.throttled(); }
  const after = await putsIn(3, pacer);
  expect(after).toBeGreaterThan(140);
  expect(after).toBeLessThan(180);
  await putsIn(60, pacer);
  const later = await putsIn(10, pacer);
  expect(later).toBeGreaterThan(980);
  expect(later).toBeLessThanOrEqual(1_001);
}));

test('a worker that sent less than it might is halved from what it sent', () => simulation.run(async () => {
  const pacer = new SharePacer(1_000);
  for (let i = 0; i < 60; i++) {
    await pacer.acquire();
    await simulation.sleep(50);
  }
  pacer.throttled();
  const puts = await putsIn(1, pacer, 'throttled');
  expect(puts).toBeLessThan(40);
}));

test('however long it is throttled, it tries again now and then', () => simulation.run(async () => {
  const pacer = new SharePacer(128);
  expect(await putsIn(30, pacer, 'throttled')).toBeGreaterThan(100);
  expect(await putsIn(30, pacer, 'throttled')).toBeGreaterThan(100);
}));

test('puts get their turn in the order in which they came', () => simulation.run(async () => {
  const pacer = new SharePacer(10);
  const order: number[] = [];
  await Promise.all(Array.from({ length: 40 }, async (_, i) => {
    await pacer.acquire();
    order.push(i);
  }));
  expect(order).toEqual(Array.from({ length: 40 }, (_, i) => i));
}));

test('a process keeps the pacer of an import from one range to the next', () => {
  const pacer = pacerFor('snap-1', 100);
  expect(pacerFor('snap-1', 100)).toBe(pacer);
  expect(pacerFor('snap-2', 100)).not.toBe(pacer);
  expect(pacerFor('snap-2', 50)).not.toBe(pacerFor('snap-2', 100));
});
