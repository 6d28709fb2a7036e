import { isOverdue, overdueReason, recordRefusals, refuseOverdue } from '../../../../../lambda/transfer/bucket/overdue';
import type { TransferStore } from '../../../../../lambda/transfer/bucket/store';
import { importClients } from '../../../../../lambda/transfer/import/clients';
import { TRANSFERS } from '../../../../harness/ebs/disk-images';
import { EbsHandlerWorld } from '../../../../harness/ebs/ebs-handler-world';

const ID = 'snap-1';
const LATE = "the import did not end in time; if it only takes long, set 'waitForCompletion' to false";
const REFUSED = /^the import did not end in time, because Lambda had no free concurrency/;

let world: EbsHandlerWorld;
let store: TransferStore;

beforeEach(async () => {
  world = await EbsHandlerWorld.start();
  ({ store } = importClients());
});
afterEach(() => world.close());

const put = (name: string) => world.s3.put(TRANSFERS, `transfers/${ID}/${name}`, '');
const reason = () => world.run(() => overdueReason(store, ID, 'import'));

test('nothing begins after the deadline', () => {
  expect(isOverdue(undefined)).toBe(false);
  expect(() => refuseOverdue(undefined, 'import')).not.toThrow();
  expect(() => refuseOverdue(Date.now() + 1_000, 'import')).not.toThrow();
  expect(() => refuseOverdue(Date.now() - 1, 'import')).toThrow(LATE);
});

describe('a transfer that did not end in time', () => {
  test.each(['progress/0', 'digests/7', 'ranges/0', 'reading/0', 'parent/0'])('only took long if a worker left %s', async name => {
    await put('plan.json');
    await put(name);
    expect(await reason()).toBe(LATE);
  });

  test.each([[], ['plan.json']])('had no concurrency if no worker left anything (%s)', async (...names) => {
    for (const name of names) { await put(name); }
    expect(await reason()).toMatch(REFUSED);
  });

  test('had no concurrency if a worker was refused 20 times, which nothing else explains', async () => {
    await put('plan.json');
    await put('progress/0');
    await world.run(() => recordRefusals(store, ID, { retries: 19 }));
    expect(await reason()).toBe(LATE);
    await world.run(() => recordRefusals(store, ID, { retries: 20 }));
    expect(await reason()).toMatch(REFUSED);
  });
});

test('a worker that was refused leaves nothing after the clean-up, and works on if it cannot say so', async () => {
  await world.run(() => recordRefusals(store, ID, { retries: 100 }));
  expect(world.transferObjects).toEqual([]);
  await put('plan.json');
  world.denied.push('s3:PutObject');
  await world.run(() => recordRefusals(store, ID, { retries: 100 }));
  expect(world.transferObjects).toEqual([`transfers/${ID}/plan.json`]);
});
