import { createHash } from 'node:crypto';
import type { ChecksumAlgorithm } from '@aws-sdk/client-s3';
import { OWNERSHIP_TAGS, PARENT_TAG } from '../../../src/contract/ownership';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { uploadInParts } from '../../../world/emulator/s3/upload';
import { disk, IMAGES, properties, TRANSFERS } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld, type EbsHandlerWorldOptions } from '../../harness/ebs/ebs-handler-world';
import { machineProperties } from '../../harness/ebs/machine-stack';
import { Stack } from '../../harness/stack';

let world: EbsHandlerWorld;
let stack: Stack;
let image: Buffer;
/** Of the first import. */
let old: string;
/** Where the second version differs from the first: block 0 is zeros now, block 4 has another byte, and block 9 is new. */
const CHANGED = [0, 4, 9];

async function start(options?: EbsHandlerWorldOptions, first: Record<string, unknown> = {}): Promise<void> {
  world = await EbsHandlerWorld.start({ rangeBlocks: 4, ...options });
  stack = world.stack();
  image = disk(9 * BLOCK_SIZE);
  await world.s3.put(IMAGES, 'disk.img', image);
  old = (await stack.deploy(properties(first))).SnapshotId;
  image = Buffer.concat([image, Buffer.alloc(7)]);
  image.fill(0, 0, BLOCK_SIZE);
  image[4 * BLOCK_SIZE + 77] += 1;
  await world.s3.put(IMAGES, 'disk.img', image);
  // Nothing says that ranges stay as they were.
  Object.assign((world as any).options, { rangeBlocks: 3 });
}

const second = (more: Record<string, unknown> = {}) => properties({ SourceRevision: '2', ...more });
const written = (id: string) => world.ebs.snapshot(id)!.writtenIndexes;
const objectsOf = (id: string) => world.transferObjects.filter(name => name.startsWith(`transfers/${id}/`));
const said = (event: string) => jest.mocked(console.log).mock.calls
  .map(([line]) => JSON.parse(line) as Record<string, unknown>)
  .filter(line => line.event === event);
describe('a new version of the image', () => {
  afterEach(() => world.close());

  test('writes only the blocks that differ, zeros included, and then deletes the old snapshot', async () => {
    await start();
    const { SnapshotId, ParentSnapshotId } = await stack.deploy(second({ Verify: 'FULL' }));

    expect(ParentSnapshotId).toBe(old);
    expect(written(SnapshotId)).toEqual(CHANGED);
    expect(world.ebs.snapshot(SnapshotId)!.putCount).toBe(CHANGED.length);
    expect(world.snapshotIds).toEqual([SnapshotId]);
    expect(objectsOf(old)).toEqual([]);
    world.expectContent(SnapshotId, image);
    // Not only what was put is read back.
    expect(said('batch verified').reduce((sum, { read }) => sum + (read as number), 0)).toBe(10);
  });

  test('writes no block if nothing differs', async () => {
    await start();
    await world.s3.put(IMAGES, 'disk.img', disk(9 * BLOCK_SIZE));
    const { SnapshotId } = await stack.deploy(second());
    expect(world.ebs.snapshot(SnapshotId)).toMatchObject({ putCount: 0, parentSnapshotId: old });
    world.expectContent(SnapshotId, disk(9 * BLOCK_SIZE));
  });

  test('overwrites with zeros what a larger old image has behind its end', async () => {
    await start({}, { VolumeSize: 1 });
    image = disk(9 * BLOCK_SIZE).subarray(0, 3 * BLOCK_SIZE - 5);
    await world.s3.put(IMAGES, 'disk.img', image);
    const { SnapshotId } = await stack.deploy(second({ VolumeSize: 1 }));
    // Of the old blocks, 4 and 7 were zeros already, and so was all but the beginning of block 2's end.
    expect(written(SnapshotId)).toEqual([2, 3, 5, 6, 8]);
    world.expectContent(SnapshotId, image);
    expect(world.ebs.snapshot(SnapshotId)!.presentIndexes).toHaveLength(9);
  });

  test('is verified where it was inherited, too', async () => {
    await start();
    world.tamper(old, 6, Buffer.alloc(BLOCK_SIZE, 'rotten'));
    await expect(stack.deploy(second({ Verify: 'FULL' }))).rejects.toThrow(/reads back another block 6 than was written/);
    expect(world.snapshotIds).toEqual([old]);
  });

  test.each(['old', 'new'] as const)('that is rolled back keeps the old snapshot as the parent of the next increment (%s id)', async rollbackWith => {
    await start();
    await expect(stack.deploy(second(), { failAfter: true, rollbackWith })).rejects.toThrow('another resource failed');
    expect(stack.physicalId).toBe(old);
    const { SnapshotId, ParentSnapshotId } = await stack.deploy(properties({ SourceRevision: '3' }));
    expect(ParentSnapshotId).toBe(old);
    expect(written(SnapshotId)).toEqual(CHANGED);
    world.expectContent(SnapshotId, image);
  });

  test('whose event is delivered twice makes one snapshot', async () => {
    await start();
    stack.deliveries = 2;
    const { SnapshotId } = await stack.deploy(second());
    expect(written(SnapshotId)).toEqual(CHANGED);
    expect(world.snapshotIds).toEqual([SnapshotId]);
  });

  test('keeps its parent in its attributes and tags through later updates', async () => {
    await start();
    const first = await stack.deploy(second());
    expect(await stack.deploy(second({ Tags: [{ Key: 'a', Value: 'b' }], Incremental: false }))).toEqual(first);
    expect(world.ebs.snapshot(first.SnapshotId)!.tags[PARENT_TAG]).toBe(old);
  });
});

describe('a new version of an image that was uploaded in parts', () => {
  const MIB = 1024 * 1024;
  /** No part ends where a block does. */
  const PART = 5 * MIB + 1000;
  const large = (changed?: number) => {
    const bytes = disk(30 * BLOCK_SIZE + 7);
    if (changed !== undefined) { bytes[changed] += 1; }
    return bytes;
  };
  const upload = (bytes: Buffer, { part = PART, algorithm = 'SHA256' as ChecksumAlgorithm } = {}) => uploadInParts(
    world.server.url, IMAGES, 'disk.img', Array.from({ length: Math.ceil(bytes.length / part) }, (_, i) => bytes.subarray(i * part, (i + 1) * part)), algorithm,
  );
  let revision = 0;

  /** Imports what was uploaded; answers with the blocks that were read, and those that were put. */
  async function expectImported(more: Record<string, unknown> = {}): Promise<{ read: number; put: readonly number[] }> {
    const { content } = world.s3.object(IMAGES, 'disk.img')!;
    const read = world.readsOf(IMAGES, 'disk.img');
    const { SnapshotId } = await stack.deploy(properties({ SourceRevision: `${++revision}`, ...more }));
    // Reading the first bytes, and the last ones, tells the format.
    const blocks = Math.floor(read.bytes / BLOCK_SIZE);
    const bytes = await content.read(0, content.size);
    const put = written(SnapshotId);
    world.expectContent(SnapshotId, bytes, { omitted: more.ZeroBlocks === 'OMIT' ? Array.from({ length: 31 }, (_, i) => i).filter(i => i % 3 === 1) : [] });
    return { read: blocks, put };
  }

  beforeEach(async () => {
    world = await EbsHandlerWorld.start({ rangeBlocks: 8 });
    stack = world.stack();
    await upload(large());
  });
  afterEach(() => world.close());

  test('is read only where a part has another SHA-256, although the old object is gone', async () => {
    expect(await expectImported()).toMatchObject({ read: 30 });
    await upload(large(12 * BLOCK_SIZE));
    // Blocks 10 and 20 lie in parts that are what they were, and in one that is not.
    expect(await expectImported({ Verify: 'FULL' })).toEqual({ read: 11, put: [12] });
    expect(said('range copied').reduce((sum, { unread }) => sum + (unread as number), 0)).toBe(31 - 11);
    // An increment has a list of its own parts.
    await upload(large());
    expect(await expectImported()).toEqual({ read: 11, put: [12] });
  });

  test('is read where the old import left zeros out', async () => {
    await expectImported({ ZeroBlocks: 'OMIT' });
    expect(await expectImported()).toEqual({ read: 10, put: [1, 4, 7, 10, 13, 16, 19, 22, 25, 28] });
  });

  test('is read as a whole where S3 proves nothing', async () => {
    await expectImported();
    const all = { read: 30, put: [] };
    await upload(large(), { algorithm: 'CRC32' });
    expect(await expectImported()).toEqual(all);
    await upload(large());
    world.denied.push('s3:GetObjectAttributes');
    expect(await expectImported()).toEqual(all);
    expect(said('cannot tell which parts of the image changed')).toHaveLength(1);
    world.denied.length = 0;
    // Of the old one, nobody knows.
    expect(await expectImported()).toEqual(all);
    // The same bytes, but in other parts.
    await upload(large(), { part: PART + 1 });
    expect(await expectImported()).toEqual(all);
  });
});

describe('the whole image is written, and the log says why,', () => {
  let revision = 2;

  /** Each goes on where the one before ended, in the same world. */
  async function expectFull(more: Record<string, unknown>, because: RegExp): Promise<void> {
    jest.mocked(console.log).mockClear();
    const { SnapshotId, ParentSnapshotId } = await stack.deploy(properties({ SourceRevision: `${++revision}`, ...more }));
    expect(ParentSnapshotId).toBe('');
    expect(world.ebs.snapshot(SnapshotId)!.parentSnapshotId).toBeUndefined();
    world.expectContent(SnapshotId, image, { omitted: more.ZeroBlocks === 'OMIT' ? [0, 1, 7, 9] : [] });
    expect(said('full import')).toEqual([expect.objectContaining({ because: expect.stringMatching(because) as string, instead: old })]);
    expect(world.snapshotIds).toEqual([SnapshotId]);
  }
  const remove = (name: string) => world.s3.buckets.get(TRANSFERS)!.remove(`transfers/${old}/${name}`, 'null');
  const change = async (name: string, how: (content: Buffer) => Buffer | string) => {
    const { content } = world.s3.object(TRANSFERS, `transfers/${old}/${name}`)!;
    await world.s3.put(TRANSFERS, `transfers/${old}/${name}`, how(await content.read(0, content.size)));
  };

  beforeAll(() => start());
  beforeEach(() => { old = stack.physicalId!; });
  afterEach(() => {
    world.ec2.encryptionByDefault = false;
    world.denied.length = 0;
  });
  afterAll(() => world.close());

  test.each<[string, Record<string, unknown>, RegExp]>([
    ['if it is switched off', { Incremental: false }, /'incremental' is false/],
    ['if zeros are left out', { ZeroBlocks: 'OMIT' }, /'zeroBlocks' is OMIT/],
    ['if only the new snapshot is encrypted', { Encrypted: true }, /is not encrypted, and the new one encrypted with/],
    ['if only the old snapshot is encrypted', {}, /is encrypted with .*, and the new one not encrypted/],
  ])('%s', (_, more, because) => expectFull(more, because));

  test('if the volume shrinks', async () => {
    old = (await stack.deploy(properties({ VolumeSize: 2 }))).SnapshotId;
    await expectFull({ VolumeSize: 1 }, /has 2 GiB, which is more than 1/);
  });

  test.each<[string, () => unknown, RegExp]>([
    ['if the manifest is lost', () => remove('manifest.json'), /its manifest is missing/],
    ['if the plan is lost', () => remove('plan.json'), /its manifest is missing/],
    ['if a part of the digests is lost', () => remove('digests/1'), /a part of its manifest is missing/],
    ['if a digest is another one', () => change('digests/1', bytes => { const other = Buffer.from(bytes); other[5] += 1; return other; }), /does not match its checksum/],
    ['if the manifest is another snapshot\'s', () => change('manifest.json', text => text.toString().replace(/snap-\w+/, 'snap-0123')), /that of snapshot snap-0123/],
    ['if the old snapshot is gone', () => world.ec2.snapshots.remove(old), /no longer exists/],
    ['if nobody may ask how the account encrypts', () => world.denied.push('ec2:GetEbsEncryptionByDefault'), /GetEbsEncryptionByDefault failed/],
    ['if EBS refuses the parent', () => world.server.faults.inject('ebs:StartSnapshot', {
      kind: 'error', code: 'ValidationException', status: 400, message: 'no such parent', members: { Reason: 'INVALID_SNAPSHOT_ID' },
    }), /ebs:StartSnapshot failed .* with parent snap-\w+: .*no such parent/],
    ['if the account encrypts by default meanwhile', () => { world.ec2.encryptionByDefault = true; }, /is not encrypted/],
  ])('%s', async (_, happens, because) => {
    await happens();
    await expectFull({}, because);
  });

  test('if the key is another one, but not if the same key is named by its alias', async () => {
    const [one, other] = [world.kms.createKey(), world.kms.createKey()];
    world.kms.createAlias('alias/one', one.keyId);
    const first = await stack.deploy(second({ KmsKeyId: one.arn }));
    const same = await stack.deploy(second({ KmsKeyId: 'alias/one' }));
    expect(same.ParentSnapshotId).toBe(first.SnapshotId);
    expect((await stack.deploy(second({ KmsKeyId: other.arn }))).ParentSnapshotId).toBe('');
    expect(world.ebs.snapshot(stack.physicalId!)!.kmsKeyId).toBe(other.arn);
  });
});

describe('an old snapshot that is deleted while it is the parent of a running import', () => {
  const background = () => second({ WaitForCompletion: false });
  const ended = () => world.clock.sleep(900_000);
  afterEach(() => world.close());

  test.each([true, false])('stays until the import is completed, and then goes with its manifest (with the rule: %s)', async rule => {
    await start({ rule, ebs: { completionDelay: 60_000 } });
    const { SnapshotId } = await stack.deploy(background());

    expect(world.ebs.snapshot(SnapshotId)!.state).toBe('pending');
    expect(world.snapshotIds).toEqual([old, SnapshotId]);
    expect(objectsOf(old)).toContain(`transfers/${old}/manifest.json`);
    await ended();
    expect(world.snapshotIds).toEqual([SnapshotId]);
    expect(objectsOf(old)).toEqual([]);
    expect(written(SnapshotId)).toEqual(CHANGED);
    world.expectContent(SnapshotId, image);
  });

  test('does not fail the import if it cannot be released, and goes when Lambda runs the clean-up again', async () => {
    let broken = false;
    await start({
      rule: true,
      ebs: { completionDelay: 60_000 },
      around: async (name, work) => {
        if (name === 'cleanUp' && broken) { throw Object.assign(new Error('Rate Exceeded.'), { name: 'Lambda.TooManyRequestsException' }); }
        if (name === 'ended') { broken = false; }
        return world.run(work);
      },
    });
    broken = true;
    const { SnapshotId } = await stack.deploy(background());
    await ended();
    expect(broken).toBe(false);
    expect(world.snapshotIds).toEqual([SnapshotId]);
    world.expectContent(SnapshotId, image);
  });

  test('goes when the import fails', async () => {
    await start({ rule: true });
    world.denied.push('ebs:PutSnapshotBlock');
    await stack.deploy(background());
    await ended();
    expect(world.snapshotIds).toEqual([]);
    // Why it failed is kept for whoever asks.
    await stack.destroy();
    world.expectNothingLeft();
  });

  test('goes when the new snapshot is deleted', async () => {
    await start({ ebs: { completionDelay: 60_000 } });
    await stack.deploy(background());
    await stack.destroy();
    world.expectNothingLeft();
  });

  test('goes although the import ends just when it is condemned', async () => {
    await start({ ebs: { completionDelay: 60_000 } });
    world.server.faults.before('ec2:CreateTags', () => world.clock.advance(900_000), { times: Infinity });
    const event = stack.event('Update', background(), { PhysicalResourceId: old, OldResourceProperties: properties() });
    const { id } = await stack.play(event);
    await stack.play(stack.event('Delete', properties(), { PhysicalResourceId: old }));
    await ended();
    expect(world.snapshotIds).toEqual([id]);
    expect(objectsOf(old)).toEqual([]);
  });

  describe('and that a machine image uses', () => {
    const another = (type: string, logicalId: string) => Object.assign(
      new Stack(world.clock, world.handlers, type, logicalId, undefined, stack.stackId),
      { onStatus: (status: string) => world.stacks.statuses.set(stack.stackId, status) });
    let child: Stack;
    let machine: Stack;
    let foreign: string;

    /** The parent is gone for CloudFormation; its child is completed by now. */
    async function given(): Promise<void> {
      await start({ ebs: { completionDelay: 150_000 } });
      [child, machine] = [another('Custom::SnapshotImport', 'Child'), another('Custom::MachineImage', 'Machine')];
      await machine.deploy(machineProperties(old, { RetainPrevious: 1 }));
      foreign = await world.givenSnapshot({});
      await world.clock.sleep(150_000);
      await child.deploy(properties({ ParentSnapshotId: old, WaitForCompletion: false }));
      await machine.deploy(machineProperties(foreign, { RetainPrevious: 1 }));
      await stack.destroy();
      await ended();
      expect(world.snapshotIds.sort()).toEqual([old, foreign, child.physicalId!].sort());
    }

    test.each(['the child', 'the image'])('stays until child and image are gone, and holds up neither: %s goes first', async first => {
      await given();
      if (first === 'the child') {
        await child.destroy();
        expect(world.snapshotIds.sort()).toEqual([old, foreign].sort());
      }
      await machine.destroy();
      if (first === 'the image') {
        expect(world.snapshotIds.sort()).toEqual([foreign, child.physicalId!].sort());
        await child.destroy();
      }
      expect(world.snapshotIds).toEqual([foreign]);
      expect(world.transferObjects).toEqual([]);
    });

    test('is named in the error with the image if somebody else registered that', async () => {
      await given();
      const { imageId } = world.ec2.images.register({ ...world.ec2.images.all[0], name: 'of others', tags: {} });
      await machine.destroy();
      await expect(child.destroy()).rejects.toThrow(`snapshot ${old} cannot be deleted while ${imageId} uses it`);
      expect(world.snapshotIds).toContain(child.physicalId);
      world.ec2.images.deregister(imageId);
      await child.destroy();
      expect(world.snapshotIds).toEqual([foreign]);
    });
  });

  test('is not taken up again by an update back to its properties, which makes another snapshot', async () => {
    await start({ ebs: { completionDelay: 60_000 } });
    await stack.deploy(background());
    const { SnapshotId, ParentSnapshotId } = await stack.deploy(properties());
    expect([SnapshotId, ParentSnapshotId]).toEqual([expect.not.stringMatching(old), '']);
    await ended();
    expect(world.snapshotIds).toEqual([SnapshotId]);
  });

  test('is not taken up again by an update back to the ETag of its image', async () => {
    const pinned = { SourceETag: `"${createHash('md5').update(disk(9 * BLOCK_SIZE)).digest('hex')}"` };
    await start({ ebs: { completionDelay: 60_000 } }, pinned);
    const { SnapshotId } = await stack.deploy(background());
    await expect(stack.deploy(properties(pinned))).rejects.toThrow('image s3://images/disk.img');
    expect(stack.physicalId).toBe(SnapshotId);
    await ended();
    expect(world.snapshotIds).toEqual([SnapshotId]);
  });

  describe('of another stack', () => {
    let other: Stack;

    async function given(): Promise<void> {
      await start({ ebs: { completionDelay: 60_000 } });
      other = world.stack('Other');
      await other.deploy(properties({ WaitForCompletion: false, ParentSnapshotId: old, SourceRevision: 'x' }));
      world.stacks.resources.set(other.physicalId!, { stackId: other.stackId, logicalId: 'Image', type: 'Custom::SnapshotImport' });
    }

    const inUse = () =>
      `snapshot ${old} cannot be deleted while ${other.stackId} imports ${other.physicalId} with it as the parent; delete it again when that import has ended`;

    test('stays, its deletion names the other snapshot and stack at once, and succeeds when the import has ended', async () => {
      await given();
      const before = world.clock.now();
      await expect(stack.destroy()).rejects.toThrow(inUse());
      expect(world.clock.now() - before).toBeLessThan(120_000);
      expect(world.snapshotIds).toEqual([old, other.physicalId]);
      await ended();
      await stack.destroy();
      expect(world.snapshotIds).toEqual([other.physicalId]);
      world.expectContent(other.physicalId!, image);
    });

    test('stays if CloudFormation does not say whether the other stack has the import', async () => {
      await given();
      world.stacks.broken = true;
      await expect(stack.destroy()).rejects.toThrow(inUse());
      expect(world.snapshotIds).toEqual([old, other.physicalId]);
    });

    test('goes with a later deletion, although CloudFormation has forgotten it', async () => {
      await given();
      // CloudFormation tries to delete what was replaced three times, and then leaves it.
      await expect(stack.deploy(background())).rejects.toThrow(inUse());
      await ended();
      expect(world.snapshotIds.sort()).toEqual([old, other.physicalId, stack.physicalId].sort());
      await stack.deploy(properties({ SourceRevision: '3' }));
      expect(world.snapshotIds.sort()).toEqual([other.physicalId, stack.physicalId].sort());
      expect(objectsOf(old)).toEqual([]);
    });
  });
});

describe('a pending snapshot that somebody planted with the tag of a child', () => {
  afterEach(() => world.close());

  test.each([
    ['without a stack', () => ({})],
    ['of this stack, which has no record of it', () => ({ [OWNERSHIP_TAGS.stackId]: stack.stackId, [OWNERSHIP_TAGS.logicalId]: 'Image' })],
    ['of a stack that does not have it', () => ({ [OWNERSHIP_TAGS.stackId]: world.stack('Other').stackId, [OWNERSHIP_TAGS.logicalId]: 'Image' })],
  ])('does not keep the parent from being deleted: %s', async (_, tags) => {
    await start();
    const Tags = Object.entries({ ...tags(), [PARENT_TAG]: old }).map(([Key, Value]) => ({ Key, Value }));
    const planted = await world.givenSnapshot({}, { Tags, Timeout: 4_320 }, false);
    await stack.destroy();
    expect(world.snapshotIds).toEqual([planted]);
    expect(objectsOf(old)).toEqual([]);
  });
});

test('a snapshot that an AMI of another stack used goes with a later deletion, although CloudFormation has forgotten it', async () => {
  await start();
  const machine = new Stack(world.clock, world.handlers, 'Custom::MachineImage', 'Machine', 'Other');
  const { ImageId } = await machine.deploy(machineProperties(old));
  await expect(stack.deploy(second())).rejects.toThrow(`snapshot ${old} cannot be deleted while ${ImageId} uses it`);
  expect(world.snapshotIds).toContain(old);
  // A repeated Delete does not pass the refusal over.
  await expect(stack.abandon()).rejects.toThrow(`snapshot ${old} cannot be deleted while ${ImageId} uses it`);
  await machine.destroy();
  await stack.destroy();
  expect(world.snapshotIds).toEqual([]);
  expect(objectsOf(old)).toEqual([]);
  await world.close();
});
