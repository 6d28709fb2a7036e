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
    await target.complete(upload, parts, 8, parts[0].crc32!);
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
  test('removes uploads of the same function to the same key, whose ids were lost', async () => {
    await one.run(async () => {
      await one.aws.target.begin(one.record);
      await one.aws.target.begin({ ...one.record, key: 'disk.img2' });
      await one.aws.target.abort(one.record);
    });
    expect([...one.world.s3.buckets.get(EXPORTS)!.uploads.values()].map(({ key }) => key)).toEqual(['disk.img2']);
  });

  test('leaves uploads that somebody else began', async () => {
    await one.run(async () => {
      await one.aws.target.begin(one.record);
      await one.aws.target.abort({ ...one.record, initiator: 'another-function' });
      await one.aws.target.abort({ ...one.record, initiator: undefined });
    });
    expect(one.uploads).toBe(1);
  });
});
