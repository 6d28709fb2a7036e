import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { disk, IMAGES, properties } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld, type EbsHandlerWorldOptions } from '../../harness/ebs/ebs-handler-world';

let world: EbsHandlerWorld;

async function start(options?: EbsHandlerWorldOptions, image = disk(5 * BLOCK_SIZE + 1)): Promise<Buffer> {
  world = await EbsHandlerWorld.start(options);
  await world.s3.put(IMAGES, 'disk.img', image);
  return image;
}

/** Does something once the snapshot is completed, before it can be read. */
function whenCompleted(action: (snapshotId: string) => void): void {
  // Other parts of a verification that has failed before may still go on.
  const completed = () => world.snapshotIds.find(id => world.ebs.snapshot(id)?.state === 'completed');
  world.server.faults.before('ebs:ListSnapshotBlocks', () => action(completed()!), { when: () => completed() !== undefined });
}

const refusal = (Reason: string, message: string) => ({ kind: 'error' as const, code: 'ValidationException', status: 400, message, members: { Reason } });

afterEach(() => world.close());

describe('verify', () => {
  test('NONE reads nothing back', async () => {
    await start();
    await world.stack().deploy(properties());
    expect(world.invocations.verify).toBeUndefined();
  });

  test.each(['SAMPLE', 'FULL'])('%s of a small image reads each block back, without another function', async Verify => {
    const image = await start({ rangeBlocks: 2 });
    const { SnapshotId } = await world.stack().deploy(properties({ Verify }));
    world.expectContent(SnapshotId, image);
    expect(world.server.calls.filter(({ operation, status }) => operation === 'ebs:GetSnapshotBlock' && status === 200)).toHaveLength(6);
    expect(world.invocations.verify).toBeUndefined();
  });

  test('FULL of more than a few blocks reads them back in batches', async () => {
    const image = await start({ rangeBlocks: 100 }, disk(250 * BLOCK_SIZE));
    const { SnapshotId } = await world.stack().deploy(properties({ Verify: 'FULL' }));
    world.expectContent(SnapshotId, image);
    expect(world.server.calls.filter(({ operation, status }) => operation === 'ebs:GetSnapshotBlock' && status === 200)).toHaveLength(250);
    expect(world.invocations.verify).toBe(3);
  });

  test('FULL reads an encrypted snapshot back', async () => {
    const image = await start();
    const { arn: KmsKeyId } = world.kms.createKey();
    const { SnapshotId } = await world.stack().deploy(properties({ Verify: 'FULL', KmsKeyId }));
    world.expectContent(SnapshotId, image);
  });

  test('waits until EBS lets the snapshot be read, which takes longer than EC2 says', async () => {
    await start({ ebs: { readDelay: 120_000 } });
    await world.stack().deploy(properties({ Verify: 'FULL' }));
    expect(world.server.count('ebs:GetSnapshotBlock')).toBeGreaterThanOrEqual(6);
  });

  test('follows empty pages', async () => {
    await start({ ebs: { emptyPages: true }, rangeBlocks: 4 });
    world.server.faults.inject('ebs:GetSnapshotBlock', refusal('INVALID_BLOCK_TOKEN', 'expired'));
    await world.stack().deploy(properties({ Verify: 'FULL' }));
    expect(world.server.count('ebs:GetSnapshotBlock')).toBeGreaterThanOrEqual(6);
  });

  test('goes through many pages, and lists again where tokens have expired', async () => {
    const image = await start({ ebs: { emptyPages: true, readDelay: 0 }, pageBlocks: 100 }, Buffer.alloc(130 * BLOCK_SIZE));
    world.server.faults.inject('ebs:ListSnapshotBlocks', refusal('INVALID_PAGE_TOKEN', 'expired'), { skip: 2 });
    world.server.faults.inject('ebs:GetSnapshotBlock', refusal('INVALID_BLOCK_TOKEN', 'expired'), { skip: 120, times: 2 });
    const { SnapshotId } = await world.stack().deploy(properties({ Verify: 'FULL' }));
    world.expectContent(SnapshotId, image);
    expect(world.server.calls.filter(({ operation, status }) => operation === 'ebs:GetSnapshotBlock' && status === 200)).toHaveLength(130);
    expect(world.server.calls.filter(({ operation, status }) => operation === 'ebs:GetSnapshotBlock' && status === 400)).toHaveLength(2);
    expect(world.server.calls.filter(({ operation, status }) => operation === 'ebs:ListSnapshotBlocks' && status === 400)).toHaveLength(1);
  });

  test('goes on in another invocation when its time ends', async () => {
    // Two blocks can be begun in each invocation, which first asks for the time of its retries, of its shift, and of its lanes.
    let asked = 0;
    await start({ ebs: { readDelay: 0 }, remaining: () => { asked = 0; return () => world.invocations.seal && ++asked > 12 ? 30_000 : 900_000; } });
    await world.stack().deploy(properties({ Verify: 'FULL' }));
    expect(world.invocations.verify).toBeGreaterThan(0);
    expect(world.server.calls.filter(({ operation, status }) => operation === 'ebs:GetSnapshotBlock' && status === 200).length).toBeGreaterThanOrEqual(6);
  });

  test('reads a block again if the answer arrives damaged', async () => {
    await start();
    world.server.faults.inject('ebs:GetSnapshotBlock', { kind: 'truncate' }, { times: 2 });
    await world.stack().deploy(properties({ Verify: 'FULL' }));
    expect(world.server.count('ebs:GetSnapshotBlock')).toBe(8);
  });

  test.each(['SAMPLE', 'FULL'])('%s: a block that reads back otherwise fails the deployment, and the snapshot is deleted', async Verify => {
    await start({ rangeBlocks: 2, rule: true });
    whenCompleted(id => world.tamper(id, 3, disk(BLOCK_SIZE, 'bits rot')));
    await expect(world.stack().deploy(properties({ Verify }))).rejects.toThrow(/snapshot snap-\w+ reads back another block 3 than was written/);
    world.expectNothingLeft();
  });

  test('fails if a block was lost, or if there is one that was never written', async () => {
    await start({ rangeBlocks: 2 });
    whenCompleted(id => world.tamper(id, 5, undefined));
    await expect(world.stack().deploy(properties({ Verify: 'SAMPLE' }))).rejects.toThrow(/has lost block 5/);
    world.expectNothingLeft();
    whenCompleted(id => world.tamper(id, 17, disk(BLOCK_SIZE)));
    await expect(world.stack('Other').deploy(properties({ Verify: 'FULL' }))).rejects.toThrow(/has a block 17 that was never written/);
    world.expectNothingLeft();
  });

  test('names an action that is denied, and leaves nothing', async () => {
    await start();
    world.denied.push('ebs:GetSnapshotBlock');
    await expect(world.stack().deploy(properties({ Verify: 'FULL' }))).rejects.toThrow(/ebs:GetSnapshotBlock failed for block \d of snapshot snap-\w+: AccessDeniedException/);
    world.expectNothingLeft();
    world.denied[0] = 'ebs:ListSnapshotBlocks';
    await expect(world.stack('Other').deploy(properties({ Verify: 'FULL' }))).rejects.toThrow(/ebs:ListSnapshotBlocks failed for snapshot snap-\w+: AccessDeniedException/);
    world.expectNothingLeft();
  });

  test('FULL is refused before anything is made if there is no time for it', async () => {
    await start();
    Object.assign(world.s3.object(IMAGES, 'disk.img')!.content, { size: 1_500_001 * BLOCK_SIZE });
    await expect(world.stack().deploy(properties({ Verify: 'FULL' }))).rejects.toThrow(
      'image s3://images/disk.img is too large for \'verify\' FULL: to write 1500001 blocks and to read them back, at 1000 a second each, '
      + 'which is all that EBS takes and gives, needs at least 51 minutes, and an import may take 50; set \'verify\' to SAMPLE');
    expect(world.server.count('ebs:StartSnapshot')).toBe(0);
  });

  test('can be changed without another import', async () => {
    await start();
    const stack = world.stack();
    const { SnapshotId } = await stack.deploy(properties());
    expect((await stack.deploy(properties({ Verify: 'FULL' }))).SnapshotId).toBe(SnapshotId);
  });
});

describe('zeroBlocks OMIT', () => {
  test('writes only what is not zero, and is verified so', async () => {
    const image = await start({ rangeBlocks: 2 });
    const { SnapshotId } = await world.stack().deploy(properties({ ZeroBlocks: 'OMIT', Verify: 'FULL' }));
    world.expectContent(SnapshotId, image, { omitted: [1, 4] });
    expect(world.server.calls.filter(({ operation, status }) => operation === 'ebs:GetSnapshotBlock' && status === 200)).toHaveLength(4);
  });

  test.each(['SAMPLE', 'FULL'])('completes a snapshot without blocks if the image is all zeros (%s)', async Verify => {
    const image = await start({ rangeBlocks: 2 }, Buffer.alloc(5 * BLOCK_SIZE - 9));
    const { SnapshotId } = await world.stack().deploy(properties({ ZeroBlocks: 'OMIT', Verify }));
    world.expectContent(SnapshotId, image, { omitted: [0, 1, 2, 3, 4] });
    expect(world.ebs.putCount).toBe(0);
  });

  test('finds a block where none was written', async () => {
    await start();
    whenCompleted(id => world.tamper(id, 1, disk(BLOCK_SIZE)));
    await expect(world.stack().deploy(properties({ ZeroBlocks: 'OMIT', Verify: 'SAMPLE' }))).rejects.toThrow(/has a block 1 that was never written/);
    world.expectNothingLeft();
  });

  test('fails where the account encrypts by default, and leaves nothing', async () => {
    await start();
    world.ec2.encryptionByDefault = true;
    await expect(world.stack().deploy(properties({ ZeroBlocks: 'OMIT' }))).rejects.toThrow(/'zeroBlocks' is OMIT, but this account encrypts by default/);
    expect(world.ebs.putCount).toBe(0);
    expect(world.server.count('states:StartExecution')).toBe(0);
    world.expectNothingLeft();
  });

  test('replaces a snapshot made with WRITE, which is the same as no value', async () => {
    const image = await start();
    const stack = world.stack();
    const first = await stack.deploy(properties());
    expect((await stack.deploy(properties({ ZeroBlocks: 'WRITE' }))).SnapshotId).toBe(first.SnapshotId);
    const second = await stack.deploy(properties({ ZeroBlocks: 'OMIT' }));
    world.expectContent(second.SnapshotId, image, { omitted: [1, 4] });
    expect(world.snapshotIds).toEqual([second.SnapshotId]);
  });
});
