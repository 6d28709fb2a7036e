import { createHash } from 'crypto';
import { gzipSync } from 'zlib';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { checksum } from '../../../world/emulator/s3/checksums';
import { disk, IMAGES, properties, TRANSFERS } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld, type EbsHandlerWorldOptions } from '../../harness/ebs/ebs-handler-world';
import { fixture } from '../../harness/formats/fixtures';
import { seekableZstd } from '../../harness/formats/seekable';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const image = disk(5 * BLOCK_SIZE + 1);
const WRONG = sha256(Buffer.from('another image'));

let world: EbsHandlerWorld;
afterEach(() => world.close());

async function start(content = image, options: EbsHandlerWorldOptions = {}): Promise<void> {
  world = await EbsHandlerWorld.start({ ebs: { startWindow: 0 }, rangeBlocks: 2, rule: true, ...options });
  await world.s3.put(IMAGES, 'disk.img', content);
}

const refused = (found: string, wanted: string, prop = 'sha256') =>
  `s3://images/disk.img is not the one that '${prop}' names: its SHA-256 is ${found}, and should be ${wanted}; correct '${prop}', or upload the right image`;

/** Number of imports that computed the SHA-256 of their image. */
const hashings = () => world.transferObjects.filter(key => key.endsWith('/sha256')).length;

describe.each<[string, Buffer, Record<string, unknown>]>([
  ['raw image in several ranges', image, {}],
  ['raw image that is verified', image, { Verify: 'FULL' }],
  ['image without zeros', image, { ZeroBlocks: 'OMIT' }],
  ['qcow2 image', fixture('zlib.qcow2'), {}],
  ['VHDX image', fixture('dynamic-1m.vhdx'), {}],
  ['gzip stream', gzipSync(image), { VolumeSize: 1 }],
  ['seekable zstd', seekableZstd(image, 700_000), {}],
])('a pinned %s', (_, content, more) => {
  test('is imported if its SHA-256 is right', async () => {
    await start(content);
    const { SnapshotId } = await world.stack().deploy(properties({ SourceSha256: sha256(content), ...more }));
    expect(world.ebs.snapshot(SnapshotId)!.state).toBe('completed');
    expect(hashings()).toBe(1);
  });

  test('is refused if its SHA-256 is wrong, and nothing is left', async () => {
    await start(content);
    await expect(world.stack().deploy(properties({ SourceSha256: WRONG, ...more }))).rejects.toThrow(refused(sha256(content), WRONG));
    expect(world.server.count('ebs:CompleteSnapshot')).toBe(0);
    world.expectNothingLeft();
  });
});

test('a pinned delta is imported if its SHA-256 is right, and refused otherwise', async () => {
  await start(image, { rangeBlocks: undefined, smallExport: { partBlocks: 10, rangeParts: 2, blocks: 36 } });
  const block = (seed: string) => Buffer.alloc(BLOCK_SIZE, sha256(Buffer.from(seed)));
  const base = await world.givenSnapshot({ 0: block('a'), 3: block('b') });
  const next = await world.givenSnapshot({ 3: block('x'), 7: block('y') }, { ParentSnapshotId: base });
  await world.exports().deploy({ SnapshotId: next, SinceSnapshotId: base, Bucket: IMAGES, Key: 'a.delta', Owner: 'Stack/Export', RemovalPolicy: 'Delete' });
  const { content } = world.s3.object(IMAGES, 'a.delta')!;
  const delta = properties({ SourceKey: 'a.delta', SourceFormat: 'DELTA', ParentSnapshotId: base });
  const completed = world.server.count('ebs:CompleteSnapshot');
  await expect(world.stack().deploy({ ...delta, SourceSha256: WRONG })).rejects.toThrow("is not the one that 'sha256' names");
  expect(world.server.count('ebs:CompleteSnapshot')).toBe(completed);
  expect(world.snapshotIds).toEqual([base, next]);

  const { SnapshotId } = await world.stack().deploy({ ...delta, SourceSha256: sha256(await content.read(0, content.size)) });
  expect(world.ebs.snapshot(SnapshotId)).toMatchObject({ state: 'completed', writtenIndexes: [3, 7] });
});

test('a SHA-256 in capital letters is the same', async () => {
  await start();
  const { SnapshotId } = await world.stack().deploy(properties({ SourceSha256: sha256(image).toUpperCase() }));
  world.expectContent(SnapshotId, image);
});

test('a value that is no SHA-256 is refused before a snapshot is started', async () => {
  await start();
  await expect(world.stack().deploy(properties({ SourceSha256: 'latest' }))).rejects.toThrow("'sha256' must be 64 hexadecimal digits, got 'latest'");
  expect(world.server.count('ebs:StartSnapshot')).toBe(0);
});

describe('an image of which S3 has the SHA-256', () => {
  const known = () => { Object.assign(world.s3.object(IMAGES, 'disk.img')!, { checksum: checksum('SHA256', [image]) }); };

  test('is imported without hashing it', async () => {
    await start();
    known();
    const { SnapshotId } = await world.stack().deploy(properties({ SourceSha256: sha256(image) }));
    world.expectContent(SnapshotId, image);
    expect(hashings()).toBe(0);
    expect(world.invocations.copy).toBe(3);
  });

  test('is refused before a snapshot is started if it is another one', async () => {
    await start();
    known();
    await expect(world.stack().deploy(properties({ SourceSha256: WRONG }))).rejects.toThrow(refused(sha256(image), WRONG));
    expect(world.server.count('ebs:StartSnapshot')).toBe(0);
    world.expectNothingLeft();
  });

  test('is hashed if that SHA-256 is the one of the SHA-256 of its parts', async () => {
    await start();
    Object.assign(world.s3.object(IMAGES, 'disk.img')!, { checksum: { ...checksum('SHA256', [image]), type: 'COMPOSITE' } });
    const { SnapshotId } = await world.stack().deploy(properties({ SourceSha256: sha256(image) }));
    world.expectContent(SnapshotId, image);
    expect(hashings()).toBe(1);
  });
});

describe('hashing that takes several invocations', () => {
  const large = disk(50 * BLOCK_SIZE + 5);

  /** Each invocation but that of the copying, which is the second, has time for the first piece only. */
  function late(): EbsHandlerWorldOptions {
    let invocations = 0;
    return { rangeBlocks: 100, remaining: () => { const short = ++invocations !== 2; return () => short ? 10_000 : 900_000; } };
  }

  test('goes on where the last one ended', async () => {
    await start(large, late());
    const read = world.readsOf(IMAGES, 'disk.img');
    const { SnapshotId } = await world.stack().deploy(properties({ SourceSha256: sha256(large) }));
    world.expectContent(SnapshotId, large);
    // Four pieces of 8 MiB, and the copying.
    expect(world.invocations.copy).toBe(5);
    expect(read.bytes).toBeLessThan(2.1 * large.length);
  });

  test('finds another SHA-256 all the same', async () => {
    await start(large, late());
    await expect(world.stack().deploy(properties({ SourceSha256: WRONG }))).rejects.toThrow(refused(sha256(large), WRONG));
    world.expectNothingLeft();
  });
});

test('a snapshot is not completed if the SHA-256 of its image was not computed', async () => {
  await start(image, {
    around: async (name, work) => {
      const bucket = world.s3.buckets.get(TRANSFERS)!;
      const computed = name === 'seal' ? bucket.versions().filter(({ key }) => key.endsWith('/sha256')) : [];
      computed.forEach(({ key, versionId }) => bucket.remove(key, versionId));
      return world.run(work);
    },
  });
  await expect(world.stack().deploy(properties({ SourceSha256: sha256(image) }))).rejects.toThrow(refused('not known', sha256(image)));
  expect(world.server.count('ebs:CompleteSnapshot')).toBe(0);
});

test('an image that is replaced while it is hashed is refused', async () => {
  await start(image, {
    around: async (name, work) => {
      if (name === 'copy') { await world.s3.put(IMAGES, 'disk.img', disk(5 * BLOCK_SIZE + 1, 'replaced')); }
      return world.run(work);
    },
  });
  await expect(world.stack().deploy(properties({ SourceSha256: sha256(image) }))).rejects.toThrow('was replaced or deleted while it was being imported');
  world.expectNothingLeft();
});

describe('a changed pin', () => {
  const next = disk(6 * BLOCK_SIZE, 'next');

  test('imports what the key holds now', async () => {
    await start();
    const stack = world.stack();
    const first = await stack.deploy(properties({ SourceSha256: sha256(image) }));
    await world.s3.put(IMAGES, 'disk.img', next);
    const second = await stack.deploy(properties({ SourceSha256: sha256(next) }));
    expect(second.SnapshotId).not.toBe(first.SnapshotId);
    world.expectContent(second.SnapshotId, next);
  });

  test('that the object does not fulfil is rolled back, and the snapshot before stays', async () => {
    await start();
    const stack = world.stack();
    const first = await stack.deploy(properties({ SourceSha256: sha256(image) }));
    await world.s3.put(IMAGES, 'disk.img', next);
    await expect(stack.deploy(properties({ SourceSha256: WRONG }))).rejects.toThrow(refused(sha256(next), WRONG));
    expect(stack.isStuck).toBe(false);
    expect(stack.physicalId).toBe(first.SnapshotId);
    expect(world.snapshotIds).toEqual([first.SnapshotId]);
    world.expectContent(first.SnapshotId, image);
  });
});

test('an import in the background whose image has another SHA-256 leaves no snapshot', async () => {
  await start();
  await world.stack().deploy(properties({ SourceSha256: WRONG, WaitForCompletion: false }));
  await world.clock.sleep(600_000);
  expect(world.snapshotIds).toEqual([]);
  expect(world.server.count('ebs:CompleteSnapshot')).toBe(0);
});

describe('a checksum file beside the image', () => {
  const pinned = properties({ SourceSha256SumsKey: 'SHA256SUMS' });
  const givenSums = (text: string) => world.s3.put(IMAGES, 'SHA256SUMS', Buffer.from(text));

  test('names the SHA-256 of the image', async () => {
    await start();
    await givenSums(`${WRONG} *other.img\n${sha256(image)} *disk.img\n`);
    const { SnapshotId } = await world.stack().deploy(pinned);
    world.expectContent(SnapshotId, image);
  });

  test('that names another SHA-256 fails the import, and nothing is left', async () => {
    await start();
    await givenSums(`SHA256 (disk.img) = ${WRONG}\n`);
    await expect(world.stack().deploy(pinned)).rejects.toThrow(refused(sha256(image), WRONG, 'sha256SumsKey'));
    world.expectNothingLeft();
  });

  test.each<[string, string, string]>([
    ['is empty', '', "checksum file s3://images/SHA256SUMS has no SHA-256 of 'disk.img'; it needs a line"],
    ['does not name the image', `${WRONG}  other.img\n`, "has no SHA-256 of 'disk.img'"],
    ['names it twice', `${WRONG}  disk.img\n${'0'.repeat(64)}  old/disk.img\n`, "has 2 different SHA-256 of 'disk.img'; leave one line, or set 'sha256' instead"],
    ['is too large', ' '.repeat(1024 * 1024 + 1), "has 1048577 bytes, and at most 1048576 are read; check 'sha256SumsKey'"],
  ])('that %s is refused before a snapshot is started', async (_, text, message) => {
    await start();
    await givenSums(text);
    await expect(world.stack().deploy(pinned)).rejects.toThrow(message);
    expect(world.server.count('ebs:StartSnapshot')).toBe(0);
  });

  test('that is missing is refused before a snapshot is started', async () => {
    await start();
    await expect(world.stack().deploy(pinned)).rejects.toThrow('checksum file s3://images/SHA256SUMS does not exist');
    expect(world.server.count('ebs:StartSnapshot')).toBe(0);
  });
});
