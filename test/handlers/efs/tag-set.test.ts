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
/** The tags without the claims of sets. */
const tagsOf = (some: string) => Object.fromEntries(Object.entries(world.tags(some)).filter(([key]) => !key.startsWith('cdk-durable-storage:')));
const DIGEST = ownerDigest(set({}));
const FOREIGN = { foreign: 'yes' };

test('sets its tags, changes them, and takes them away, and leaves all others alone', async () => {
  expect(await stack.deploy(set({ a: '1', b: '2' }))).toEqual({ ResourceId: id });
  expect(stack.physicalId).toBe(`${id}/${DIGEST}`);
  expect(tagsOf(id)).toEqual({ ...FOREIGN, a: '1', b: '2' });

  await stack.deploy(set({ b: '3', c: '4' }));
  expect(tagsOf(id)).toEqual({ ...FOREIGN, b: '3', c: '4' });

  await stack.destroy();
  expect(world.tags(id)).toEqual(FOREIGN);
});

test('sets a tag that somebody has changed in an update although CloudFormation still tells the rollback before', async () => {
  await stack.deploy(set({ a: '1' }));
  await world.tag(id, { a: 'by hand' });
  world.clock.advance(120_000);
  world.lag('UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS');
  await stack.deploy(set({ a: '2' }));
  expect(tagsOf(id)).toEqual({ ...FOREIGN, a: '2' });
});

test('refuses keys that have another value, before it sets any', async () => {
  await expect(stack.deploy(set({ a: '1', foreign: 'no' }))).rejects.toThrow(
    `'tags' of ${id} exist already with other values: foreign=yes (not no); leave them out, or set 'overwrite'`);
  expect(tagsOf(id)).toEqual(FOREIGN);
});

test('replaces all tags of a set where no others fit beside them, removing before it adds', async () => {
  const many = (prefix: string) => Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`${prefix}${i}`, '']));
  await world.tag(id, Object.fromEntries(Array.from({ length: 18 }, (_, i) => [`theirs${i}`, 'x'])));
  const theirs = tagsOf(id);
  await stack.deploy(set(many('a')));
  await stack.deploy(set(many('b')));
  expect(tagsOf(id)).toEqual({ ...theirs, ...many('b') });
  await expect(stack.deploy(set(many('c')), { failAfter: true })).rejects.toThrow('another resource failed');
  expect(tagsOf(id)).toEqual({ ...theirs, ...many('b') });
});

test('overwrites them, if told to', async () => {
  await stack.deploy(set({ a: '1', foreign: 'no' }, { Overwrite: true }));
  expect(tagsOf(id)).toEqual({ a: '1', foreign: 'no' });
});

test('refuses an added key that has another value, and stays as it was', async () => {
  await stack.deploy(set({ a: '1' }));
  await expect(stack.deploy(set({ a: '2', foreign: 'no' }))).rejects.toThrow('foreign=yes (not no)');
  expect(tagsOf(id)).toEqual({ ...FOREIGN, a: '1' });

  await stack.deploy(set({ a: '2', foreign: 'no' }, { Overwrite: true }));
  expect(tagsOf(id)).toEqual({ foreign: 'no', a: '2' });
});

test('takes back a key of its own that somebody changed, and does not remove one that it gave up', async () => {
  await stack.deploy(set({ a: '1', b: '1' }));
  await world.tag(id, { a: 'theirs', b: 'theirs' });
  await stack.deploy(set({ a: '1', c: '1' }));
  expect(tagsOf(id)).toEqual({ ...FOREIGN, a: '1', b: 'theirs', c: '1' });

  await world.tag(id, { c: 'theirs' });
  await stack.destroy();
  expect(world.tags(id)).toEqual({ ...FOREIGN, b: 'theirs', c: 'theirs' });
});

test('is undone by a rollback', async () => {
  await stack.deploy(set({ a: '1' }));
  await expect(stack.deploy(set({ a: '2', b: '1' }), { failAfter: true })).rejects.toThrow('another resource failed');
  expect(tagsOf(id)).toEqual({ ...FOREIGN, a: '1' });
});

test('a rollback does not remove what somebody else has set meanwhile', async () => {
  await stack.deploy(set({ a: '1' }));
  const [properties, back] = [set({ a: '1', b: '1' }), set({ a: '1' })];
  await stack.play(stack.event('Update', properties, { PhysicalResourceId: stack.physicalId, OldResourceProperties: back as any }));
  await world.tag(id, { b: 'theirs' });
  await stack.play(stack.event('Update', back, { PhysicalResourceId: stack.physicalId, OldResourceProperties: properties as any }));
  expect(tagsOf(id)).toEqual({ ...FOREIGN, a: '1', b: 'theirs' });
});

test('the way back leaves a key that somebody else has set since, and puts back the others', async () => {
  const [one, next] = [set({ a: '1', b: '1' }), set({ a: '2' })];
  await stack.deploy(one);
  await stack.play(stack.event('Update', next, { PhysicalResourceId: stack.physicalId, OldResourceProperties: one as any }));
  await world.tag(id, { b: 'theirs' });
  world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
  await stack.play(stack.event('Update', one, { PhysicalResourceId: stack.physicalId, OldResourceProperties: next as any }));
  expect(tagsOf(id)).toEqual({ ...FOREIGN, a: '1', b: 'theirs' });
  await stack.destroy();
  expect(world.tags(id)).toEqual({ ...FOREIGN, b: 'theirs' });
});

test.each(['old', 'new'] as const)('moves to another file system, and back in a rollback with the %s id', async rollbackWith => {
  await stack.deploy(set({ a: '1' }));
  await expect(stack.deploy(set({ a: '1', b: '2' }, { ResourceId: other }), { failAfter: true, rollbackWith }))
    .rejects.toThrow('another resource failed');
  expect(stack.physicalId).toBe(`${id}/${DIGEST}`);
  expect(tagsOf(id)).toEqual({ ...FOREIGN, a: '1' });
  expect(tagsOf(other)).toEqual(FOREIGN);

  await stack.deploy(set({ c: '3' }, { ResourceId: other }));
  expect(tagsOf(id)).toEqual(FOREIGN);
  expect(tagsOf(other)).toMatchObject({ ...FOREIGN, c: '3' });
});

test('refuses to move where a key has another value, and keeps the old place', async () => {
  await stack.deploy(set({ a: '1' }));
  await world.tag(other, { a: 'theirs' });
  await expect(stack.deploy(set({ a: '1' }, { ResourceId: other }))).rejects.toThrow('a=theirs (not 1)');
  expect(tagsOf(id)).toEqual({ ...FOREIGN, a: '1' });
  expect(tagsOf(other)).toEqual({ ...FOREIGN, a: 'theirs' });
});

test('events that are delivered twice change nothing more', async () => {
  stack.deliveries = 2;
  await stack.deploy(set({ a: '1' }));
  await stack.deploy(set({ b: '1' }));
  expect(tagsOf(id)).toEqual({ ...FOREIGN, b: '1' });
  await stack.destroy();
  expect(world.tags(id)).toEqual(FOREIGN);
});

test('a creation that was cancelled is undone, after or without the Create', async () => {
  await stack.cancel(set({ a: '1', foreign: 'yes' }));
  expect(tagsOf(id)).toEqual(FOREIGN);

  await world.handlers.act(stack.event('Create', set({ a: '1', b: '1' })));
  await stack.cancel(set({ a: '1', b: '1' }));
  expect(tagsOf(id)).toEqual(FOREIGN);
});

test('a creation that failed removes nothing of others', async () => {
  await world.tag(id, { a: '1' });
  await expect(stack.deploy(set({ a: '1', foreign: 'no' }))).rejects.toThrow('foreign=yes');
  expect(world.tags(id)).toEqual({ ...FOREIGN, a: '1' });
});

test('is refused before it changes anything if the file system or the set would have too many tags', async () => {
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, '']));
  await expect(stack.deploy(set(many(31)))).rejects.toThrow("'tags' must be at most 30 in one set, got 31: give the others to another TagSet");
  await world.tag(id, Object.fromEntries(Array.from({ length: 19 }, (_, i) => [`theirs${i}`, 'x'])));
  const before = world.tags(id);
  await expect(stack.deploy(set(many(30)))).rejects.toThrow(
    `'tags' of ${id} would bring it to 51 tags, with one that records who set what, and EFS allows 50: remove 1`);
  expect(world.tags(id)).toEqual(before);
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
  expect(world.efs.accessPoints[0].tags).toMatchObject({ a: '1' });
  await stack.destroy();
  expect(world.efs.accessPoints[0].tags).toEqual({});
});

test('refuses keys by which the library knows its own', async () => {
  await expect(stack.deploy(set({ 'cdk-durable-storage:stack-id': 'x' }, { Overwrite: true }))).rejects.toThrow("'tags' must not have keys");
});
