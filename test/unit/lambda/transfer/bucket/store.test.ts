import type { Plan } from '../../../../../lambda/transfer/bucket/plan';
import type { Manifest, TransferStore } from '../../../../../lambda/transfer/bucket/store';
import { importClients } from '../../../../../lambda/transfer/import/clients';
import type { Fault } from '../../../../../world/emulator/faults';
import { TRANSFERS } from '../../../../harness/ebs/disk-images';
import { EbsHandlerWorld } from '../../../../harness/ebs/ebs-handler-world';

const ID = 'snap-1';
const PLAN = { blocks: 4, rangeBlocks: 4 } as Plan;
const MANIFEST: Manifest = { snapshotId: ID, blocks: 4, checksum: 'first' };

let world: EbsHandlerWorld;
let store: TransferStore;

beforeEach(async () => {
  world = await EbsHandlerWorld.start();
  ({ store } = importClients());
});
afterEach(() => world.close());

const put = (name: string, body = '') => world.s3.put(TRANSFERS, `transfers/${name}`, body);

describe('a removal', () => {
  beforeEach(async () => {
    for (const name of [`${ID}/plan.json`, `${ID}/digests/0`, `${ID}/failure`, `${ID}/digests/failure`, `${ID}0/failure`, 'snap-2/plan.json']) { await put(name); }
  });

  test('leaves nothing of its snapshot, and everything of others', async () => {
    await store.remove(ID);
    expect(world.transferObjects).toEqual([`transfers/${ID}0/failure`, 'transfers/snap-2/plan.json']);
  });

  test('keeps the reason of a failure if asked to, and nothing else', async () => {
    await store.remove(ID, { keepFailure: true });
    expect(world.transferObjects).toEqual([`transfers/${ID}/failure`, `transfers/${ID}0/failure`, 'transfers/snap-2/plan.json']);
  });

  test('removes more objects than S3 lists at once', async () => {
    for (let n = 1; n <= 1_001; n++) { await put(`${ID}/digests/${n}`); }
    await store.remove(ID, { keepFailure: true });
    expect(world.transferObjects).toEqual([`transfers/${ID}/failure`, `transfers/${ID}0/failure`, 'transfers/snap-2/plan.json']);
  });

  test('fails if S3 does not delete one of the objects', async () => {
    world.denied.push('s3:DeleteObject');
    await expect(store.remove(ID)).rejects.toThrow(`transfer bucket ${TRANSFERS}: transfers/${ID}/digests/0 could not be deleted: AccessDenied`);
  });

  test('fails if S3 does not delete the token of a call', async () => {
    await put(`${ID}/token`);
    world.denied.push('s3:DeleteObject');
    await expect(store.removeToken(ID)).rejects.toThrow(`transfer bucket ${TRANSFERS}: transfers/${ID}/token could not be deleted: AccessDenied`);
  });

  test('succeeds if there is nothing left, or not even the bucket', async () => {
    await store.remove('snap-3');
    world.s3.buckets.delete(TRANSFERS);
    await store.remove(ID);
  });
});

describe('the manifest of a seal', () => {
  const conflict: Fault = { kind: 'error', code: 'ConditionalRequestConflict', status: 409, message: 'conflict' };

  test('is written by the first of two sealers, and only that one counts as the first', async () => {
    expect(await store.createManifest(MANIFEST)).toBe(true);
    expect(await store.createManifest({ ...MANIFEST, checksum: 'second' })).toBe(false);
    expect(await store.manifest(ID)).toEqual(MANIFEST);
  });

  test('is not written by one of two that write at the same time', async () => {
    world.server.faults.inject('s3:PutObject', conflict);
    expect(await store.createManifest(MANIFEST)).toBe(false);
  });

  test('fails for any other reason', async () => {
    world.denied.push('s3:PutObject');
    await expect(store.createManifest(MANIFEST)).rejects.toThrow(`s3:PutObject failed in transfer bucket ${TRANSFERS}`);
  });
});

describe('the reason of a failure', () => {
  test('is the first of several', async () => {
    await store.savePlan(ID, PLAN);
    await store.saveFailure(ID, 'the cause');
    await store.saveFailure(ID, 'what follows from it').catch(() => {});
    expect(await store.failure(ID)).toBe('the cause');
  });

  test('is not saved after a clean-up, because nothing would remove it', async () => {
    await store.savePlan(ID, PLAN);
    await store.remove(ID);
    await store.saveFailure(ID, 'the snapshot is gone');
    expect(world.transferObjects).toEqual([]);
  });
});

describe('a cancelled import', () => {
  test('is refused once its plan is removed', async () => {
    await store.savePlan(ID, PLAN);
    await store.refuseCancelled(ID);
    await store.remove(ID);
    await expect(store.refuseCancelled(ID)).rejects.toThrow(`the import of snapshot ${ID} was cancelled`);
    await expect(store.plan(ID)).rejects.toThrow(`the import of snapshot ${ID} was cancelled`);
  });

  test('is not assumed if the plan cannot be read', async () => {
    await store.savePlan(ID, PLAN);
    world.denied.push('s3:GetObject');
    await expect(store.refuseCancelled(ID)).rejects.toThrow(`s3:GetObject failed in transfer bucket ${TRANSFERS}`);
  });
});
