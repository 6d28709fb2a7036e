import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import type { Fault } from '../../../world/emulator/faults';
import { disk, IMAGES, properties } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld, type EbsHandlerWorldOptions } from '../../harness/ebs/ebs-handler-world';

let world: EbsHandlerWorld;

async function start(options?: EbsHandlerWorldOptions, image = disk(3 * BLOCK_SIZE + 1)): Promise<Buffer> {
  world = await EbsHandlerWorld.start(options);
  await world.s3.put(IMAGES, 'disk.img', image);
  return image;
}

/** Runs something at the first call of an operation, from a point of the deployment on. */
function atFirst(operation: string, action: () => void): void {
  world.server.faults.before(operation, action);
}

/** The number of calls of an operation that failed. */
const failures = (operation: string) => world.server.calls.filter(call => call.operation === operation && call.status >= 400).length;

afterEach(() => world.close());

describe('an import names an action that is denied, and leaves nothing:', () => {
  const steps: Record<string, string | RegExp> = {
    'ebs:StartSnapshot': 'ebs:StartSnapshot failed for a snapshot of 1 GiB: AccessDeniedException',
    'ec2:CreateTags': 'ec2:CreateTags',
    'states:StartExecution': 'states:StartExecution failed: AccessDeniedException',
    's3:PutObject': 's3:PutObject failed in transfer bucket transfers: AccessDenied',
    'ebs:PutSnapshotBlock': /ebs:PutSnapshotBlock failed for block \d of snapshot snap-\w+: AccessDeniedException/,
    'ebs:CompleteSnapshot': /ebs:CompleteSnapshot failed for snapshot snap-\w+: AccessDeniedException/,
  };

  test.each(Object.entries(steps))('%s', async (action, message) => {
    await start();
    world.denied.push(action);

    await expect(world.stack().deploy(properties())).rejects.toThrow(message);
    world.expectNothingLeft();
  });

  test('reading the image, once the import has begun', async () => {
    await start();
    const stack = world.stack();
    const event = stack.event('Create', properties());
    const started = await world.handlers.act(event);
    world.s3.setPolicy(IMAGES, { Statement: [{ Effect: 'Deny', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${IMAGES}/*` }] });
    world.handlers.act = async () => started;

    await expect(stack.play(event)).rejects.toThrow('image s3://images/disk.img cannot be read: access is denied');
    world.expectNothingLeft();
  });

  test('using the key', async () => {
    await start();
    const { arn: key } = world.kms.createKey();
    world.denied.push('kms:GenerateDataKey');
    await expect(world.stack().deploy(properties({ KmsKeyId: key }))).rejects.toThrow(/PutSnapshotBlock failed.*DEPENDENCY_ACCESS_DENIED.*give it as 'kmsKey', and check its key policy/);
    world.expectNothingLeft();
  });
});

describe('an image that changes while it is imported is noticed', () => {
  const changed = 'image s3://images/disk.img was replaced or deleted while it was being imported';
  const other = disk(20 * BLOCK_SIZE, 'other');

  test('before the plan', async () => {
    await start();
    const stack = world.stack();
    const event = stack.event('Create', properties());
    const started = await world.handlers.act(event);
    await world.s3.put(IMAGES, 'disk.img', other);
    world.handlers.act = async () => started;
    await expect(stack.play(event)).rejects.toThrow(changed);
    expect(world.invocations.copy).toBeUndefined();
    world.expectNothingLeft();
  });

  test.each(['replaced', 'deleted'])('%s during the copy', async how => {
    await start({}, disk(20 * BLOCK_SIZE));
    const bucket = world.s3.buckets.get(IMAGES)!;
    const replacement = await world.s3.put(IMAGES, 'other.img', other);
    atFirst('ebs:PutSnapshotBlock', () => {
      bucket.remove('disk.img', 'null');
      if (how === 'replaced') { bucket.add({ ...replacement, key: 'disk.img' }); }
    });
    await expect(world.stack().deploy(properties())).rejects.toThrow(changed);
    expect(world.invocations.seal).toBeUndefined();
    world.expectNothingLeft();
  });

  test('after the last block', async () => {
    await start();
    const bucket = world.s3.buckets.get(IMAGES)!;
    const replacement = await world.s3.put(IMAGES, 'other.img', other);
    atFirst('s3:PutObject', () => atFirst('s3:PutObject', () => bucket.add({ ...replacement, key: 'disk.img' })));
    await expect(world.stack().deploy(properties())).rejects.toThrow(changed);
    expect(world.server.count('ebs:CompleteSnapshot')).toBe(0);
    world.expectNothingLeft();
  });
});

describe('an import that fails', () => {
  test('is cleaned up by the rule on the execution, and still reports its error', async () => {
    await start({ rule: true, rangeBlocks: 1 });
    world.denied.push('ebs:PutSnapshotBlock');
    const stack = world.stack();
    const event = stack.event('Create', properties());
    const started = { ...event, ...await world.handlers.act(event) };
    await world.handlers.poll(started);
    await world.clock.sleep(200_000);

    expect(world.snapshotIds).toEqual([]);
    expect(world.transferObjects).toEqual([expect.stringMatching(/\/failure$/)]);
    await expect(world.handlers.poll(started)).rejects.toThrow('ebs:PutSnapshotBlock');
    world.expectNothingLeft();
  });

  test('is cleaned up by poll, before CloudFormation sends a Delete', async () => {
    await start();
    world.denied.push('ebs:CompleteSnapshot');
    const event = world.stack().event('Create', properties());
    const started = { ...event, ...await world.handlers.act(event) };
    await world.handlers.poll(started);
    await world.clock.sleep(200_000);
    expect(world.snapshotIds).toEqual([started.PhysicalResourceId]);

    await expect(world.handlers.poll(started)).rejects.toThrow('ebs:CompleteSnapshot');
    world.expectNothingLeft();
  });

  test('because the snapshot is in state error leaves nothing', async () => {
    await start({ ebs: { completionDelay: 60_000 } });
    const stack = world.stack();
    const deployment = stack.deploy(properties());
    deployment.catch(() => {});
    await world.clock.sleep(20_000);
    world.ebs.fail(world.snapshotIds[0], 'the dog ate it');
    await expect(deployment).rejects.toThrow(/EBS could not complete snapshot snap-/);
    world.expectNothingLeft();
  });

  test('because somebody stopped the execution leaves nothing', async () => {
    await start({ ebs: { completionDelay: 60_000 } });
    const stack = world.stack();
    const deployment = stack.deploy(properties());
    deployment.catch(() => {});
    await world.clock.sleep(20_000);
    const execution = `arn:aws:states:eu-west-1:111122223333:execution:transfer:${world.snapshotIds[0]}`;
    (world.states as unknown as { execution(name: string): { stop(): void } }).execution(execution).stop();
    await expect(deployment).rejects.toThrow('the transfer was stopped');
    world.expectNothingLeft();
  });

  test('because somebody deleted the snapshot says so, although EBS returns other errors later', async () => {
    await start();
    const conflict: Fault = { kind: 'error', code: 'ValidationException', status: 400, message: 'conflict', members: { Reason: 'CONFLICTING_BLOCK_UPDATE' } };
    let puts = 0;
    world.server.faults.choose(operation => {
      if (operation !== 'ebs:PutSnapshotBlock') { return undefined; }
      if (++puts === 1) { world.ec2.snapshots.remove(world.snapshotIds[0]); }
      // Last of all that is heard.
      return world.clock.now() > begin + 110_000 ? conflict : undefined;
    });
    const begin = world.clock.now();
    await expect(world.stack().deploy(properties())).rejects.toThrow(/snapshot snap-\w+ (no longer exists|was deleted)|ResourceNotFoundException/);
    world.expectNothingLeft();
    expect(puts).toBeGreaterThan(1);
  });

  test('because somebody deleted the pending snapshot leaves nothing', async () => {
    await start({ ebs: { completionDelay: 600_000 } });
    const deployment = world.stack().deploy(properties());
    deployment.catch(() => {});
    await world.clock.sleep(20_000);
    world.ec2.snapshots.remove(world.snapshotIds[0]);
    await expect(deployment).rejects.toThrow(/snapshot snap-\w+ (no longer exists|was deleted)/);
    world.expectNothingLeft();
  });

  test('because EBS refuses a block for good names the block and the reason', async () => {
    await start();
    world.server.faults.inject('ebs:PutSnapshotBlock', {
      kind: 'error', code: 'ServiceQuotaExceededException', status: 402, message: 'too much', members: { Reason: 'DEPENDENCY_SERVICE_QUOTA_EXCEEDED' },
    });
    await expect(world.stack().deploy(properties())).rejects.toThrow(
      /ebs:PutSnapshotBlock failed for block \d of snapshot snap-\w+: ServiceQuotaExceededException \(DEPENDENCY_SERVICE_QUOTA_EXCEEDED\): too much/);
    world.expectNothingLeft();
  });
});

describe('an import succeeds in spite of', () => {
  const faults: Record<string, Fault> = {
    'throttling': { kind: 'error', code: 'ThrottlingException', status: 400, message: 'Rate exceeded' },
    'a server error': { kind: 'error', code: 'InternalServerException', status: 500, message: 'internal error' },
    'a reset connection': { kind: 'reset' },
    'a lost answer': { kind: 'lost-answer' },
  };
  const everything = [
    's3:HeadObject', 's3:GetObject', 's3:PutObject', 's3:ListObjectsV2', 's3:DeleteObjects', 'kms:DescribeKey',
    'ebs:StartSnapshot', 'ebs:PutSnapshotBlock', 'ebs:CompleteSnapshot',
    'ec2:DescribeSnapshots', 'ec2:DeleteSnapshot', 'ec2:CreateTags', 'ec2:DeleteTags',
    'states:StartExecution', 'states:DescribeExecution', 'states:StopExecution',
    'cloudformation:DescribeStacks',
  ];

  test.each(Object.entries(faults))('%s of the first call of every operation', async (_, fault) => {
    const image = await start({ ebs: { completionDelay: 60_000 } });
    const { arn: key } = world.kms.createKey();
    const hit = new Set<string>();
    world.server.faults.choose(operation => {
      if (hit.has(operation)) { return undefined; }
      hit.add(operation);
      return fault.kind === 'error' && operation.startsWith('s3:') ? { ...fault, status: 503, code: 'SlowDown' } : fault;
    });
    const stack = world.stack();

    const { SnapshotId } = await stack.deploy(properties({ KmsKeyId: key, Tags: [{ Key: 'a', Value: '1' }] }));
    world.expectContent(SnapshotId, image);
    expect(world.snapshotIds).toEqual([SnapshotId]);
    await stack.deploy(properties({ KmsKeyId: key, Tags: [{ Key: 'b', Value: '1' }] }));
    expect(world.ebs.snapshot(SnapshotId)!.tags).toMatchObject({ b: '1' });
    await stack.destroy();

    stack.onStatus?.('CREATE_IN_PROGRESS');
    const second = stack.event('Create', properties());
    const started = await world.handlers.act(second);
    await world.handlers.poll({ ...second, ...started });
    await stack.play(stack.event('Delete', properties(), { PhysicalResourceId: started.PhysicalResourceId }));
    world.expectNothingLeft();
    expect([...hit].sort()).toEqual([...everything].sort());
  });

  test.each([
    ['RequestThrottledException', 'RESOURCE_LEVEL_THROTTLE', 'slow down'],
    ['ValidationException', 'INVALID_PARAMETER_VALUE', 'Failed to read block data'],
    ['ValidationException', 'WRITE_REQUEST_TIMEOUT', 'too slow'],
    ['ValidationException', 'CONFLICTING_BLOCK_UPDATE', 'conflict'],
  ])('%s (%s) of a block', async (code, Reason, message) => {
    const image = await start();
    world.server.faults.inject('ebs:PutSnapshotBlock', { kind: 'error', code, status: 400, message, members: { Reason } }, { times: 3 });
    const { SnapshotId } = await world.stack().deploy(properties());
    world.expectContent(SnapshotId, image);
    expect(failures('ebs:PutSnapshotBlock')).toBeGreaterThanOrEqual(3);
  });

  test('too many pending snapshots', async () => {
    await start();
    world.server.faults.inject('ebs:StartSnapshot', {
      kind: 'error', code: 'ConcurrentLimitExceededException', status: 400, message: 'The quota of pending snapshots is reached',
    }, { times: 3 });
    await world.stack().deploy(properties());
    expect(failures('ebs:StartSnapshot')).toBe(3);
  });

  test.each(['refused', 'answered'] as const)('the lost answer of a completion, whose repetition is %s', async completeAgain => {
    const image = await start({ ebs: { completeAgain } });
    world.server.faults.inject('ebs:CompleteSnapshot', { kind: 'lost-answer' });
    const { SnapshotId } = await world.stack().deploy(properties());
    world.expectContent(SnapshotId, image);
    expect(world.server.count('ebs:CompleteSnapshot')).toBeGreaterThanOrEqual(2);
  });

  test.each([1, 2, 3, 4, 5])('one call in ten that fails in any way (seed %i)', async seed => {
    const image = await start({ rangeBlocks: 3 }, disk(16 * BLOCK_SIZE - 7));
    let state = seed * 7919;
    const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
    const kinds = Object.values(faults);
    let fired = 0;
    world.server.faults.choose(operation => {
      if (random() >= 0.1) { return undefined; }
      fired++;
      const fault = kinds[Math.floor(random() * kinds.length)];
      return fault.kind === 'error' && operation.startsWith('s3:') ? { ...fault, status: 503, code: 'SlowDown' } : fault;
    });
    const stack = world.stack();
    const { SnapshotId } = await stack.deploy(properties());
    world.expectContent(SnapshotId, image);
    expect(world.snapshotIds).toEqual([SnapshotId]);
    await stack.destroy();
    world.expectNothingLeft();
    expect(fired).toBeGreaterThan(0);
  });
});

describe('without free concurrency', () => {
  const refused = Object.assign(new Error('Rate Exceeded.'), { name: 'Lambda.TooManyRequestsException' });
  const REASON = /^the import did not end in time, because Lambda had no free concurrency for its functions/;

  test.each(['plan', 'copy'])('an import says so when its time is over, and leaves nothing (%s)', async step => {
    await start({ tick: 1_000, around: async (name, work) => { if (name === step) { throw refused; } return world.run(work); } });
    const begin = world.clock.now();

    await expect(world.stack().deploy(properties())).rejects.toThrow(REASON);

    expect(world.clock.now() - begin).toBeGreaterThan(48 * 60_000);
    expect(world.clock.now() - begin).toBeLessThan(51 * 60_000);
    world.expectNothingLeft();
  });

  test('an import of which a worker ran too late says so, too', async () => {
    let ranges = 0;
    let begin = 0;
    await start({
      rangeBlocks: 2,
      tick: 1_000,
      around: async (name, work) => {
        if (name !== 'copy' || ++ranges === 1) { return world.run(work); }
        // The second range begins after three quarters of an hour, and takes ten minutes.
        if (world.clock.now() < begin + 45 * 60_000) { throw refused; }
        const answer = await world.run(work);
        await world.clock.sleep(600_000);
        return answer;
      },
    });
    begin = world.clock.now();
    await expect(world.stack().deploy(properties())).rejects.toThrow(REASON);
    world.expectNothingLeft();
  });

  test('an import goes on as soon as there is some, and is none the worse', async () => {
    let free = Infinity;
    const image = await start({
      tick: 1_000,
      around: async (name, work) => {
        if (world.clock.now() < free && name !== 'poll' && name !== 'act') { throw refused; }
        return world.run(work);
      },
    });
    free = world.clock.now() + 30 * 60_000;

    const { SnapshotId } = await world.stack().deploy(properties());

    world.expectContent(SnapshotId, image);
    expect(world.clock.now()).toBeLessThan(free + 4 * 60_000);
  });
});

test('an import goes on after two minutes in which Step Functions reached no function', async () => {
  const unreachable = Object.assign(new Error('Unable to execute HTTP request'), { name: 'Lambda.SdkClientException' });
  const until = new Map<string, number>();
  const image = await start({
    around: async (name, work) => {
      if (name !== 'poll' && name !== 'act') {
        until.set(name, until.get(name) ?? world.clock.now() + 120_000);
        if (world.clock.now() < until.get(name)!) { throw unreachable; }
      }
      return world.run(work);
    },
  });
  const { SnapshotId } = await world.stack().deploy(properties());
  world.expectContent(SnapshotId, image);
  expect([...until.keys()]).toEqual(['plan', 'copy', 'seal']);
});
