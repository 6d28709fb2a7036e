import { exportCleanUp } from '../../../../../lambda/transfer/export/clean-up';
import { exportFinish } from '../../../../../lambda/transfer/export/finish';
import { removeExport } from '../../../../../lambda/transfer/export/leftovers';
import type { ExecutionEnded } from '../../../../../src/contract/transfer';
import { ExportWorld } from '../../../../harness/ebs/export-world';

let one: ExportWorld;
beforeEach(async () => {
  one = await ExportWorld.start();
  await one.givenUploaded();
});
afterEach(() => one.close());

const finish = () => one.run(() => exportFinish(one.aws, { exportId: 'export-1' }));
const ended = (status: string, name = 'export-1') => one.run(() => exportCleanUp(one.aws, {
  detail: { name, input: JSON.stringify({ exportId: 'export-1', owner: 'Stack/Export', snapshotId: 'snap-1' }), status },
} as ExecutionEnded));

test('an unfinished export leaves neither an upload nor a file', async () => {
  await one.run(() => removeExport(one.aws, 'export-1'));
  expect([one.keys, one.uploads, one.files]).toEqual([[], 0, []]);
});

test('a finished export leaves nothing, and may be removed repeatedly', async () => {
  await finish();
  for (let n = 0; n < 2; n++) { await one.run(() => removeExport(one.aws, 'export-1')); }
  expect([one.keys, one.uploads, one.files]).toEqual([[], 0, []]);
});

test('removing an export leaves objects that somebody wrote to its key', async () => {
  await one.givenForeign('disk.img');
  await one.givenForeign('disk.img.manifest');
  await one.run(() => removeExport(one.aws, 'export-1'));
  expect(one.keys).toEqual(['disk.img', 'disk.img.manifest']);
  expect(await one.text('disk.img')).toBe('mine');
  expect(one.files).toEqual([]);
});

describe('an object that S3 may still make', () => {
  const remove = () => one.run(() => removeExport(one.aws, 'export-1'));
  const asked = (since: number) => one.run(() => one.aws.store.beginCompletion('export-1', { since, size: 1, crc32: '' }));

  test('keeps the record, and the export is not handed out any more', async () => {
    await asked(one.world.clock.now());
    expect(await remove()).toBe(false);
    expect(one.files).toEqual(['record.json']);
    expect(await one.run(() => one.aws.store.handOut('export-1'))).toBe(false);
  });

  test('is not waited for longer than half an hour', async () => {
    await asked(one.world.clock.now() - 30 * 60_000);
    expect(await remove()).toBe(true);
    expect(one.files).toEqual([]);
  });
});

test('the rule removes a failed export, and keeps the record for poll', async () => {
  await ended('FAILED');
  expect([one.keys, one.uploads, one.files]).toEqual([[], 0, ['record.json']]);
});

test('the rule leaves an export that succeeded', async () => {
  await finish();
  await ended('SUCCEEDED');
  expect(one.keys).toEqual(['disk.img', 'disk.img.manifest']);
  expect(one.files).toEqual(['record.json', 'result.json']);
});

test('the rule leaves an export that an execution with another name says it has failed', async () => {
  await finish();
  await ended('FAILED', 'anything');
  expect(one.keys).toEqual(['disk.img', 'disk.img.manifest']);
});

test('the rule leaves an export that is complete and was handed out, whatever an execution says', async () => {
  await finish();
  await one.run(() => one.aws.store.handOut('export-1'));
  await ended('FAILED');
  expect(one.keys).toEqual(['disk.img', 'disk.img.manifest']);
  expect(one.files).toEqual(['record.json', 'result.json']);
});
