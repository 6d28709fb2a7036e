import { exportFinish } from '../../../../../lambda/transfer/export/finish';
import type { DonePart } from '../../../../../lambda/transfer/export/store';
import { EXPORTS, ExportWorld } from '../../../../harness/ebs/export-world';

let one: ExportWorld;
beforeEach(async () => {
  one = await ExportWorld.start();
  await one.givenUploaded();
});
afterEach(() => one.close());

const finish = () => one.run(() => exportFinish(one.aws, { exportId: 'export-1' }));
/** Changes what the export recorded of the parts of its first range. */
async function change(how: (parts: DonePart[]) => DonePart[]): Promise<void> {
  await one.run(async () => {
    const { store } = one.aws;
    await store.saveParts('export-1', 0, how(await store.parts('export-1', 0)), { finished: true });
  });
}

test('makes the object and its manifest, and keeps the record and the result', async () => {
  await finish();
  expect(one.keys).toEqual(['disk.img', 'disk.img.manifest']);
  expect(one.files).toEqual(['record.json', 'result.json']);
  expect(one.uploads).toBe(0);
});

test('does nothing when it is repeated', async () => {
  await finish();
  await finish();
  expect(one.world.server.count('s3:CompleteMultipartUpload')).toBe(1);
});

test('refuses a part that was not uploaded', async () => {
  await change(parts => parts.slice(1));
  await expect(finish()).rejects.toThrow('part 1 of export export-1 was not uploaded');
  expect(one.keys).toEqual([]);
});

test('refuses a part that S3 has with another checksum than that of the bytes that were read', async () => {
  await change(parts => parts.map(part => part.part === 2 ? { ...part, crc32: (part.crc32 + 1) % 2 ** 32 } : part));
  await expect(finish()).rejects.toThrow('part 2 of s3://exports/disk.img is not what was sent');
  expect(one.keys).not.toContain('disk.img');
});

test('saves no result, so that nothing is left, if the export is cancelled while the object is made', async () => {
  one.world.server.faults.before('s3:CompleteMultipartUpload', () => one.world.s3.buckets.get('transfers')!.remove('transfers/export-1/plan.json', 'null'));
  await expect(finish()).rejects.toThrow('the export export-1 was cancelled');
  expect(one.files).not.toContain('result.json');
});

test('removes the manifest again, and nothing else, if somebody wrote the object meanwhile', async () => {
  await one.givenForeign('disk.img');
  await expect(finish()).rejects.toThrow('somebody wrote s3://exports/disk.img during the export; nothing was overwritten');
  expect(one.keys).toEqual(['disk.img']);
  expect(await one.text('disk.img')).toBe('mine');
});

test('makes no object if somebody wrote the manifest meanwhile', async () => {
  await one.givenForeign('disk.img.manifest');
  await expect(finish()).rejects.toThrow('somebody wrote s3://exports/disk.img.manifest during the export');
  expect(one.keys).toEqual(['disk.img.manifest']);
  expect(await one.text('disk.img.manifest')).toBe('mine');
});

test('records a call that completes the upload until S3 has answered', async () => {
  const completing = async () => (await one.run(() => one.aws.store.record('export-1')))!.completing;
  const during: unknown[] = [];
  one.world.server.faults.before('s3:CompleteMultipartUpload', () => { during.push(completing()); });
  await finish();
  expect(await during[0]).toMatchObject({ size: 12_582_912, crc32: expect.any(String) as string });
  expect(await completing()).toBeUndefined();
});

test('records no call that S3 has refused, and one whose answer was lost', async () => {
  const completing = async () => (await one.run(() => one.aws.store.record('export-1')))!.completing;
  await one.givenForeign('disk.img');
  await expect(finish()).rejects.toThrow('somebody wrote');
  expect(await completing()).toBeUndefined();
  one.world.s3.buckets.get(EXPORTS)!.remove('disk.img', 'null');
  one.world.server.faults.inject('s3:CompleteMultipartUpload', { kind: 'reset' }, { times: Infinity });
  await expect(finish()).rejects.toThrow('socket hang up');
  expect(await completing()).toBeDefined();
  one.world.server.faults.clear();
  await finish();
  expect(await completing()).toBeUndefined();
});

test.each(['without its record', 'but for its record'])('completes nothing, and leaves no manifest, if the export was removed meanwhile, %s', async how => {
  if (how === 'but for its record') { await one.run(() => one.aws.store.markRemoved('export-1')); }
  if (how === 'without its record') { one.world.s3.buckets.get('transfers')!.remove('transfers/export-1/record.json', 'null'); }
  await expect(finish()).rejects.toThrow('the export export-1 was cancelled');
  expect(one.world.server.count('s3:CompleteMultipartUpload')).toBe(0);
  expect(one.keys).toEqual([]);
});

test('goes on if only the answer to the completion was lost', async () => {
  one.world.server.faults.inject('s3:CompleteMultipartUpload', { kind: 'lost-answer' });
  await finish();
  expect(one.world.server.count('s3:CompleteMultipartUpload')).toBe(2);
  expect(one.keys).toEqual(['disk.img', 'disk.img.manifest']);
});

test('refuses an upload that somebody aborted', async () => {
  one.world.s3.buckets.get(EXPORTS)!.uploads.clear();
  await expect(finish()).rejects.toThrow('the multipart upload to s3://exports/disk.img does not exist any more');
  expect(one.keys).toEqual([]);
});

test('refuses an object that S3 has with another checksum', async () => {
  const { target } = one.aws;
  const find = target.find.bind(target);
  jest.spyOn(target, 'find').mockImplementation(async place => ({ ...(await find(place))!, crc32: 'AAAAAA==' }));
  await expect(finish()).rejects.toThrow('s3://exports/disk.img is not what was exported: S3 has 12582912 bytes with CRC32 AAAAAA==');
  expect(one.files).not.toContain('result.json');
});

test('leaves another upload to the same key alone', async () => {
  await one.run(() => one.aws.target.begin(one.record));
  await finish();
  expect(one.uploads).toBe(1);
});
