import { Lateness } from '../../../world/emulator/lateness';

const delays = (lateness: Lateness, thing: string) => Array.from({ length: 20 }, () => lateness.delay('iam', thing));

test('one seed gives the same delays whatever else changes in between', () => {
  const [alone, busy] = [new Lateness(7), new Lateness(7)];
  busy.delay('iam', 'Role/Other');
  expect(delays(busy, 'Role/Policy')).toEqual(delays(alone, 'Role/Policy'));
  expect(delays(new Lateness(8), 'Role/Policy')).not.toEqual(delays(new Lateness(7), 'Role/Policy'));
});

test('delays lie between nothing and the longest, and fill that range', () => {
  const seconds = delays(new Lateness(1), 'Role/Policy').map(milliseconds => milliseconds / 1000);
  expect(Math.min(...seconds)).toBeLessThan(5);
  expect(Math.max(...seconds)).toBeGreaterThan(15);
  expect(seconds.filter(one => one < 0 || one > 20)).toEqual([]);
  expect(delays(new Lateness(1, { iam: 0 }), 'Role/Policy')).toEqual(new Array(20).fill(0));
});

test('nothing is late while a kind is suspended, and the delays after that are the same as without', () => {
  const [all, some] = [new Lateness(7), new Lateness(7)];
  const resume = some.suspend('iam');
  expect(some.delay('iam', 'Role/Policy')).toBe(0);
  expect(some.delay('snapshotListing', 'snap-1')).toBeGreaterThan(0);
  resume();
  expect(delays(some, 'Role/Policy').slice(0, 19)).toEqual(delays(all, 'Role/Policy').slice(1));
});
