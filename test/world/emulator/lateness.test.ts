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

test('a kind can have one delay for some things, and the delays of all others stay', () => {
  const [plain, partly] = [1, 2].map(() => new Lateness(1, { stackStatus: 30 }));
  const undo = partly.fix('stackStatus', /stack\/S\//, 60);
  expect([partly.delay('stackStatus', 'stack/S/1'), partly.delay('stackStatus', 'stack/S/1/A')]).toEqual([60_000, 60_000]);
  expect(partly.delay('iam', 'stack/S/1')).toBe(plain.delay('iam', 'stack/S/1'));
  expect(partly.delay('stackStatus', 'stack/T/1')).toBe(plain.delay('stackStatus', 'stack/T/1'));
  undo();
  expect(partly.delay('stackStatus', 'stack/S/2')).toBe(plain.delay('stackStatus', 'stack/S/2'));
});
