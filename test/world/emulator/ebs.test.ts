import { createHash } from 'crypto';
import {
  CompleteSnapshotCommand, EBSClient, GetSnapshotBlockCommand, ListChangedBlocksCommand, ListSnapshotBlocksCommand, PutSnapshotBlockCommand,
  StartSnapshotCommand, type StartSnapshotCommandInput,
} from '@aws-sdk/client-ebs';
import { DeleteSnapshotCommand, DescribeSnapshotsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { Clock } from '../../../world/emulator/clock';
import { BLOCK_SIZE, EbsDirect, type EbsOptions } from '../../../world/emulator/ebs';
import { Ec2 } from '../../../world/emulator/ec2';
import { ACCOUNT, REGION } from '../../../world/emulator/environment';
import { Principal, type Statement } from '../../../world/emulator/iam';
import { Kms } from '../../../world/emulator/kms';
import { EmulatorServer } from '../../../world/emulator/server';

const KEY = `arn:aws:kms:${REGION}:${ACCOUNT}:key/11111111-2222-4333-8444-555555555555`;
const DEFAULT_KEY = `arn:aws:kms:${REGION}:${ACCOUNT}:key/99999999-2222-4333-8444-555555555555`;
const SNAPSHOTS = `arn:aws:ec2:${REGION}::snapshot/*`;
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const ZEROS = Buffer.alloc(BLOCK_SIZE);

let clock: Clock;
let server: EmulatorServer;
let ec2: Ec2;
let ebs: EbsDirect;
let client: EBSClient;

afterEach(async () => {
  client.destroy();
  await server.close();
});

describe('a snapshot', () => {
  beforeEach(() => givenService({ startMisses: 0 }));

  test('is started, filled, completed, and read back byte for byte', async () => {
    const started = await client.send(new StartSnapshotCommand({
      VolumeSize: 1, Description: 'an image', ClientToken: 'once', Tags: [{ Key: 'a', Value: 'b' }],
    }));
    expect(started).toMatchObject({
      Status: 'pending',
      BlockSize: BLOCK_SIZE,
      VolumeSize: 1,
      OwnerId: ACCOUNT,
      Description: 'an image',
      Tags: [{ Key: 'a', Value: 'b' }],
      StartTime: new Date(clock.now()),
      $metadata: { httpStatusCode: 201 },
    });
    const id = started.SnapshotId!;
    await put(id, 0, block('one'));
    await put(id, 5, block('two'));
    await put(id, 5, block('three'));
    expect(await complete(id, 2, linear(block('one'), block('three')))).toMatchObject({ Status: 'pending', $metadata: { httpStatusCode: 202 } });
    expect(await stateOf(id)).toMatchObject({ State: 'pending' });
    clock.advance(8_000);
    expect(await stateOf(id)).toMatchObject({ State: 'completed', Progress: '100%', VolumeSize: 1, Tags: [{ Key: 'a', Value: 'b' }] });
    clock.advance(20_000);

    const list = await client.send(new ListSnapshotBlocksCommand({ SnapshotId: id }));
    expect(list).toMatchObject({ VolumeSize: 1, BlockSize: BLOCK_SIZE, ExpiryTime: new Date(clock.now() + 7 * DAY) });
    expect(list.Blocks!.map(one => one.BlockIndex)).toEqual([0, 5]);
    const got = await get(id, 5, list.Blocks![1].BlockToken);
    expect(got.data.equals(block('three'))).toBe(true);
    expect(got).toMatchObject({ DataLength: BLOCK_SIZE, Checksum: checksum(block('three')), ChecksumAlgorithm: 'SHA256' });

    expect(ebs.snapshot(id)).toMatchObject({ state: 'completed', putCount: 3, writtenIndexes: [0, 5], volumeSize: 1, tags: { a: 'b' } });
    expect(ebs.putCount).toBe(3);
    const head = Buffer.concat([block('one'), ZEROS, ZEROS, ZEROS, ZEROS, block('three').subarray(0, 10)]);
    expect(ebs.sha256(id, head.length)).toBe(createHash('sha256').update(head).digest('hex'));
    expect([...ebs.read(id)]).toHaveLength(2048);
  });

  test.each([
    ['a wrong checksum', { Checksum: checksum(ZEROS) }, 'InvalidSignatureException', undefined],
    ['a wrong length', { DataLength: 4096 }, 'ValidationException', 'INVALID_BLOCK'],
    ['a block that is too short', { BlockData: Buffer.alloc(10) }, 'ValidationException', 'INVALID_PARAMETER_VALUE'],
    ['another algorithm', { ChecksumAlgorithm: 'MD5' as 'SHA256' }, 'ValidationException', 'INVALID_PARAMETER_VALUE'],
    ['an index beyond the volume', { BlockIndex: 2048 }, 'ValidationException', 'INVALID_BLOCK'],
    ['an unknown snapshot', { SnapshotId: 'snap-0aaaaaaaaaaaaaaaa' }, 'ResourceNotFoundException', 'SNAPSHOT_NOT_FOUND'],
  ])('takes no block with %s', async (_, change, name, Reason) => {
    const id = await start();
    const data = block('x');
    const good = {
      SnapshotId: id, BlockIndex: 2047, BlockData: data, DataLength: BLOCK_SIZE, Checksum: checksum(data), ChecksumAlgorithm: 'SHA256',
    } as const;
    await client.send(new PutSnapshotBlockCommand(good));
    await expect(client.send(new PutSnapshotBlockCommand({ ...good, ...change }))).rejects.toMatchObject({ name, ...Reason && { Reason } });
    expect(ebs.snapshot(id)!.putCount).toBe(1);
  });

  test('that the signature says nothing of, or something else, are refused; their hash and UNSIGNED-PAYLOAD are taken', async () => {
    const id = await start();
    clock.advance(6_000);
    const data = block('signed');
    const hash = createHash('sha256').update(data).digest('hex');
    const putAs = async (sha256: string | undefined) => (await fetch(`${server.url}/snapshots/${id}/blocks/0`, {
      method: 'PUT',
      body: new Uint8Array(data),
      headers: {
        'authorization': 'AWS4-HMAC-SHA256 Credential=test/20261101/eu-west-1/ebs/aws4_request, Signature=x',
        'x-amz-data-length': String(BLOCK_SIZE),
        'x-amz-checksum': checksum(data),
        'x-amz-checksum-algorithm': 'SHA256',
        ...sha256 !== undefined && { 'x-amz-content-sha256': sha256 },
      },
    })).headers.get('x-amzn-errortype');
    expect(await putAs(undefined)).toBe('InvalidSignatureException');
    expect(await putAs(hash.replace(/^./, digit => digit === '0' ? '1' : '0'))).toBe('InvalidSignatureException');
    expect(await putAs('')).toBe('InvalidSignatureException');
    expect(ebs.putCount).toBe(0);
    expect(await putAs(hash)).toBeNull();
    expect(await putAs('UNSIGNED-PAYLOAD')).toBeNull();
  });

  test.each([
    ['block count', 3, linear(block('a'), block('b'))],
    ['checksum', 2, linear(block('b'), block('a'))],
    ['checksum, one over encoded digests', 2, createHash('sha256').update(checksum(block('a')) + checksum(block('b'))).digest('base64')],
  ])('with a wrong %s is accepted first and ends in error', async (_, count, sum) => {
    const id = await start();
    await put(id, 7, block('b'));
    await put(id, 2, block('a'));
    expect(await complete(id, count, sum)).toMatchObject({ Status: 'pending' });
    expect(await stateOf(id)).toMatchObject({ State: 'pending' });
    clock.advance(8_000);
    expect(await stateOf(id)).toMatchObject({ State: 'error', StateMessage: expect.stringContaining('mismatch') });
  });

  test('can be completed without a checksum, but not with half of one, and only once', async () => {
    const id = await start();
    await expect(client.send(new CompleteSnapshotCommand({ SnapshotId: id, ChangedBlocksCount: 0, Checksum: linear() })))
      .rejects.toMatchObject({ name: 'ValidationException', Reason: 'INVALID_PARAMETER_VALUE' });
    await complete(id, 0);
    await expect(complete(id, 0)).rejects.toMatchObject({ name: 'ValidationException', Reason: 'INVALID_SNAPSHOT_ID' });
    await expect(put(id, 0, ZEROS)).rejects.toMatchObject({ name: 'ValidationException', Reason: 'INVALID_SNAPSHOT_ID' });
    clock.advance(8_000);
    expect(await stateOf(id)).toMatchObject({ State: 'completed' });
  });

  test('cannot be read before it is completed, nor for some time after', async () => {
    const id = await start();
    await put(id, 0, ZEROS);
    const list = () => client.send(new ListSnapshotBlocksCommand({ SnapshotId: id }));
    const notFound = { name: 'ResourceNotFoundException', Reason: 'SNAPSHOT_NOT_FOUND', $metadata: { httpStatusCode: 404 } };
    await expect(list()).rejects.toMatchObject(notFound);
    await complete(id, 1);
    clock.advance(8_000);
    expect(await stateOf(id)).toMatchObject({ State: 'completed' });
    await expect(list()).rejects.toMatchObject(notFound);
    clock.advance(20_000);
    expect((await list()).Blocks).toHaveLength(1);
  });

  test('ends in error when nobody writes to it for its timeout', async () => {
    const id = await start({ Timeout: 10 });
    clock.advance(9 * MINUTE);
    await put(id, 0, ZEROS);
    clock.advance(9 * MINUTE);
    expect(await stateOf(id)).toMatchObject({ State: 'pending' });
    clock.advance(MINUTE);
    expect(await stateOf(id)).toMatchObject({ State: 'error', StateMessage: 'Snapshot timed out' });
    await expect(put(id, 1, ZEROS)).rejects.toMatchObject({ Reason: 'SNAPSHOT_NOT_FOUND' });
    await expect(complete(id, 1)).rejects.toMatchObject({ Reason: 'SNAPSHOT_NOT_FOUND' });
  });

  test('can be made to fail', async () => {
    const id = await start();
    ebs.fail(id, 'Internal error');
    expect(await stateOf(id)).toMatchObject({ State: 'error', StateMessage: 'Internal error' });
  });

  test('can be deleted while it is pending', async () => {
    const id = await start();
    await deleteSnapshot(id);
    await expect(put(id, 0, ZEROS)).rejects.toMatchObject({ Reason: 'SNAPSHOT_NOT_FOUND' });
    expect(ebs.snapshot(id)).toBeUndefined();
  });

  test.each([
    ['size', { VolumeSize: 65_537 }, 'INVALID_VOLUME_SIZE'],
    ['size of zero', { VolumeSize: 0 }, 'INVALID_PARAMETER_VALUE'],
    ['timeout', { Timeout: 9 }, 'INVALID_PARAMETER_VALUE'],
    ['key that is no ARN', { KmsKeyArn: 'alias/mine' }, 'INVALID_PARAMETER_VALUE'],
    ['reserved tag', { Tags: [{ Key: 'aws:x', Value: '' }] }, 'INVALID_TAG'],
    ['number of tags', { Tags: Array.from({ length: 51 }, (_, i) => ({ Key: `k${i}`, Value: '' })) }, 'INVALID_TAG'],
  ])('is not started with an invalid %s', async (_, input, Reason) => {
    await expect(start(input)).rejects.toMatchObject({ name: 'ValidationException', Reason });
  });
});

describe('client tokens', () => {
  beforeEach(() => givenService());

  test('the same request again gives the first answer, even if that snapshot is deleted', async () => {
    const first = await start({ ClientToken: 'token', Tags: [{ Key: 'a', Value: 'b' }] });
    const again = () => start({ ClientToken: 'token', Tags: [{ Key: 'a', Value: 'b' }] });
    expect(await again()).toBe(first);
    await deleteSnapshot(first);
    expect(await again()).toBe(first);
    expect(ec2.snapshots.all).toEqual([]);
  });

  test('another request with the token is a conflict', async () => {
    await start({ ClientToken: 'token' });
    await expect(start({ ClientToken: 'token', VolumeSize: 2 }))
      .rejects.toMatchObject({ name: 'ConflictException', $metadata: { httpStatusCode: 409 } });
  });
});

describe('consistency', () => {
  test('just after the start, some calls do not find the snapshot, always the same ones', async () => {
    await givenService();
    const id = await start();
    const outcomes = async (count: number) => {
      const found: boolean[] = [];
      for (let i = 0; i < count; i++) {
        found.push(await put(id, i, ZEROS).then(() => true, error => error.Reason !== 'SNAPSHOT_NOT_FOUND'));
      }
      return found;
    };
    expect(await outcomes(6)).toEqual([false, true, false, true, false, false]);
    clock.advance(5_000);
    expect(await outcomes(3)).toEqual([true, true, true]);
  });

  test('the seed chooses others', async () => {
    await givenService({ seed: 1 });
    const id = await start();
    await put(id, 0, ZEROS);
    await expect(put(id, 0, ZEROS)).rejects.toMatchObject({ Reason: 'SNAPSHOT_NOT_FOUND' });
  });

  test('a second completion can be answered, if so wanted', async () => {
    await givenService({ startMisses: 0, completeAgain: 'answered' });
    const id = await start();
    await complete(id, 0);
    clock.advance(8_000);
    expect(await complete(id, 0)).toMatchObject({ Status: 'completed' });
  });
});

describe('lists', () => {
  beforeEach(() => givenService({ startMisses: 0 }));

  test('come in pages of at least 100, from any index', async () => {
    const id = await finished(Object.fromEntries(Array.from({ length: 250 }, (_, i) => [i * 2, 'x'])));
    const list = (input: { MaxResults?: number; StartingBlockIndex?: number; NextToken?: string }) =>
      client.send(new ListSnapshotBlocksCommand({ SnapshotId: id, ...input }));
    const first = await list({ MaxResults: 7 });
    expect(first.Blocks!.map(one => one.BlockIndex)).toEqual(Array.from({ length: 100 }, (_, i) => i * 2));
    // The token decides, whatever index stands beside it.
    const second = await list({ MaxResults: 100, NextToken: first.NextToken, StartingBlockIndex: 0 });
    expect(second.Blocks![0].BlockIndex).toBe(200);
    const third = await list({ MaxResults: 100, NextToken: second.NextToken });
    expect([third.Blocks!.length, third.NextToken]).toEqual([50, undefined]);
    expect((await list({ StartingBlockIndex: 495 })).Blocks!.map(one => one.BlockIndex)).toEqual([496, 498]);
    await expect(list({ MaxResults: 10_001 })).rejects.toMatchObject({ name: 'ValidationException' });
    await expect(list({ NextToken: 'bm9uc2Vuc2U=' })).rejects.toMatchObject({ Reason: 'INVALID_PAGE_TOKEN' });

    clock.advance(60 * MINUTE);
    await expect(list({ NextToken: first.NextToken })).rejects.toMatchObject({ Reason: 'INVALID_PAGE_TOKEN' });
  });

  test('give other block tokens every time; a token fits one block for seven days', async () => {
    const id = await finished({ 0: 'a', 1: 'b' });
    const list = async () => (await client.send(new ListSnapshotBlocksCommand({ SnapshotId: id }))).Blocks!.map(one => one.BlockToken!);
    const tokens = await list();
    expect(await list()).not.toEqual(tokens);
    expect((await get(id, 0, tokens[0])).data.equals(block('a'))).toBe(true);
    const refusal = { name: 'ValidationException', Reason: 'INVALID_BLOCK_TOKEN' };
    await expect(get(id, 1, tokens[0])).rejects.toMatchObject(refusal);
    await expect(get(id, 2, 'bm9uc2Vuc2U=')).rejects.toMatchObject(refusal);
    clock.advance(7 * DAY);
    await expect(get(id, 0, tokens[0])).rejects.toMatchObject(refusal);
  });

  test('of changes tell which snapshot has a block, and skip what the child left alone', async () => {
    const parent = await finished({ 0: 'a', 1: 'b', 2: 'c' });
    const child = await finished({ 1: 'B', 2: 'c', 3: 'd' }, { ParentSnapshotId: parent });
    const changes = async (first: string, second: string) =>
      (await client.send(new ListChangedBlocksCommand({ FirstSnapshotId: first, SecondSnapshotId: second }))).ChangedBlocks!
        .map(one => [one.BlockIndex, !!one.FirstBlockToken, !!one.SecondBlockToken]);
    // Block 2 was written again with the same content: the service compares who wrote it, not what.
    expect(await changes(parent, child)).toEqual([[1, true, true], [2, true, true], [3, false, true]]);
    expect(await changes(child, parent)).toEqual([[1, true, true], [2, true, true], [3, true, false]]);

    const { ChangedBlocks = [] } = await client.send(new ListChangedBlocksCommand({ FirstSnapshotId: parent, SecondSnapshotId: child }));
    expect((await get(parent, 1, ChangedBlocks[0].FirstBlockToken)).data.equals(block('b'))).toBe(true);
    expect((await get(child, 1, ChangedBlocks[0].SecondBlockToken)).data.equals(block('B'))).toBe(true);
  });

  test('of changes can have empty pages that are not the last', async () => {
    const parent = await finished(Object.fromEntries(Array.from({ length: 150 }, (_, i) => [i, 'x'])));
    const child = await finished({ 149: 'y' }, { ParentSnapshotId: parent });
    const list = (NextToken?: string) =>
      client.send(new ListChangedBlocksCommand({ FirstSnapshotId: parent, SecondSnapshotId: child, MaxResults: 100, NextToken }));
    const first = await list();
    expect([first.ChangedBlocks, typeof first.NextToken]).toEqual([[], 'string']);
    const second = await list(first.NextToken);
    expect([second.ChangedBlocks!.map(one => one.BlockIndex), second.NextToken]).toEqual([[149], undefined]);
    await expect(client.send(new ListSnapshotBlocksCommand({ SnapshotId: child, NextToken: first.NextToken })))
      .rejects.toMatchObject({ Reason: 'INVALID_PAGE_TOKEN' });
  });

  test('of changes need a common lineage', async () => {
    const [one, other] = [await finished({ 0: 'a' }), await finished({ 0: 'a' })];
    await expect(client.send(new ListChangedBlocksCommand({ FirstSnapshotId: one, SecondSnapshotId: other })))
      .rejects.toMatchObject({ name: 'ValidationException', Reason: 'UNRELATED_SNAPSHOTS' });
  });
});

describe('parents', () => {
  beforeEach(() => givenService({ startMisses: 0 }));

  test('show through where the child has no block, even when they are deleted', async () => {
    const parent = await finished({ 0: 'a', 1: 'b' });
    const child = await finished({ 1: 'B' }, { ParentSnapshotId: parent, VolumeSize: 2 });
    await deleteSnapshot(parent);
    const { Blocks = [], VolumeSize } = await client.send(new ListSnapshotBlocksCommand({ SnapshotId: child }));
    expect([Blocks.map(one => one.BlockIndex), VolumeSize]).toEqual([[0, 1], 2]);
    expect((await get(child, 0, Blocks[0].BlockToken)).data.equals(block('a'))).toBe(true);
    const content = Buffer.concat([block('a'), block('B'), ZEROS]);
    expect(ebs.sha256(child, content.length)).toBe(createHash('sha256').update(content).digest('hex'));
  });

  test('must stay until the child is completed', async () => {
    const parent = await finished({ 0: 'a' });
    const child = await start({ ParentSnapshotId: parent });
    const other = await start();
    await deleteSnapshot(parent);
    expect([ebs.snapshot(child)!.state, ebs.snapshot(other)!.state]).toEqual(['error', 'pending']);
  });

  test('must be there, be completed, and not be larger', async () => {
    const parent = await finished({ 0: 'a' }, { VolumeSize: 2 });
    await expect(start({ ParentSnapshotId: parent, VolumeSize: 1 })).rejects.toMatchObject({ Reason: 'INVALID_VOLUME_SIZE' });
    await expect(start({ ParentSnapshotId: await start() })).rejects.toMatchObject({ Reason: 'INVALID_SNAPSHOT_ID' });
    await expect(start({ ParentSnapshotId: 'snap-0aaaaaaaaaaaaaaaa' })).rejects.toMatchObject({ Reason: 'SNAPSHOT_NOT_FOUND' });
  });
});

describe('encryption', () => {
  beforeEach(() => givenService({ startMisses: 0, quotaFactor: Infinity }));

  const none = undefined;
  const refused = 'ValidationException';
  test.each([
    // parent, Encrypted, KmsKeyArn, default encryption off, default encryption on
    [none, none, none, none, DEFAULT_KEY],
    [none, none, KEY, KEY, KEY],
    [none, true, none, DEFAULT_KEY, DEFAULT_KEY],
    [none, true, KEY, KEY, KEY],
    [none, false, none, none, refused],
    [none, false, KEY, refused, refused],
    ['plain', none, none, none, refused],
    ['plain', true, none, refused, refused],
    ['plain', false, none, refused, refused],
    ['plain', none, KEY, refused, refused],
    ['plain', true, KEY, refused, refused],
    ['encrypted', none, none, KEY, KEY],
    ['encrypted', true, none, refused, refused],
    ['encrypted', false, none, refused, refused],
    ['encrypted', none, KEY, refused, refused],
    ['encrypted', false, KEY, refused, refused],
  ])('parent %s, Encrypted %s, key %s: off %s, on %s', async (parent, Encrypted, KmsKeyArn, off, on) => {
    const parents: Record<string, string> = { plain: await finished({}), encrypted: await finished({}, { KmsKeyArn: KEY }) };
    ec2.defaultKmsKeyId = 'alias/default';
    const outcome = () => client.send(new StartSnapshotCommand({ VolumeSize: 1, ParentSnapshotId: parent && parents[parent], Encrypted, KmsKeyArn }))
      .then(started => started.KmsKeyArn, error => error.name as string);
    expect(await outcome()).toBe(off);
    ec2.encryptionByDefault = true;
    expect(await outcome()).toBe(on);
  });

  test('refuses a key of another Region, and one that KMS does not let be used', async () => {
    const kms = new Kms(clock);
    server.add(new EbsDirect(clock, ec2, kms));
    const there = kms.createKey({ region: 'eu-central-1' });
    await expect(start({ KmsKeyArn: there.arn })).rejects.toMatchObject({
      name: 'ValidationException', Reason: 'INVALID_CUSTOMER_KEY', message: expect.stringContaining('is in eu-central-1, not in eu-west-1'),
    });
    const here = kms.createKey();
    kms.setEnabled(here.keyId, false);
    await expect(start({ KmsKeyArn: here.arn })).rejects.toMatchObject({ name: 'ValidationException', Reason: 'INVALID_CUSTOMER_KEY' });
    const foreign = kms.createKey({ policy: { Statement: [] } });
    await expect(start({ KmsKeyArn: foreign.arn })).rejects.toMatchObject({ name: 'AccessDeniedException', Reason: 'DEPENDENCY_ACCESS_DENIED' });
  });

  test('a key that does not exist is an error of the dependency', async () => {
    await expect(start({ KmsKeyArn: KEY.replace('1111', '2222') }))
      .rejects.toMatchObject({ name: 'ResourceNotFoundException', Reason: 'DEPENDENCY_RESOURCE_NOT_FOUND' });
  });

  test('blocks that were not written read back as random data', async () => {
    const id = await finished({ 0: 'a' }, { Encrypted: true });
    const [first, second, third] = ebs.read(id);
    expect(first.equals(block('a'))).toBe(true);
    expect([second.equals(ZEROS), second.equals(third), second.length]).toEqual([false, false, BLOCK_SIZE]);
  });
});

describe('quotas', () => {
  test('block calls are throttled per snapshot and per account, and recover with time', async () => {
    await givenService({ startMisses: 0, quotas: { putPerSnapshot: 3, putPerAccount: 5 } });
    const [one, other] = [await start(), await start()];
    for (let i = 0; i < 3; i++) { await put(one, i, ZEROS); }
    await expect(put(one, 3, ZEROS)).rejects.toMatchObject({ name: 'RequestThrottledException', Reason: 'RESOURCE_LEVEL_THROTTLE' });
    await put(other, 0, ZEROS);
    await expect(put(other, 1, ZEROS)).rejects.toMatchObject({ name: 'RequestThrottledException', Reason: 'ACCOUNT_THROTTLED' });
    clock.advance(1000);
    for (let i = 3; i < 6; i++) { await put(one, i, ZEROS); }
  });

  test('starts are ten per second, and a hundred snapshots may be pending', async () => {
    await givenService({ startMisses: 0 });
    const ids: string[] = [];
    for (let i = 0; i < 10; i++) { ids.push(await start()); }
    await expect(start()).rejects.toMatchObject({ name: 'ThrottlingException', $metadata: { httpStatusCode: 400 } });
    while (ids.length < 100) {
      clock.advance(100);
      ids.push(await start());
    }
    clock.advance(100);
    await expect(start()).rejects.toMatchObject({ name: 'ConcurrentLimitExceededException' });
    clock.advance(100);
    await deleteSnapshot(ids[0]);
    await start();
  });

  test('can be switched off', async () => {
    await givenService({ quotaFactor: Infinity });
    for (let i = 0; i < 150; i++) { await start(); }
  });
});

describe('memory', () => {
  test('digests alone are enough to write and complete; zeros can still be read', async () => {
    await givenService({ startMisses: 0, keepData: false });
    const id = await finished({ 0: 'a', 1: '' });
    const [first, second] = (await client.send(new ListSnapshotBlocksCommand({ SnapshotId: id }))).Blocks!;
    expect((await get(id, 1, second.BlockToken)).data.equals(ZEROS)).toBe(true);
    expect(first.BlockIndex).toBe(0);
    expect(() => ebs.sha256(id)).toThrow('only the digests');
  });

  test('equal blocks are stored once', async () => {
    await givenService({ startMisses: 0 });
    const [one, other] = [await finished({ 0: 'a', 1: '' }), await finished({ 5: 'a', 6: '' })];
    const [a, b] = [[...ebs.read(one)], [...ebs.read(other)]];
    expect([a[0] === b[5], a[1] === b[6], a[1] === a[2]]).toEqual([true, true, true]);
  });
});

describe('authorization', () => {
  beforeEach(() => givenService({ startMisses: 0 }));
  const tags = [{ Key: 'owner', Value: 'us' }];

  test('starting with tags needs ebs:StartSnapshot and ec2:CreateTags', async () => {
    const condition = { 'StringEquals': { 'aws:RequestTag/owner': 'us' }, 'ForAllValues:StringEquals': { 'aws:TagKeys': ['owner'] } };
    const mayStart: Statement = { Effect: 'Allow', Action: 'ebs:StartSnapshot', Resource: SNAPSHOTS, Condition: condition };
    const mayTag: Statement = { Effect: 'Allow', Action: 'ec2:CreateTags', Resource: SNAPSHOTS, Condition: condition };
    await start({ Tags: tags }, restricted(mayStart, mayTag));
    await expect(start({ Tags: tags }, restricted(mayStart))).rejects.toMatchObject({
      name: 'AccessDeniedException', message: expect.stringContaining(`ec2:CreateTags on resource: ${SNAPSHOTS}`),
    });
    await expect(start({}, restricted(mayStart, mayTag))).rejects.toMatchObject({ name: 'AccessDeniedException' });
    await expect(start({ Tags: [...tags, { Key: 'more', Value: '' }] }, restricted(mayStart, mayTag)))
      .rejects.toMatchObject({ name: 'AccessDeniedException' });
  });

  test('no value of ec2:CreateAction lets StartSnapshot tag', async () => {
    const mayTag: Statement = {
      Effect: 'Allow',
      Action: 'ec2:CreateTags',
      Resource: SNAPSHOTS,
      Condition: { StringEquals: { 'ec2:CreateAction': ['StartSnapshot', 'CreateSnapshot'] } },
    };
    const limited = restricted({ Effect: 'Allow', Action: 'ebs:StartSnapshot', Resource: SNAPSHOTS }, mayTag);
    await start({}, limited);
    await expect(start({ Tags: tags }, limited)).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });

  test('a parent can be demanded', async () => {
    const parent = await finished({});
    const limited = restricted({
      Effect: 'Allow', Action: 'ebs:StartSnapshot', Resource: SNAPSHOTS, Condition: { ArnLike: { 'ebs:ParentSnapshot': SNAPSHOTS } },
    });
    await start({ ParentSnapshotId: parent }, limited);
    await expect(start({}, limited)).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });

  test('everything else can be limited to snapshots with a tag', async () => {
    const limited = restricted({
      Effect: 'Allow', Action: 'ebs:*', Resource: SNAPSHOTS, Condition: { StringEquals: { 'aws:ResourceTag/owner': 'us' } },
    });
    const [ours, theirs] = [await finished({ 0: 'a' }, { Tags: tags }), await finished({ 0: 'a' })];
    const { Blocks = [] } = await limited.send(new ListSnapshotBlocksCommand({ SnapshotId: ours }));
    await get(ours, 0, Blocks[0].BlockToken, limited);
    const denied = { name: 'AccessDeniedException', $metadata: { httpStatusCode: 403 } };
    await expect(limited.send(new ListSnapshotBlocksCommand({ SnapshotId: theirs }))).rejects.toMatchObject(denied);
    await expect(limited.send(new ListChangedBlocksCommand({ FirstSnapshotId: theirs, SecondSnapshotId: ours }))).rejects.toMatchObject(denied);
    const fresh = await start();
    await expect(put(fresh, 0, ZEROS, limited)).rejects.toMatchObject(denied);
    await expect(complete(fresh, 0, undefined, limited)).rejects.toMatchObject(denied);
  });

  test('a customer\'s key needs the caller\'s permissions, the one that AWS manages does not', async () => {
    const ebsOnly: Statement = { Effect: 'Allow', Action: 'ebs:*', Resource: SNAPSHOTS };
    const key: Statement = { Effect: 'Allow', Action: ['kms:DescribeKey', 'kms:GenerateDataKey*', 'kms:Decrypt', 'kms:ReEncrypt*'], Resource: KEY };
    const grant: Statement = {
      Effect: 'Allow', Action: 'kms:CreateGrant', Resource: KEY, Condition: { Bool: { 'kms:GrantIsForAWSResource': 'true' } },
    };
    const dependency = { name: 'AccessDeniedException', Reason: 'DEPENDENCY_ACCESS_DENIED' };

    await start({ Encrypted: true }, restricted(ebsOnly));
    await expect(start({ KmsKeyArn: KEY }, restricted(ebsOnly))).rejects.toMatchObject(dependency);
    await expect(start({ KmsKeyArn: KEY }, restricted(ebsOnly, key)))
      .rejects.toMatchObject({ ...dependency, message: expect.stringContaining('kms:CreateGrant') });
    const id = await start({ KmsKeyArn: KEY }, restricted(ebsOnly, key, grant));
    await put(id, 0, ZEROS, restricted(ebsOnly, key));
    await expect(put(id, 0, ZEROS, restricted(ebsOnly))).rejects.toMatchObject(dependency);
    await complete(id, 1);
    clock.advance(30_000);
    await expect(restricted(ebsOnly).send(new ListSnapshotBlocksCommand({ SnapshotId: id }))).rejects.toMatchObject(dependency);
    await start({ ParentSnapshotId: id }, restricted(ebsOnly, key, grant));
  });
});

async function givenService(options?: EbsOptions): Promise<void> {
  clock = new Clock();
  server = new EmulatorServer(clock);
  const keys: Record<string, string> = { [KEY]: KEY, [DEFAULT_KEY]: DEFAULT_KEY, 'alias/default': DEFAULT_KEY };
  const kms = { resolve: (id: string) => keys[id] };
  ec2 = new Ec2(clock, kms);
  ebs = new EbsDirect(clock, ec2, kms, options);
  server.add(ec2);
  server.add(ebs);
  await server.listen();
  client = connect(EmulatorServer.ADMIN);
}

function connect(credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }): EBSClient {
  return new EBSClient({ region: REGION, endpoint: server.url, credentials, maxAttempts: 1 });
}

function restricted(...statements: Statement[]): EBSClient {
  return connect(server.issue(new Principal('arn:aws:sts::111122223333:assumed-role/test/function', () => statements)));
}

async function start(input: Partial<StartSnapshotCommandInput> = {}, by = client): Promise<string> {
  return (await by.send(new StartSnapshotCommand({ VolumeSize: 1, ...input }))).SnapshotId!;
}

function put(SnapshotId: string, BlockIndex: number, BlockData: Buffer, by = client) {
  return by.send(new PutSnapshotBlockCommand({
    SnapshotId, BlockIndex, BlockData, DataLength: BlockData.length, Checksum: checksum(BlockData), ChecksumAlgorithm: 'SHA256',
  }));
}

function complete(SnapshotId: string, ChangedBlocksCount: number, Checksum?: string, by = client) {
  const sums = Checksum === undefined ? {} : { Checksum, ChecksumAlgorithm: 'SHA256', ChecksumAggregationMethod: 'LINEAR' } as const;
  return by.send(new CompleteSnapshotCommand({ SnapshotId, ChangedBlocksCount, ...sums }));
}

async function get(SnapshotId: string, BlockIndex: number, BlockToken: string | undefined, by = client) {
  const { BlockData, ...rest } = await by.send(new GetSnapshotBlockCommand({ SnapshotId, BlockIndex, BlockToken }));
  return { ...rest, data: Buffer.from(await BlockData!.transformToByteArray()) };
}

/** A readable snapshot with these blocks. */
async function finished(blocks: Record<number, string>, input: Partial<StartSnapshotCommandInput> = {}): Promise<string> {
  const id = await start(input);
  const entries = Object.entries(blocks);
  for (const [index, text] of entries) { await put(id, Number(index), block(text)); }
  await complete(id, entries.length, linear(...entries.map(([, text]) => block(text))));
  clock.advance(30_000);
  return id;
}

async function deleteSnapshot(SnapshotId: string): Promise<void> {
  const api = new EC2Client({ region: REGION, endpoint: server.url, credentials: EmulatorServer.ADMIN, maxAttempts: 1 });
  await api.send(new DeleteSnapshotCommand({ SnapshotId }));
  api.destroy();
}

async function stateOf(id: string) {
  const api = new EC2Client({ region: REGION, endpoint: server.url, credentials: EmulatorServer.ADMIN, maxAttempts: 1 });
  const { Snapshots: [snapshot] = [] } = await api.send(new DescribeSnapshotsCommand({ SnapshotIds: [id] }));
  api.destroy();
  return snapshot;
}

function block(text: string): Buffer {
  return Buffer.alloc(BLOCK_SIZE, text || 0);
}

function checksum(data: Buffer): string {
  return createHash('sha256').update(data).digest('base64');
}

/** Of blocks in ascending order. */
function linear(...blocks: Buffer[]): string {
  const hash = createHash('sha256');
  blocks.forEach(data => hash.update(createHash('sha256').update(data).digest()));
  return hash.digest('base64');
}
