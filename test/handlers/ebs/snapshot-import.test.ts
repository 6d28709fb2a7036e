import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { SSE_C } from '../../../world/emulator/s3/request';
import { disk, IMAGES, properties } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld, type EbsHandlerWorldOptions } from '../../harness/ebs/ebs-handler-world';

let world: EbsHandlerWorld;

async function start(options?: EbsHandlerWorldOptions, image = disk(3 * BLOCK_SIZE + 1)): Promise<Buffer> {
  world = await EbsHandlerWorld.start(options);
  await world.s3.put(IMAGES, 'disk.img', image);
  return image;
}

afterEach(() => world.close());

describe('an import', () => {
  test.each([
    ['one byte', 1],
    ['one block', BLOCK_SIZE],
    ['several blocks, less one byte', 3 * BLOCK_SIZE - 1],
    ['several blocks', 3 * BLOCK_SIZE],
    ['several blocks and one byte', 3 * BLOCK_SIZE + 1],
    ['several parts in several ranges', 40 * BLOCK_SIZE + 12_345],
  ])('of %s reads back byte for byte, zeros included', async (_, size) => {
    const image = await start({ rangeBlocks: 11 }, disk(size));

    // One byte has no room for a boot signature.
    const { SnapshotId, VolumeSize } = await world.stack().deploy(properties({ SourceFormat: size === 1 ? 'RAW' : undefined }));

    expect(VolumeSize).toBe('1');
    world.expectContent(SnapshotId, image);
    expect(world.snapshotIds).toEqual([SnapshotId]);
    expect(world.invocations.copy).toBe(Math.ceil(Math.ceil(size / BLOCK_SIZE) / 11));
  });

  test('carries description, user tags and ownership tags from the start', async () => {
    await start();
    const stack = world.stack();

    const { SnapshotId } = await stack.deploy(properties({ Description: 'a disk', Tags: [{ Key: 'team', Value: 'storage' }] }));

    const { tags } = world.ebs.snapshot(SnapshotId)!;
    expect(world.ec2.snapshots.get(SnapshotId).description).toBe('a disk');
    expect(tags).toMatchObject({ team: 'storage', [OWNERSHIP_TAGS.stackId]: stack.stackId, [OWNERSHIP_TAGS.logicalId]: 'Image' });
    expect(tags[OWNERSHIP_TAGS.requestId]).toBeDefined();
    expect(world.server.count('ec2:CreateTags')).toBe(0);
  });

  test('makes a volume as large as wanted', async () => {
    const image = await start();
    const { SnapshotId, VolumeSize } = await world.stack().deploy(properties({ VolumeSize: 8 }));
    expect(VolumeSize).toBe('8');
    world.expectContent(SnapshotId, image);
  });

  test('reads the version that was current at the start, whatever comes after it', async () => {
    world = await EbsHandlerWorld.start();
    world.s3.createBucket('versions', { versioned: true });
    const image = disk(2 * BLOCK_SIZE, 'first');
    await world.s3.put('versions', 'disk.img', image);
    const stack = world.stack();
    const event = stack.event('Create', properties({ SourceBucket: 'versions' }));

    const started = await world.handlers.act(event);
    await world.s3.put('versions', 'disk.img', disk(2 * BLOCK_SIZE, 'second'));
    world.handlers.act = async () => started;
    const { id } = await stack.play(event);

    world.expectContent(id, image);
  });

  test('reads the version that the user names', async () => {
    world = await EbsHandlerWorld.start();
    world.s3.createBucket('versions', { versioned: true });
    const image = disk(2 * BLOCK_SIZE, 'first');
    const { versionId } = await world.s3.put('versions', 'disk.img', image);
    await world.s3.put('versions', 'disk.img', disk(BLOCK_SIZE, 'second'));

    const { SnapshotId } = await world.stack().deploy(properties({ SourceBucket: 'versions', SourceVersion: versionId }));

    world.expectContent(SnapshotId, image);
  });

  test('outlives EBS hosts that do not know the snapshot for two minutes', async () => {
    const image = await start({ ebs: { startWindow: 120_000, startMisses: 0.9 } });
    const { SnapshotId } = await world.stack().deploy(properties());
    world.expectContent(SnapshotId, image);
  });

  test('delivered twice makes one snapshot', async () => {
    const image = await start();
    const stack = world.stack();
    stack.deliveries = 2;
    const { SnapshotId } = await stack.deploy(properties());
    expect(world.snapshotIds).toEqual([SnapshotId]);
    world.expectContent(SnapshotId, image);
  });

  test('delivered again after the image has grown into another size says so, and leaves nothing', async () => {
    await start();
    const stack = world.stack();
    const event = stack.event('Create', properties());
    await world.handlers.act(event);
    // As large as 2 GiB, without the bytes.
    const { content } = world.s3.object(IMAGES, 'disk.img')!;
    Object.assign(content, { size: 2 * 1024 ** 3 });

    await expect(world.handlers.act(event)).rejects.toThrow('image s3://images/disk.img was replaced while its import was being started');
    world.expectNothingLeft();
  });

  test('goes on where a worker ran out of time', async () => {
    let invocations = 0;
    // The first invocations have time for a single part.
    const image = await start({ remaining: () => { const late = ++invocations < 3; return () => late ? 10_000 : 900_000; } }, disk(40 * BLOCK_SIZE));

    const { SnapshotId } = await world.stack().deploy(properties());

    expect(world.invocations.copy).toBe(3);
    world.expectContent(SnapshotId, image);
    expect(world.ebs.snapshot(SnapshotId)!.putCount).toBe(40);
  });
});

describe('what cannot be imported is refused before anything is made', () => {
  const refused = async (more: Record<string, unknown>, message: string | RegExp) => {
    await expect(world.stack().deploy(properties(more))).rejects.toThrow(message);
    expect(world.server.count('ebs:StartSnapshot')).toBe(0);
    world.expectNothingLeft();
  };
  /** An object of any size, without its bytes. */
  const pretend = (size: number) => Object.assign(world.s3.object(IMAGES, 'disk.img')!.content, { size });

  beforeEach(() => start());

  test('a missing image', () => refused({ SourceKey: 'no.img' }, 'image s3://images/no.img does not exist'));
  test('an image whose key is an address or a path', async () => {
    await refused({ SourceKey: 's3://images/disk.img' }, "does not exist: its key begins with 's3://', but only what follows the bucket is the key");
    await refused({ SourceKey: '/disk.img' }, "image s3://images//disk.img does not exist: its key begins with '/', which is a part of the key in S3");
  });
  test('an object that S3 gives only to those who send its key', async () => {
    await world.s3.put(IMAGES, 'disk.img', disk(BLOCK_SIZE), { [SSE_C]: 'AES256' });
    await refused({}, 'image s3://images/disk.img cannot be read: S3 calls the request invalid; an object that is encrypted with a key of the client (SSE-C) '
      + 'must be copied with another encryption');
  });
  test('a missing bucket', () => refused({ SourceBucket: 'no-bucket' }, 'image s3://no-bucket/disk.img does not exist'));
  test('a missing version', async () => {
    world.s3.createBucket('versions', { versioned: true });
    const { versionId } = await world.s3.put('versions', 'disk.img', 'x');
    world.s3.buckets.get('versions')!.remove('disk.img', versionId);
    await refused({ SourceBucket: 'versions', SourceVersion: versionId }, `image s3://versions/disk.img (version ${versionId}) does not exist`);
  });
  test('an image that may not be read', async () => {
    world.denied.push('s3:GetObject');
    await refused({}, /image s3:\/\/images\/disk.img cannot be read: access is denied \(it needs s3:GetObject/);
  });
  test('an image that S3 refuses for another reason than a denial', async () => {
    world.server.faults.inject('s3:GetObject', { kind: 'error', code: 'InvalidChunkSizeError', status: 403, message: 'in its own words' });
    await refused({}, /cannot be read: InvalidChunkSizeError: in its own words/);
  });
  test('an image whose key leads out of the bucket', async () => {
    await refused({ SourceKey: 'a/../../disk.img' },
      "image s3://images/a/../../disk.img cannot be read: S3 does not accept this key, which has '.' or '..' between slashes; copy the image to another key");
  });
  test('an empty image', async () => {
    await world.s3.put(IMAGES, 'empty.img', '');
    await refused({ SourceKey: 'empty.img' }, 'image s3://images/empty.img is empty');
  });
  test('an image that is larger than the volume', async () => {
    pretend(4 * 1024 ** 3 + 1);
    await refused({ VolumeSize: 4 }, "'volumeSize' is 4 GiB, but the image s3://images/disk.img needs 5 GiB");
  });
  test('an image that is larger than any volume', async () => {
    pretend(64 * 1024 ** 4 + 1);
    await refused({}, 'image s3://images/disk.img has 65537 GiB, but no volume is larger than 65536 GiB');
  });
  test('an image that cannot be copied in time', async () => {
    pretend(3_000_001 * BLOCK_SIZE);
    await refused({}, /3000001 blocks of 512 KiB at 900 a second need at least 56 minutes, and an import may take 50; set 'waitForCompletion' to false/);
  });
  test('an archived image', async () => {
    await world.s3.put(IMAGES, 'cold.img', 'x', { 'x-amz-storage-class': 'DEEP_ARCHIVE' });
    await refused({ SourceKey: 'cold.img' }, 'image s3://images/cold.img is archived (DEEP_ARCHIVE); restore it first');
  });
  test('a volume size that is none', () => refused({ VolumeSize: 70_000 }, "'volumeSize' must be a whole number of GiB from 1 to 65536, got 70000"));
  test('a key that does not exist', () => refused({ KmsKeyId: 'alias/nobody' }, "'kmsKey' alias/nobody cannot be used: NotFoundException"));
  test('a key that is disabled', async () => {
    const { keyId } = world.kms.createKey();
    world.kms.setEnabled(keyId, false);
    await refused({ KmsKeyId: keyId }, `'kmsKey' ${keyId} cannot be used: it is Disabled`);
  });

  test('but an image that can just be copied in time is not', async () => {
    pretend(2_700_000 * BLOCK_SIZE);
    await world.handlers.act(world.stack().event('Create', properties()));
    expect(world.snapshotIds).toHaveLength(1);
  });

  test('and an archived image that is restored is not', async () => {
    await world.s3.put(IMAGES, 'cold.img', Buffer.alloc(1), {
      'x-amz-storage-class': 'GLACIER', 'x-amz-restore': 'ongoing-request="false", expiry-date="Fri, 01 Jan 2027 00:00:00 GMT"',
    });
    await world.stack().deploy(properties({ SourceKey: 'cold.img' }));
  });
});

test.each(['taken', 'refused'] as const)('keys with the segments . and .. are imported where S3 takes them, and the error says so where not: %s', async dotSegments => {
  const image = await start({ s3: { dotSegments } });
  const key = './releases/../disk.img';
  await world.s3.put(IMAGES, key, image);
  const deployed = world.stack().deploy(properties({ SourceKey: key }));
  if (dotSegments === 'refused') {
    await expect(deployed).rejects.toThrow(`image s3://images/${key} cannot be read: S3 does not accept this key`);
    return world.expectNothingLeft();
  }
  world.expectContent((await deployed).SnapshotId, image);
  expect(world.transferObjects.filter(name => name.split('/').some(segment => /^\.\.?$/.test(segment)))).toEqual([]);
});

test('a function whose clock is wrong by 20 minutes signs again with the time of the services', async () => {
  const image = await start();
  world.server.clocksAhead = 20 * 60_000;
  const { SnapshotId } = await world.stack().deploy(properties());
  world.expectContent(SnapshotId, image);
});

describe('encryption', () => {
  const keyOf = (id: string) => world.ebs.snapshot(id)!.kmsKeyId;
  let image: Buffer;
  beforeEach(async () => { image = await start(); });

  test('is off if the account says so', async () => {
    const { SnapshotId } = await world.stack().deploy(properties({ Encrypted: false }));
    expect(keyOf(SnapshotId)).toBeUndefined();
  });
  test('uses the default key if only encrypted is given', async () => {
    const { SnapshotId } = await world.stack().deploy(properties({ Encrypted: true }));
    expect(keyOf(SnapshotId)).toBe(world.ec2.defaultKmsKeyArn);
    world.expectContent(SnapshotId, image);
  });
  test('follows the account\'s default, which refuses a false', async () => {
    world.ec2.encryptionByDefault = true;
    const { SnapshotId } = await world.stack().deploy(properties({ Encrypted: false }));
    expect(keyOf(SnapshotId)).toBe(world.ec2.defaultKmsKeyArn);
  });
  test.each(['id', 'alias', 'ARN'])('uses a key that is named by its %s', async form => {
    const key = world.kms.createKey();
    world.kms.createAlias('alias/disks', key.keyId);
    const name = { id: key.keyId, alias: 'alias/disks', ARN: key.arn }[form];
    const { SnapshotId } = await world.stack().deploy(properties({ KmsKeyId: name, Encrypted: true }));
    expect(keyOf(SnapshotId)).toBe(key.arn);
    world.expectContent(SnapshotId, image);
  });
});

describe('an update', () => {
  const v1 = properties({ Tags: [{ Key: 'a', Value: '1' }, { Key: 'b', Value: '1' }] });
  let image: Buffer;
  beforeEach(async () => {
    image = await start();
    await world.s3.put(IMAGES, 'v2.img', disk(5 * BLOCK_SIZE, 'v2'));
  });

  test('of tags changes them in place, and never looks at the image', async () => {
    const stack = world.stack();
    const first = await stack.deploy(v1);
    const reads = world.server.calls.filter(call => call.operation.startsWith('s3:')).length;
    const ownership = world.ebs.snapshot(first.SnapshotId)!.tags[OWNERSHIP_TAGS.requestId];
    world.s3.buckets.get(IMAGES)!.remove('disk.img', 'null');

    const second = await stack.deploy(properties({ Tags: [{ Key: 'b', Value: '2' }, { Key: 'c', Value: '3' }] }));

    expect(second).toEqual(first);
    const { tags } = world.ebs.snapshot(first.SnapshotId)!;
    expect(tags).toMatchObject({ b: '2', c: '3', [OWNERSHIP_TAGS.requestId]: ownership });
    expect(tags).not.toHaveProperty('a');
    expect(world.server.calls.filter(call => call.operation.startsWith('s3:'))).toHaveLength(reads);
  });

  test.each([
    ['image', { SourceKey: 'v2.img' }],
    ['revision', { SourceRevision: '2' }],
    ['volume size', { VolumeSize: 2 }],
    ['description', { Description: 'other' }],
    ['encryption', { Encrypted: true }],
  ])('of the %s makes a new snapshot, then deletes the old one', async (_, change) => {
    const stack = world.stack();
    const first = await stack.deploy(v1);
    const second = await stack.deploy({ ...v1, ...change });
    expect(second.SnapshotId).not.toBe(first.SnapshotId);
    expect(world.snapshotIds).toEqual([second.SnapshotId]);
    expect(world.transferObjects.every(key => key.startsWith(`transfers/${second.SnapshotId}/`))).toBe(true);
  });

  test('that sends a default which was absent before replaces nothing', async () => {
    const stack = world.stack();
    const first = await stack.deploy(v1);
    expect(await stack.deploy({ ...v1, Encrypted: false, Description: '' })).toEqual(first);
  });

  test.each(['old', 'new'] as const)('that fails in another resource goes back to the old snapshot (%s id)', async rollbackWith => {
    const stack = world.stack();
    const { SnapshotId } = await stack.deploy(v1);
    await expect(stack.deploy({ ...v1, SourceKey: 'v2.img' }, { failAfter: true, rollbackWith })).rejects.toThrow('another resource failed');
    expect(stack.physicalId).toBe(SnapshotId);
    // The new one was handed out as complete, so it is CloudFormation's to delete; with the old id, this test's never does.
    expect(world.snapshotIds).toEqual(rollbackWith === 'new' ? [SnapshotId] : expect.arrayContaining([SnapshotId]));
    world.expectContent(SnapshotId, image);
  });

  test.each(['old', 'new'] as const)('that fails itself keeps the old snapshot, and nothing else (%s id)', async rollbackWith => {
    const stack = world.stack();
    const { SnapshotId } = await stack.deploy(v1);
    world.denied.push('ebs:PutSnapshotBlock');
    await expect(stack.deploy({ ...v1, SourceKey: 'v2.img' }, { rollbackWith })).rejects.toThrow('ebs:PutSnapshotBlock');
    expect(stack.physicalId).toBe(SnapshotId);
    expect(world.snapshotIds).toEqual([SnapshotId]);
    expect(world.transferObjects.every(key => key.startsWith(`transfers/${SnapshotId}/`))).toBe(true);
  });

  test('that is cancelled before its end is undone', async () => {
    const stack = world.stack();
    const { SnapshotId } = await stack.deploy(v1);
    const v2 = { ...v1, SourceKey: 'v2.img' };
    await world.handlers.act(stack.event('Update', v2, { PhysicalResourceId: SnapshotId, OldResourceProperties: v1 }));
    expect(world.snapshotIds).toHaveLength(2);
    // EC2 lists the new snapshot by then. Before, only the polls of the cancelled update can remove it.
    await world.clock.sleep(10_000);

    const back = await stack.play(stack.event('Update', v1, { PhysicalResourceId: SnapshotId, OldResourceProperties: v2 }));

    expect(back.id).toBe(SnapshotId);
    expect(world.snapshotIds).toEqual([SnapshotId]);
  });
});

describe('a deletion', () => {
  test('leaves nothing, even while the copy runs', async () => {
    await start({ ebs: { startWindow: 60_000, startMisses: 1 } });
    const stack = world.stack();
    const started = await world.handlers.act(stack.event('Create', properties()));
    await world.handlers.poll({ ...stack.event('Create', properties()), ...started });
    expect(world.invocations.plan).toBe(1);

    await stack.play(stack.event('Delete', properties(), { PhysicalResourceId: started.PhysicalResourceId }));
    world.expectNothingLeft();
    const execution = `arn:aws:states:eu-west-1:111122223333:execution:transfer:${started.PhysicalResourceId}`;
    expect(world.states.describe(execution).status).toBe('ABORTED');
  });

  test('succeeds twice, and after the transfer bucket is gone', async () => {
    await start();
    const stack = world.stack();
    await stack.deploy(properties());
    const event = stack.event('Delete', properties(), { PhysicalResourceId: stack.physicalId });
    world.s3.buckets.delete('transfers');
    await stack.play(event);
    await stack.play(event);
    expect(world.snapshotIds).toEqual([]);
  });

  test('leaves another stack\'s snapshot alone', async () => {
    await start();
    const { SnapshotId } = await world.stack().deploy(properties());
    const other = world.stack('Other');
    // Long ago, because a snapshot is deleted only when EC2 lists all that may use it.
    const Since = `${world.clock.now() - 60_000}`;
    await other.play(other.event('Delete', properties(), { PhysicalResourceId: SnapshotId, Since }));
    expect(world.snapshotIds).toEqual([SnapshotId]);
  });

  test('names the AMI that still uses the snapshot', async () => {
    await start();
    const stack = world.stack();
    const { SnapshotId } = await stack.deploy(properties());
    const imageId = world.givenImage('machine', SnapshotId);
    await expect(stack.destroy()).rejects.toThrow(`snapshot ${SnapshotId} cannot be deleted while ${imageId} uses it; deregister ${imageId} first`);
  });

  test('of a retained snapshot that was never completed leaves nothing', async () => {
    await start();
    world.denied.push('ebs:PutSnapshotBlock');
    await expect(world.stack().deploy(properties({ RemovalPolicy: 'Retain' }))).rejects.toThrow('ebs:PutSnapshotBlock');
    world.expectNothingLeft();
  });

  test('whose step died after it had deleted the snapshot removes the record of its transfer too', async () => {
    await start();
    const stack = world.stack();
    const { SnapshotId: PhysicalResourceId } = await stack.deploy(properties());
    expect(world.transferObjects).not.toEqual([]);
    world.ec2.snapshots.remove(PhysicalResourceId);

    await world.handlers.poll(stack.event('Delete', properties(), { PhysicalResourceId }));

    expect(world.transferObjects).toEqual([]);
  });
});

describe('a cancelled creation', () => {
  test('that made a snapshot leaves nothing', async () => {
    await start();
    const stack = world.stack();
    await world.handlers.act(stack.event('Create', properties()));
    await stack.cancel(properties());
    world.expectNothingLeft();
  });

  test('that made nothing is no error, and touches nothing', async () => {
    await start();
    const { SnapshotId } = await world.stack('Other').deploy(properties());
    await world.stack().cancel(properties());
    expect(world.snapshotIds).toEqual([SnapshotId]);
  });

  test('that would be ready before its deletion comes is not handed out', async () => {
    await start();
    const stack = world.stack();
    const event = stack.event('Create', properties());
    const started = { ...event, ...await world.handlers.act(event) };
    world.stacks.statuses.set(stack.stackId, 'ROLLBACK_IN_PROGRESS');
    for (let i = 0; i < 3; i++) {
      expect(await world.handlers.poll(started)).toMatchObject({ IsComplete: false });
      await world.clock.sleep(300_000);
    }
    await stack.cancel(properties());
    world.expectNothingLeft();
  });

  test('in an update makes a snapshot that is not handed out, and that the event of the rollback deletes', async () => {
    await start();
    const stack = world.stack();
    const [before, after] = [properties(), properties({ SourceRevision: '2' })];
    const { SnapshotId } = await stack.deploy(before);
    const event = stack.event('Update', after, { PhysicalResourceId: SnapshotId, OldResourceProperties: before });
    const started = { ...event, ...await world.handlers.act(event) };
    world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
    for (let i = 0; i < 3; i++) {
      await world.clock.sleep(300_000);
      expect(await world.handlers.poll(started)).toMatchObject({ IsComplete: false });
    }
    const back = await stack.play(stack.event('Update', before, { PhysicalResourceId: SnapshotId, OldResourceProperties: after }));
    expect(back.id).toBe(SnapshotId);
    expect(world.snapshotIds).toEqual([SnapshotId]);
  });

  test.each([['during it', 'UPDATE_ROLLBACK_IN_PROGRESS'], ['before it', 'UPDATE_IN_PROGRESS']])(
    'in an update that runs late makes a snapshot that is deleted after the rollback (made %s)', async (_, status) => {
      await start();
      const stack = world.stack();
      const [before, after] = [properties(), properties({ SourceRevision: '2' })];
      const { SnapshotId } = await stack.deploy(before);
      const back = await stack.play(stack.event('Update', before, { PhysicalResourceId: SnapshotId, OldResourceProperties: after }));
      expect(back.id).toBe(SnapshotId);

      const event = stack.event('Update', after, { PhysicalResourceId: SnapshotId, OldResourceProperties: before });
      world.stacks.statuses.set(stack.stackId, status);
      const started = { ...event, ...await world.handlers.act(event) };
      world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS');
      if (started.Direction !== 'back') {
        await world.clock.sleep(1000);
        expect(await world.handlers.poll(started)).toMatchObject({ IsComplete: false });
      }
      world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_COMPLETE');
      await expect(async () => {
        for (let polls = 0; polls < 60; polls++) {
          if ((await world.handlers.poll(started)).IsComplete) { return; }
          await world.clock.sleep(5000);
        }
      }).rejects.toThrow(/CloudFormation cancelled the operation for which snap-\w+ was made/);
      expect(world.snapshotIds).toEqual([SnapshotId]);
    });

  test('that goes on after its deletion leaves nothing', async () => {
    await start();
    const stack = world.stack();
    const creation = stack.event('Create', properties());
    const deletion = stack.cancel(properties());
    await world.clock.sleep(60_000);
    await world.handlers.act(creation);
    expect(world.snapshotIds).toHaveLength(1);
    await deletion;
    world.expectNothingLeft();
  });
});

test('a rollback goes back to the very snapshot that there was, not to one like it that was retained', async () => {
  await start();
  const stack = world.stack();
  await stack.play(stack.event('Create', properties()));
  const { SnapshotId } = await stack.deploy(properties());
  await expect(stack.deploy(properties({ SourceRevision: '2' }), { failAfter: true, rollbackWith: 'old' })).rejects.toThrow('another resource failed');
  expect(stack.physicalId).toBe(SnapshotId);
});
