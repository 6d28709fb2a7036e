import { CreateAccessPointCommand, CreateFileSystemCommand } from '@aws-sdk/client-efs';
import { ownerDigest } from '../../../lambda/shared/ownership';
import { EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

let world: EfsHandlerWorld;
let stack: Stack;
let id: string;
let other: string;
beforeEach(async () => {
  world = await EfsHandlerWorld.start();
  stack = world.stack('Custom::TagSet');
  [id, other] = [await fileSystem('first'), await fileSystem('second')];
});
afterEach(() => world.close());

async function fileSystem(CreationToken: string): Promise<string> {
  const { FileSystemId } = await world.client.send(new CreateFileSystemCommand({ CreationToken, Tags: [{ Key: 'foreign', Value: 'yes' }] }));
  world.clock.advance(10_000);
  return FileSystemId!;
}

const set = (tags: Record<string, string>, more: object = {}) => ({
  Owner: 'Stack/Tags',
  RemovalPolicy: 'Delete',
  ResourceId: id,
  Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
  ...more,
});
const DIGEST = ownerDigest(set({}));
const FOREIGN = { foreign: 'yes' };

test('sets its tags, changes them, and takes them away, and leaves all others alone', async () => {
  expect(await stack.deploy(set({ a: '1', b: '2' }))).toEqual({ ResourceId: id });
  expect(stack.physicalId).toBe(`${id}/${DIGEST}`);
  expect(world.tags(id)).toEqual({ ...FOREIGN, a: '1', b: '2' });

  await stack.deploy(set({ b: '3', c: '4' }));
  expect(world.tags(id)).toEqual({ ...FOREIGN, b: '3', c: '4' });

  await stack.destroy();
  expect(world.tags(id)).toEqual(FOREIGN);
});

test('refuses keys that have another value, before it sets any', async () => {
  await expect(stack.deploy(set({ a: '1', foreign: 'no' }))).rejects.toThrow(
    `'tags' of ${id} exist already with other values: foreign=yes (not no); leave them out, or set 'overwrite'`);
  expect(world.tags(id)).toEqual(FOREIGN);
});

test('replaces all the tags that a file system may have, removing before it adds', async () => {
  const many = (prefix: string) => Object.fromEntries(Array.from({ length: 49 }, (_, i) => [`${prefix}${i}`, '']));
  await stack.deploy(set(many('a')));
  await stack.deploy(set(many('b')));
  expect(world.tags(id)).toEqual({ ...FOREIGN, ...many('b') });
  await expect(stack.deploy(set(many('c')), { failAfter: true })).rejects.toThrow('another resource failed');
  expect(world.tags(id)).toEqual({ ...FOREIGN, ...many('b') });
});

test('overwrites them, if told to', async () => {
  await stack.deploy(set({ a: '1', foreign: 'no' }, { Overwrite: true }));
  expect(world.tags(id)).toEqual({ a: '1', foreign: 'no' });
});

test('refuses an added key that has another value, and stays as it was', async () => {
  await stack.deploy(set({ a: '1' }));
  await expect(stack.deploy(set({ a: '2', foreign: 'no' }))).rejects.toThrow('foreign=yes (not no)');
  expect(world.tags(id)).toEqual({ ...FOREIGN, a: '1' });

  await stack.deploy(set({ a: '2', foreign: 'no' }, { Overwrite: true }));
  expect(world.tags(id)).toEqual({ foreign: 'no', a: '2' });
});

test('takes back a key of its own that somebody changed, and does not remove one that it gave up', async () => {
  await stack.deploy(set({ a: '1', b: '1' }));
  await world.tag(id, { a: 'theirs', b: 'theirs' });
  await stack.deploy(set({ a: '1', c: '1' }));
  expect(world.tags(id)).toEqual({ ...FOREIGN, a: '1', b: 'theirs', c: '1' });

  await world.tag(id, { c: 'theirs' });
  await stack.destroy();
  expect(world.tags(id)).toEqual({ ...FOREIGN, b: 'theirs', c: 'theirs' });
});

test('is undone by a rollback', async () => {
  await stack.deploy(set({ a: '1' }));
  await expect(stack.deploy(set({ a: '2', b: '1' }), { failAfter: true })).rejects.toThrow('another resource failed');
  expect(world.tags(id)).toEqual({ ...FOREIGN, a: '1' });
});

test('a rollback does not remove what somebody else has set meanwhile', async () => {
  await stack.deploy(set({ a: '1' }));
  const [properties, back] = [set({ a: '1', b: '1' }), set({ a: '1' })];
  await stack.play(stack.event('Update', properties, { PhysicalResourceId: stack.physicalId, OldResourceProperties: back as any }));
  await world.tag(id, { b: 'theirs' });
  await stack.play(stack.event('Update', back, { PhysicalResourceId: stack.physicalId, OldResourceProperties: properties as any }));
  expect(world.tags(id)).toEqual({ ...FOREIGN, a: '1', b: 'theirs' });
});

test.each(['old', 'new'] as const)('moves to another file system, and back in a rollback with the %s id', async rollbackWith => {
  await stack.deploy(set({ a: '1' }));
  await expect(stack.deploy(set({ a: '1', b: '2' }, { ResourceId: other }), { failAfter: true, rollbackWith }))
    .rejects.toThrow('another resource failed');
  expect(stack.physicalId).toBe(`${id}/${DIGEST}`);
  expect(world.tags(id)).toEqual({ ...FOREIGN, a: '1' });
  expect(world.tags(other)).toEqual(FOREIGN);

  await stack.deploy(set({ c: '3' }, { ResourceId: other }));
  expect(world.tags(id)).toEqual(FOREIGN);
  expect(world.tags(other)).toMatchObject({ ...FOREIGN, c: '3' });
});

test('refuses to move where a key has another value, and keeps the old place', async () => {
  await stack.deploy(set({ a: '1' }));
  await world.tag(other, { a: 'theirs' });
  await expect(stack.deploy(set({ a: '1' }, { ResourceId: other }))).rejects.toThrow('a=theirs (not 1)');
  expect(world.tags(id)).toEqual({ ...FOREIGN, a: '1' });
  expect(world.tags(other)).toEqual({ ...FOREIGN, a: 'theirs' });
});

test('events that are delivered twice change nothing more', async () => {
  stack.deliveries = 2;
  await stack.deploy(set({ a: '1' }));
  await stack.deploy(set({ b: '1' }));
  expect(world.tags(id)).toEqual({ ...FOREIGN, b: '1' });
  await stack.destroy();
  expect(world.tags(id)).toEqual(FOREIGN);
});

test('a creation that was cancelled is undone, after or without the Create', async () => {
  await stack.cancel(set({ a: '1', foreign: 'yes' }));
  expect(world.tags(id)).toEqual(FOREIGN);

  await world.handlers.act(stack.event('Create', set({ a: '1', b: '1' })));
  await stack.cancel(set({ a: '1', b: '1' }));
  expect(world.tags(id)).toEqual(FOREIGN);
});

test('a creation that failed removes nothing of others', async () => {
  await world.tag(id, { a: '1' });
  await expect(stack.deploy(set({ a: '1', foreign: 'no' }))).rejects.toThrow('foreign=yes');
  await expect(stack.deploy(set({ a: '1', ...Object.fromEntries(Array.from({ length: 49 }, (_, i) => [`k${i}`, ''])) })))
    .rejects.toThrow(`BadRequest: 'tags' of ${id}: A resource can have at most 50 tags`);
  expect(world.tags(id)).toEqual({ ...FOREIGN, a: '1' });
});

test('a file system that is gone is no reason to fail a deletion, but to fail a creation', async () => {
  await stack.deploy(set({ a: '1' }));
  await stack.play(stack.event('Delete', set({ a: '1' }), { PhysicalResourceId: `fs-0123456789abcdef0/${DIGEST}` }));
  await expect(stack.deploy(set({ a: '1' }, { ResourceId: 'fs-0123456789abcdef0' })))
    .rejects.toThrow("'fileSystem' is fs-0123456789abcdef0, which does not exist");
  await expect(stack.deploy(set({ a: '1' }, { ResourceId: 'fsap-0123456789abcdef0' })))
    .rejects.toThrow("'accessPoint' is fsap-0123456789abcdef0, which does not exist");
});

test('tags access points, too, and by ARN', async () => {
  const { AccessPointId, AccessPointArn } = await world.client.send(new CreateAccessPointCommand({ ClientToken: 't', FileSystemId: id }));
  await stack.deploy(set({ a: '1' }, { ResourceId: AccessPointArn }));
  expect(stack.physicalId).toBe(`${AccessPointId}/${DIGEST}`);
  expect(world.efs.accessPoints[0].tags).toEqual({ a: '1' });
  await stack.destroy();
  expect(world.efs.accessPoints[0].tags).toEqual({});
});

test('refuses keys by which the library knows its own', async () => {
  await expect(stack.deploy(set({ 'cdk-durable-storage:stack-id': 'x' }, { Overwrite: true }))).rejects.toThrow("'tags' must not have keys");
});
