import { RefusedForNow } from '../../../../../lambda/shared/errors';
import { EXPORTS, ExportWorld } from '../../../../harness/ebs/export-world';

let one: ExportWorld;
beforeEach(async () => { one = await ExportWorld.start(); });
afterEach(() => one.close());

const other = () => ({ ...one.record, exportId: 'export-2' });
async function* body(): AsyncGenerator<Buffer> { yield Buffer.from('manifest'); }
const putManifest = (record = one.record) => one.run(() => one.aws.target.putManifest(record, 8, body));
/** Makes the object of an export from one part. */
async function make(record = one.record): Promise<void> {
  await one.run(async () => {
    const { target } = one.aws;
    const upload = { ...record, uploadId: await target.begin(record) };
    await target.uploadPart(upload, 1, 8, body, () => false);
    const parts = await target.parts(upload);
    await target.complete(upload, parts, { size: 8, crc32: parts[0].crc32! });
  });
}

describe('an object that is there already', () => {
  test.each(['disk.img', 'disk.img.manifest'])('is refused: %s', async key => {
    await one.givenForeign(key);
    await expect(one.run(() => one.aws.target.refuseTaken(one.record))).rejects.toThrow(`s3://exports/${key} exists already; nothing is overwritten`);
  });

  test('is refused if another export made it, and accepted if this one did', async () => {
    await make();
    await one.run(() => one.aws.target.refuseTaken(one.record));
    await expect(one.run(() => one.aws.target.refuseTaken(other()))).rejects.toThrow('exists already, made by another export');
  });

  test('is not overwritten when the upload is completed', async () => {
    await one.givenForeign('disk.img');
    await expect(make()).rejects.toMatchObject({ name: 'PreconditionFailed' });
    expect(await one.text('disk.img')).toBe('mine');
    expect(await one.run(() => one.aws.target.find(one.record))).toBeUndefined();
  });
});

describe('a manifest', () => {
  test('that somebody else wrote is not overwritten', async () => {
    await one.givenForeign('disk.img.manifest');
    expect(await putManifest()).toBe(false);
    expect(await one.text('disk.img.manifest')).toBe('mine');
  });

  test('is known to be ours if only the answer was lost', async () => {
    one.world.server.faults.inject('s3:PutObject', { kind: 'lost-answer' });
    expect(await putManifest()).toBe(true);
    expect(one.world.server.count('s3:PutObject')).toBe(2);
    expect(await putManifest(other())).toBe(false);
  });
});

describe('deleting', () => {
  const remove = () => one.run(() => one.aws.target.delete(one.record, undefined));

  test('removes the object and the manifest', async () => {
    await make();
    await putManifest();
    await remove();
    expect(one.keys).toEqual([]);
  });

  test('leaves what somebody else wrote', async () => {
    await one.givenForeign('disk.img');
    await one.givenForeign('disk.img.manifest');
    await remove();
    expect(one.keys).toEqual(['disk.img', 'disk.img.manifest']);
  });

  test('leaves what somebody else put in the place of the object, also a copy with its metadata', async () => {
    await make();
    const made = (await one.run(() => one.aws.target.find(one.record)))!;
    const bucket = one.world.s3.buckets.get(EXPORTS)!;
    bucket.add({ ...one.world.s3.object(EXPORTS, 'disk.img')!, etag: 'another' });
    expect(await one.run(() => one.aws.target.delete(one.record, made))).toBe(false);
    expect(one.keys).toEqual(['disk.img']);
    expect(await one.run(() => one.aws.target.delete(one.record, { size: made.size, crc32: 'AAAAAA==' }))).toBe(false);
    expect(one.keys).toEqual(['disk.img']);
    expect(await one.run(() => one.aws.target.delete(one.record, { size: made.size, crc32: made.crc32 }))).toBe(true);
    expect(one.keys).toEqual([]);
  });

  test.each([undefined, 'Suspended'] as const)('leaves what somebody else writes just before the object is deleted (versioning %s)', async versioning => {
    const bucket = one.world.s3.buckets.get(EXPORTS)!;
    bucket.versioning = versioning;
    await make();
    const mine = await one.world.s3.put(EXPORTS, 'mine', 'mine');
    one.world.server.faults.before('s3:DeleteObject', () => { bucket.add({ ...mine, key: 'disk.img' }); });
    await remove();
    expect(one.keys).toEqual(['disk.img', 'mine']);
    expect(await one.text('disk.img')).toBe('mine');
  });

  test('leaves what another export made', async () => {
    await make(other());
    await putManifest(other());
    await remove();
    expect(one.keys).toEqual(['disk.img', 'disk.img.manifest']);
  });

  test('leaves the manifest beside the object of a delta', async () => {
    await putManifest();
    await one.run(() => one.aws.target.delete({ ...one.record, isDelta: true }, undefined));
    expect(one.keys).toEqual(['disk.img.manifest']);
  });
});

describe('aborting', () => {
  const begin = () => one.run(() => one.aws.target.begin(one.record));
  const abort = (uploadId: string) => one.run(() => one.aws.target.abort({ ...one.record, uploadId }));

  test('ends one upload, and leaves others to the same key', async () => {
    const [mine, others] = [await begin(), await begin()];
    await abort(mine);
    await abort(mine);
    expect([...one.world.s3.buckets.get(EXPORTS)!.uploads.keys()]).toEqual([others]);
  });

  test('is repeated for parts that arrive meanwhile', async () => {
    const uploadId = await begin();
    const { uploads } = one.world.s3.buckets.get(EXPORTS)!;
    const upload = uploads.get(uploadId)!;
    one.world.server.faults.before('s3:ListParts', () => { uploads.set(uploadId, upload); }, { times: 2 });
    await abort(uploadId);
    expect(one.uploads).toBe(0);
    expect(one.world.server.count('s3:AbortMultipartUpload')).toBe(3);
  });

  test('is left to the next call as long as parts arrive', async () => {
    const uploadId = await begin();
    const { uploads } = one.world.s3.buckets.get(EXPORTS)!;
    const upload = uploads.get(uploadId)!;
    one.world.server.faults.before('s3:ListParts', () => { uploads.set(uploadId, upload); }, { times: 6 });
    const refusal = await abort(uploadId).catch((error: Error) => error);
    expect(refusal).toBeInstanceOf(RefusedForNow);
    expect((refusal as Error).message).toBe(`parts of a multipart upload to s3://exports/disk.img are still on their way (upload ${uploadId})`);
  });
});
