import { PutFileSystemPolicyCommand } from '@aws-sdk/client-efs';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { CREATION_TIMEOUT_SECONDS, inEachTest, EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

const PLAIN = { Owner: 'Stack/Files', RemovalPolicy: 'Delete' };
const ENCRYPTED = { ...PLAIN, Encrypted: true };
const REPLACING = { ...ENCRYPTED, AllowReplacement: true };
const tags = (entries: Record<string, string>) => Object.entries(entries).map(([Key, Value]) => ({ Key, Value }));

let world: EfsHandlerWorld;
let stack: Stack;
inEachTest('Custom::FileSystem', (...given) => { [world, stack] = given; });

const ids = () => world.ids;
const created = () => world.server.count('efs:CreateFileSystem');

describe('creating a file system', () => {
  test('signs again with the time of the services if the clock of the function is wrong by 20 minutes', async () => {
    world.server.clocksAhead = -20 * 60_000;
    await stack.deploy({ ...ENCRYPTED, FileSystemTags: tags({ Name: 'files' }) });
    expect(world.tags(ids()[0])).toMatchObject({ Name: 'files' });
    expect(created()).toBeLessThanOrEqual(2);
    await stack.destroy();
    expect(ids()).toEqual([]);
  });

  test('makes it as the properties say, and marks it as ours', async () => {
    const { keyId, arn } = world.kms.createKey();
    world.kms.createAlias('alias/files', keyId);

    const attributes = await stack.deploy({
      ...ENCRYPTED,
      KmsKeyId: 'alias/files',
      PerformanceMode: 'maxIO',
      ThroughputMode: 'provisioned',
      ProvisionedThroughputInMibps: 12.5,
      FileSystemTags: tags({ Name: 'files', team: 'x' }),
    });

    const [id] = ids();
    expect(stack.physicalId).toBe(id);
    const fileSystem = await world.describe(id);
    expect(attributes).toEqual({
      FileSystemId: id,
      Arn: fileSystem.FileSystemArn,
      ThroughputMode: 'provisioned',
      ProvisionedThroughputInMibps: '12.5',
      PendingThroughputChange: '',
    });
    expect(fileSystem).toMatchObject({
      LifeCycleState: 'available',
      Encrypted: true,
      KmsKeyId: arn,
      PerformanceMode: 'maxIO',
      ThroughputMode: 'provisioned',
      ProvisionedThroughputInMibps: 12.5,
    });
    expect(fileSystem.CreationToken).toMatch(/^[0-9a-f]{64}$/);
    expect(world.tags(id)).toEqual({
      Name: 'files',
      team: 'x',
      [OWNERSHIP_TAGS.stackId]: stack.stackId,
      [OWNERSHIP_TAGS.owner]: 'Stack/Files',
      [OWNERSHIP_TAGS.logicalId]: 'Thing',
      [OWNERSHIP_TAGS.identity]: expect.any(String),
      [OWNERSHIP_TAGS.requestId]: expect.any(String),
    });
  });

  // CloudFormation does so in express mode, with a resource whose dependencies were not ready.
  test('again while that of the creation before is still being made takes it over, and the former loses', async () => {
    const first = stack.event('Create', ENCRYPTED);
    const begun = { ...first, ...await world.handlers.act(first) };
    const { id } = await stack.play(stack.event('Create', ENCRYPTED));
    expect(id).toBe(begun.PhysicalResourceId);
    await expect(world.handlers.poll(begun)).rejects.toThrow('superseded by a later one');
    expect(ids()).toEqual([id]);
  });

  test('makes one, however often the event is delivered', async () => {
    stack.deliveries = 3;
    await stack.deploy(ENCRYPTED);
    expect(ids()).toHaveLength(1);
  });

  test('makes one, although the answer of the creating call was lost', async () => {
    world.server.faults.inject('efs:CreateFileSystem', { kind: 'lost-answer' });
    await stack.deploy(ENCRYPTED);
    expect(ids()).toEqual([stack.physicalId]);
    expect(created()).toBe(2);
  });

  test('leaves nothing, if every answer of the creating call is lost', async () => {
    world.server.faults.inject('efs:CreateFileSystem', { kind: 'lost-answer' });
    world.server.faults.inject('efs:CreateFileSystem', { kind: 'reset' }, { times: Infinity });
    await expect(stack.deploy(ENCRYPTED)).rejects.toThrow();
    world.clock.advance(60_000);
    expect(ids()).toEqual([]);
  });

  test('leaves nothing, if it fails while IAM denies the calls of the clean-up for 20 seconds', async () => {
    world.server.faults.inject('efs:CreateFileSystem', { kind: 'lost-answer' });
    world.server.faults.inject('efs:CreateFileSystem', { kind: 'error', code: 'BadRequest', status: 400, message: 'refused' });
    world.denied.push('elasticfilesystem:DeleteFileSystem');
    world.clock.wakeAt(world.clock.now() + 20_000, () => world.denied.splice(0));
    await expect(world.handlers.act(stack.event('Create', ENCRYPTED) as any)).rejects.toThrow('refused');
    world.clock.advance(60_000);
    expect(ids()).toEqual([]);
  });

  test.each([
    ['a key that does not exist', { KmsKeyId: 'alias/none' }, "'kmsKey' is alias/none, but there is no such key"],
    ['a reserved tag', { FileSystemTags: tags({ 'cdk-durable-storage:owner': 'me' }) }, "'tags' must not have keys that begin with cdk-durable"],
    ['too much throughput', { ThroughputMode: 'provisioned', ProvisionedThroughputInMibps: 9999 }, "'provisionedThroughputPerSecond': Provisioned"],
  ])('refuses %s, and leaves nothing', async (_, properties, message) => {
    await expect(stack.deploy({ ...ENCRYPTED, ...properties })).rejects.toThrow(message);
    expect(ids()).toEqual([]);
  });

  test('says that a disabled key is the reason', async () => {
    const { keyId } = world.kms.createKey();
    world.kms.setEnabled(keyId, false);
    await expect(stack.deploy({ ...ENCRYPTED, KmsKeyId: keyId })).rejects.toThrow(`'kmsKey' is ${keyId}, which is in state Disabled`);
    expect(created()).toBe(0);
  });

  test('waits for the deletion of the one that has the token, and then makes it', async () => {
    await stack.deploy(PLAIN);
    const token = (await world.describe(stack.physicalId!)).CreationToken;
    await world.handlers.act(stack.event('Delete', PLAIN, { PhysicalResourceId: stack.physicalId }));

    const again = world.stack('Custom::FileSystem');
    const { FileSystemId } = await again.deploy(PLAIN);

    expect(FileSystemId).not.toBe(stack.physicalId);
    expect((await world.describe(FileSystemId)).CreationToken).toBe(token);
  });

  test('is followed by a deletion that leaves nothing, if the policy is refused', async () => {
    await expect(stack.deploy({ ...PLAIN, FileSystemPolicy: { Statement: [] } })).rejects.toThrow("'fileSystemPolicy'");
    expect(ids()).toEqual([]);
  });
});

describe('a creation that CloudFormation cancels', () => {
  test('is undone when the Delete comes before, or without, the Create', async () => {
    await stack.cancel(ENCRYPTED);
    expect(created()).toBe(0);
  });

  test('is undone when the Delete comes after the Create', async () => {
    await world.handlers.act(stack.event('Create', ENCRYPTED));
    expect(ids()).toHaveLength(1);
    await stack.cancel(ENCRYPTED);
    expect(ids()).toEqual([]);
  });

  test('is undone when the Create runs after the Delete began', async () => {
    const cancelling = stack.cancel(ENCRYPTED);
    await world.clock.sleep((CREATION_TIMEOUT_SECONDS - 10) * 1000);
    const { PhysicalResourceId } = await world.handlers.act(stack.event('Create', ENCRYPTED));
    await cancelling;
    world.clock.advance(10_000);
    expect(PhysicalResourceId).toMatch(/^fs-/);
    expect(ids()).toEqual([]);
  });

  test('touches no file system of another stack with the same token', async () => {
    await stack.deploy({ ...PLAIN, CreationToken: 'mine' });
    await world.stack('Custom::FileSystem', 'Thing', 'Other').cancel({ Owner: 'Other/Files', RemovalPolicy: 'Delete', CreationToken: 'mine' });
    expect(ids()).toEqual([stack.physicalId]);
  });
});

describe('updating a file system', () => {
  test('changes tags, throughput and policy in place, and leaves the tags of others alone', async () => {
    const policy = { Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: ['elasticfilesystem:ClientMount'] }] };
    await stack.deploy({ ...PLAIN, FileSystemTags: tags({ Name: 'old', gone: '1', changed: '1' }), FileSystemPolicy: policy });
    const id = stack.physicalId!;
    await world.tag(id, { foreign: 'yes', changed: 'by hand' });

    await stack.deploy({ ...PLAIN, FileSystemTags: tags({ Name: 'new' }), ThroughputMode: 'elastic' });

    expect(stack.physicalId).toBe(id);
    expect(world.tags(id)).toMatchObject({ Name: 'new', foreign: 'yes', changed: 'by hand' });
    expect(world.tags(id)).not.toHaveProperty('gone');
    expect(await world.describe(id)).toMatchObject({ ThroughputMode: 'elastic' });
    expect(world.efs.fileSystems[0].policy).toBeUndefined();
  });

  test('replaces all the tags that a file system may have, removing before it adds', async () => {
    const many = (prefix: string) => tags(Object.fromEntries(Array.from({ length: 43 }, (_, i) => [`${prefix}${i}`, ''])));
    await stack.deploy({ ...PLAIN, FileSystemTags: many('a') });
    await stack.deploy({ ...PLAIN, FileSystemTags: many('b') });
    expect(Object.keys(world.tags(stack.physicalId!)).filter(key => /^[ab]\d/.test(key)).sort()).toEqual(many('b').map(({ Key }) => Key).sort());
  });

  test('without its policy deletes that, but not the one that somebody else has put since', async () => {
    const policy = (Sid: string) => ({ Statement: [{ Sid, Effect: 'Allow', Principal: { AWS: '111122223333' }, Action: ['elasticfilesystem:ClientMount'] }] });
    await stack.deploy({ ...PLAIN, FileSystemPolicy: policy('ours') });
    await stack.deploy(PLAIN);
    expect(world.efs.fileSystems[0].policy).toBeUndefined();
    await stack.deploy({ ...PLAIN, FileSystemPolicy: policy('ours') });
    await world.client.send(new PutFileSystemPolicyCommand({ FileSystemId: stack.physicalId, Policy: JSON.stringify(policy('theirs')) }));
    await stack.deploy(PLAIN);
    expect(world.efs.fileSystems[0].policy).toContain('theirs');
  });

  test('puts no policy that is there already', async () => {
    const policy = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'elasticfilesystem:ClientMount' }] };
    await stack.deploy({ ...PLAIN, FileSystemPolicy: policy });
    await stack.deploy({ ...PLAIN, FileSystemPolicy: { Statement: policy.Statement, Version: policy.Version }, FileSystemTags: tags({ a: 'b' }) });
    expect(world.server.count('efs:PutFileSystemPolicy')).toBe(1);
    await stack.deploy({ ...PLAIN, FileSystemPolicy: { ...policy, Statement: [{ ...policy.Statement[0], Principal: { AWS: '111122223333' } }] } });
    expect(world.efs.fileSystems[0].policy).toContain('111122223333');
  });

  test('leaves throughput alone that the properties never mentioned, and goes back to bursting from what they did', async () => {
    await stack.deploy({ ...PLAIN, ThroughputMode: 'elastic' });
    world.clock.advance(25 * 3_600_000);
    await stack.deploy(PLAIN);
    expect(world.efs.fileSystems[0].throughputMode).toBe('bursting');

    world.efs.fileSystems[0].throughputMode = 'elastic';
    await stack.deploy({ ...PLAIN, FileSystemTags: tags({ a: 'b' }) });
    expect(world.efs.fileSystems[0].throughputMode).toBe('elastic');
  });

  test('fails at once with the time at which EFS allows the change', async () => {
    await stack.deploy(PLAIN);
    await stack.deploy({ ...PLAIN, ThroughputMode: 'elastic' });
    const time = new Date(world.efs.fileSystems[0].throughputChangedAt! + 24 * 3_600_000).toISOString().slice(0, 16);
    await expect(stack.deploy(PLAIN)).rejects.toThrow(new RegExp(
      `'throughputMode' of file system ${stack.physicalId} cannot change from elastic to bursting before ${time}.*deploy again after that time`));
    expect(world.efs.fileSystems[0].throughputMode).toBe('elastic');
    expect(world.server.calls.filter(({ operation, status }) => operation === 'efs:UpdateFileSystem' && status === 429)).toHaveLength(1);
  });

  test('keeps the throughput, and succeeds, if the stack is rolling back', async () => {
    await stack.deploy(PLAIN);
    world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');

    await expect(stack.deploy({ ...PLAIN, ThroughputMode: 'elastic', FileSystemTags: tags({ a: 'b' }) }, { failAfter: true }))
      .rejects.toThrow('another resource failed');

    expect(world.efs.fileSystems[0].throughputMode).toBe('elastic');
    expect(world.tags(stack.physicalId!)).not.toHaveProperty('a');
    expect(world.logged(/leaves the throughput/)).toHaveLength(1);
  });

  test('raises the rate at any time', async () => {
    await stack.deploy({ ...PLAIN, ThroughputMode: 'provisioned', ProvisionedThroughputInMibps: 10 });
    await stack.deploy({ ...PLAIN, ThroughputMode: 'provisioned', ProvisionedThroughputInMibps: 20 });
    await stack.deploy({ ...PLAIN, ThroughputMode: 'provisioned', ProvisionedThroughputInMibps: 30 });
    expect(world.efs.fileSystems[0].provisionedThroughputInMibps).toBe(30);
  });

  test('is undone by a rollback', async () => {
    await stack.deploy({ ...PLAIN, FileSystemTags: tags({ Name: 'old' }) });
    await expect(stack.deploy({ ...PLAIN, FileSystemTags: tags({ Name: 'new', more: '1' }) }, { failAfter: true })).rejects.toThrow();
    expect(world.tags(stack.physicalId!)).toMatchObject({ Name: 'old' });
    expect(world.tags(stack.physicalId!)).not.toHaveProperty('more');
  });

  test('stops what an update that was cancelled still does', async () => {
    await stack.deploy(PLAIN);
    const [PhysicalResourceId, wanted] = [stack.physicalId!, { ...PLAIN, ThroughputMode: 'elastic', FileSystemTags: tags({ late: '1' }) }];
    const handlers = world.handlers;
    const cancelled = stack.event('Update', wanted, { PhysicalResourceId, OldResourceProperties: PLAIN as any });
    await handlers.act(cancelled);
    await stack.play(stack.event('Update', PLAIN, { PhysicalResourceId, OldResourceProperties: wanted as any }));

    await expect(handlers.poll(cancelled)).rejects.toThrow('superseded by a later one');
    expect(world.tags(PhysicalResourceId)).not.toHaveProperty('late');
  });

  test('says that the file system is gone', async () => {
    await stack.deploy(PLAIN);
    await world.handlers.act(stack.event('Delete', PLAIN, { PhysicalResourceId: stack.physicalId }));
    world.clock.advance(60_000);
    const known = { PhysicalResourceId: stack.physicalId, OldResourceProperties: PLAIN as any };
    const update = stack.event('Update', { ...PLAIN, FileSystemTags: [] }, known);
    await expect(stack.play(update)).rejects.toThrow(`file system ${stack.physicalId} is gone`);
  });

  test('of the library, which sends a default that was absent before, replaces nothing', async () => {
    await stack.deploy(PLAIN);
    const [id] = ids();
    await stack.deploy({ ...PLAIN, Encrypted: false, PerformanceMode: 'generalPurpose' });
    expect(ids()).toEqual([id]);
  });
});

describe('changing an immutable property', () => {
  test('makes another file system, then deletes the old one', async () => {
    await stack.deploy(PLAIN);
    const old = stack.physicalId!;
    await stack.deploy(REPLACING);
    expect(stack.physicalId).not.toBe(old);
    expect(ids()).toEqual([stack.physicalId]);
    expect(await world.describe(stack.physicalId!)).toMatchObject({ Encrypted: true });
  });

  test.each(['old', 'new'] as const)('and failing afterwards gives back the old one, with the %s id', async rollbackWith => {
    await stack.deploy(PLAIN);
    const [old] = ids();
    await expect(stack.deploy(REPLACING, { failAfter: true, rollbackWith })).rejects.toThrow('another resource failed');

    expect(stack.physicalId).toBe(old);
    expect(world.tags(old)).toBeDefined();
    // With the old id, CloudFormation never heard of the new file system as complete.
    if (rollbackWith === 'new') { expect(ids()).toEqual([old]); }
    await stack.destroy();
  });

  test.each(['old', 'new'] as const)('and failing meanwhile gives back the old one, with the %s id, and leaves nothing else', async rollbackWith => {
    await stack.deploy(PLAIN);
    const [old] = ids();
    await expect(stack.deploy({ ...REPLACING, FileSystemPolicy: { Statement: [] } }, { rollbackWith })).rejects.toThrow("'fileSystemPolicy'");

    world.clock.advance(10_000);
    expect(stack.physicalId).toBe(old);
    expect(ids()).toEqual([old]);
  });

  test('and cancelling before it is ready gives back the old one, and leaves nothing else', async () => {
    await stack.deploy(PLAIN);
    const [old] = ids();
    await world.handlers.act(
      stack.event('Update', REPLACING, { PhysicalResourceId: old, OldResourceProperties: PLAIN as any }));
    expect(ids()).toHaveLength(2);
    const back = await stack.play(stack.event('Update', PLAIN, { PhysicalResourceId: old, OldResourceProperties: REPLACING as any }));

    world.clock.advance(10_000);
    expect(back.id).toBe(old);
    expect(ids()).toEqual([old]);
  });

  test('makes one, if the event is delivered twice', async () => {
    await stack.deploy(PLAIN);
    stack.deliveries = 2;
    await stack.deploy(REPLACING);
    expect(ids()).toEqual([stack.physicalId]);
  });

  test('works again right after it was rolled back', async () => {
    await stack.deploy(PLAIN);
    const [old] = ids();
    const event = { PhysicalResourceId: old, OldResourceProperties: PLAIN as any };
    await world.handlers.act(stack.event('Update', REPLACING, event));
    world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
    await stack.play(stack.event('Update', PLAIN, { PhysicalResourceId: old, OldResourceProperties: REPLACING as any }));
    world.stacks.statuses.set(stack.stackId, 'UPDATE_IN_PROGRESS');
    await stack.deploy(REPLACING);
    expect(ids()).toEqual([stack.physicalId]);
    expect(await world.describe(stack.physicalId!)).toMatchObject({ Encrypted: true });
  });

  test('needs another creation token, if the user chose it', async () => {
    await stack.deploy({ ...PLAIN, CreationToken: 'mine' });
    const [old] = ids();

    await expect(stack.deploy({ ...ENCRYPTED, CreationToken: 'mine' }))
      .rejects.toThrow("'creationToken' is still 'mine', but encrypted from false to true cannot change");
    expect(stack.physicalId).toBe(old);
    expect(created()).toBe(1);

    await stack.deploy({ ...REPLACING, CreationToken: 'yours' });
    expect(ids()).toEqual([stack.physicalId]);
  });

  test('replaces nothing, if the key got another name only, or the derived token is written out', async () => {
    const { keyId, arn } = world.kms.createKey();
    await stack.deploy({ ...ENCRYPTED, KmsKeyId: keyId, CreationToken: 'mine' });
    const [id] = ids();
    await stack.deploy({ ...ENCRYPTED, KmsKeyId: arn, CreationToken: 'mine' });
    expect(ids()).toEqual([id]);

    const other = world.stack('Custom::FileSystem', 'Other');
    await other.deploy({ ...PLAIN, Owner: 'Stack/Other' });
    const token = (await world.describe(other.physicalId!)).CreationToken;
    const before = other.physicalId;
    await other.deploy({ ...PLAIN, Owner: 'Stack/Other', CreationToken: token });
    expect(other.physicalId).toBe(before);
  });
});

describe('deleting a file system', () => {
  test('waits until it is gone', async () => {
    await stack.deploy(PLAIN);
    await stack.destroy();
    expect(ids()).toEqual([]);
  });

  test('succeeds, if it is gone already, and leaves one that is not ours', async () => {
    await stack.deploy(PLAIN);
    const event = stack.event('Delete', PLAIN, { PhysicalResourceId: stack.physicalId });
    const other = world.stack('Custom::FileSystem', 'Thing', 'Other');
    await other.play({ ...event, StackId: other.stackId });
    world.clock.advance(10_000);
    expect(ids()).toEqual([stack.physicalId]);

    await stack.play(event);
    await stack.play(event);
    expect(ids()).toEqual([]);
  });

  test('waits for its last mount target', async () => {
    await stack.deploy(PLAIN);
    await world.foreignTarget(stack.physicalId!, world.subnet.a1);
    const event = stack.event('Delete', PLAIN, { PhysicalResourceId: stack.physicalId });
    const started = { ...event, ...await world.handlers.act(event) };
    expect(await world.handlers.poll(started)).toEqual({ IsComplete: false });

    const target = world.efs.mountTargets[0];
    target.phase.begin('deleting', 'deleted', 40_000);
    await stack.play(event);
    expect(ids()).toEqual([]);
  });


  test('of one that was never finished happens even where data shall be retained', async () => {
    await expect(stack.deploy({ ...PLAIN, RemovalPolicy: 'Retain', FileSystemPolicy: { Statement: [] } })).rejects.toThrow('fileSystemPolicy');
    expect(ids()).toEqual([]);
  });

  test.each([true, false])('of one that a failed operation made happens even where data shall be retained (CloudFormation answers: %p)', async answers => {
    world.stacks.broken = !answers;
    await expect(stack.deploy({ ...PLAIN, RemovalPolicy: 'Retain' }, { failAfter: true })).rejects.toThrow('another resource failed');
    expect(ids()).toEqual([]);
  });
});
