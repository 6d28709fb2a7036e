import { CreateFileSystemCommand } from '@aws-sdk/client-efs';
import { OWNERSHIP_TAG_PREFIX, OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { inEachTest, EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

const NAMED = { Owner: 'Stack/Files', RemovalPolicy: 'Delete', FileSystemTags: [{ Key: 'Name', Value: 'App/Files' }, { Key: 'team', Value: 'ours' }] };
const BEFORE = `${OWNERSHIP_TAG_PREFIX}before`;

let world: EfsHandlerWorld;
let stack: Stack;
inEachTest('Custom::FileSystem', (...given) => {
  [world, stack] = given;
  world.follow(stack);
});

async function foreign(tags: Record<string, string> = { Name: 'theirs', a: 'b' }): Promise<string> {
  const { FileSystemId } = await world.client.send(new CreateFileSystemCommand({
    CreationToken: 'theirs', Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
  }));
  world.clock.advance(10_000);
  return FileSystemId!;
}

describe('an adoption that is rolled back', () => {
  test('leaves the tags as they were', async () => {
    const id = await foreign();
    await expect(stack.deploy({ ...NAMED, AdoptFileSystemId: id }, { failAfter: true })).rejects.toThrow(/^another resource failed$/);
    expect(world.tags(id)).toEqual({ Name: 'theirs', a: 'b' });
  });

  test('leaves them as they were if CloudFormation had cancelled the creation', async () => {
    const id = await foreign();
    await world.handlers.act(stack.event('Create', { ...NAMED, AdoptFileSystemId: id }));
    world.stacks.statuses.set(stack.stackId, 'ROLLBACK_IN_PROGRESS');
    await stack.cancel({ ...NAMED, AdoptFileSystemId: id });
    expect(world.tags(id)).toEqual({ Name: 'theirs', a: 'b' });
  });

  test('leaves them as they were if it was to replace a file system', async () => {
    const id = await foreign();
    await stack.deploy(NAMED);
    const own = stack.physicalId!;
    await expect(stack.deploy({ ...NAMED, AdoptFileSystemId: id, AllowReplacement: true }, { failAfter: true })).rejects.toThrow(/^another resource failed$/);
    expect(stack.physicalId).toBe(own);
    expect(world.tags(id)).toEqual({ Name: 'theirs', a: 'b' });
  });

  test('leaves an equal tag that was there before', async () => {
    const id = await foreign({ Name: 'App/Files' });
    await expect(stack.deploy({ ...NAMED, AdoptFileSystemId: id }, { failAfter: true })).rejects.toThrow(/^another resource failed$/);
    expect(world.tags(id)).toEqual({ Name: 'App/Files' });
  });

  test('gives a retained file system back to the deployment that had it, so that the next one finds it', async () => {
    const retained = { ...NAMED, RemovalPolicy: 'Retain' };
    await stack.deploy(retained);
    const id = stack.physicalId!;
    world.stacks.statuses.set(stack.stackId, 'DELETE_COMPLETE');
    const second = world.follow(world.stack('Custom::FileSystem'));
    await expect(second.deploy({ ...NAMED, FileSystemTags: [] }, { failAfter: true })).rejects.toThrow(/^another resource failed$/);
    expect(world.tags(id)).toMatchObject({ Name: 'App/Files', [OWNERSHIP_TAGS.stackId]: stack.stackId });
    expect(world.tags(id)).not.toHaveProperty(OWNERSHIP_TAGS.state);
    const third = world.stack('Custom::FileSystem');
    await third.deploy(retained);
    expect(third.physicalId).toBe(id);
  });

  test('of a file system that this stack had retained leaves it, however often its deletion is repeated', async () => {
    const retained = { ...NAMED, RemovalPolicy: 'Retain' };
    await stack.deploy(retained);
    const id = stack.physicalId!;
    await stack.play(stack.event('Create', NAMED));
    world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
    for (let i = 0; i < 2; i++) { await stack.play(stack.event('Delete', NAMED, { PhysicalResourceId: id })); }
    world.clock.advance(60_000);
    expect(world.ids).toEqual([id]);
  });
});

describe('an adoption that is sent again, because its first answer was lost, and then rolled back', () => {
  const sentTwice = async (adopting: Stack, properties: object) => {
    await adopting.play(adopting.event('Create', properties as Record<string, unknown>));
    world.stacks.remembered.pop();
    world.clock.advance(120_000);
    await expect(adopting.deploy(properties as Record<string, unknown>, { failAfter: true })).rejects.toThrow(/^another resource failed$/);
  };

  test('leaves the tags of a file system of others as they were', async () => {
    const id = await foreign();
    await sentTwice(stack, { ...NAMED, AdoptFileSystemId: id });
    expect(world.tags(id)).toEqual({ Name: 'theirs', a: 'b' });
  });

  test.each([{}, { CreationToken: 'mine' }])('gives a retained file system back to the deployment that had it (%o)', async more => {
    const retained = { ...NAMED, ...more, RemovalPolicy: 'Retain' };
    await stack.deploy(retained);
    const id = stack.physicalId!;
    world.stacks.statuses.set(stack.stackId, 'DELETE_COMPLETE');
    await sentTwice(world.follow(world.stack('Custom::FileSystem')), { ...retained, FileSystemTags: [] });
    expect(world.tags(id)).toMatchObject({ Name: 'App/Files', [OWNERSHIP_TAGS.stackId]: stack.stackId });
    expect(world.tags(id)).not.toHaveProperty(OWNERSHIP_TAGS.state);
    expect(world.ids).toEqual([id]);
  });
});

describe('a file system that is released', () => {
  test('carries nothing of this library', async () => {
    const id = await foreign();
    await stack.deploy({ ...NAMED, AdoptFileSystemId: id });
    await stack.deploy({ ...NAMED, AdoptFileSystemId: id, FileSystemTags: [] });
    await stack.destroy();
    expect(Object.keys(world.tags(id)).filter(key => key.startsWith(OWNERSHIP_TAG_PREFIX))).toEqual([]);
    expect(world.tags(id)).toMatchObject({ a: 'b' });
  });

  test('has its own tags again if nothing but the adoption has changed them', async () => {
    const id = await foreign();
    await stack.deploy({ ...NAMED, AdoptFileSystemId: id });
    await stack.destroy();
    expect(world.tags(id)).toEqual({ Name: 'theirs', a: 'b' });
  });

  test('is not given to the stack that had it when the one that adopted it is deleted', async () => {
    const retained = { ...NAMED, RemovalPolicy: 'Retain' };
    await stack.deploy(retained);
    const id = stack.physicalId!;
    world.stacks.statuses.set(stack.stackId, 'DELETE_COMPLETE');
    const second = world.follow(world.stack('Custom::FileSystem'));
    await second.deploy(NAMED);
    await second.destroy();
    expect(world.tags(id)).toEqual({ Name: 'App/Files', team: 'ours' });
  });

  test('keeps tags that may not be removed, with another value, and the deletion succeeds', async () => {
    const id = await foreign();
    await stack.deploy({ ...NAMED, AdoptFileSystemId: id });
    world.denied.push('elasticfilesystem:UntagResource');
    await stack.destroy();
    expect(world.tags(id)).toMatchObject({ [OWNERSHIP_TAGS.owner]: 'released', [OWNERSHIP_TAGS.stackId]: 'released' });
    expect(world.ids).toEqual([id]);
  });
});

test('what an adoption has overwritten is kept until the next call of the resource', async () => {
  const id = await foreign();
  await stack.deploy({ ...NAMED, AdoptFileSystemId: id });
  expect(world.tags(id)).toMatchObject({ [BEFORE]: 'none', [`${BEFORE}:tag:Name`]: 'theirs' });
  await stack.deploy({ ...NAMED, AdoptFileSystemId: id, RemovalPolicy: 'Retain' });
  expect(Object.keys(world.tags(id)).filter(key => key.startsWith(BEFORE))).toEqual([]);
});

test('a file system with too many tags is not touched', async () => {
  const id = await foreign(Object.fromEntries(Array.from({ length: 42 }, (_, i) => [`k${i}`, 'v'])));
  await expect(stack.deploy({ ...NAMED, AdoptFileSystemId: id })).rejects.toThrow(`file system ${id} has 42 tags, and 9 more are needed`);
  expect(Object.keys(world.tags(id))).toHaveLength(42);
});

describe('a file system whose tags were removed by hand', () => {
  const stripped = async () => {
    await stack.deploy(NAMED);
    const id = stack.physicalId!;
    await world.untag(id, ...Object.values(OWNERSHIP_TAGS));
    return id;
  };

  test('is deleted with its resource', async () => {
    await stripped();
    await stack.destroy();
    expect(world.ids).toEqual([]);
  });

  test('has them again after an update', async () => {
    const id = await stripped();
    await stack.deploy({ ...NAMED, FileSystemTags: [] });
    expect(world.tags(id)).toMatchObject({ [OWNERSHIP_TAGS.owner]: NAMED.Owner });
  });

  test('is left, and the error names the tag to restore, if the role may not set it', async () => {
    const id = await stripped();
    world.denied.push('elasticfilesystem:TagResource');
    await expect(stack.destroy()).rejects.toThrow(`file system ${id} has no tag ${OWNERSHIP_TAGS.owner}`);
    expect(world.ids).toEqual([id]);
  });
});

describe('a Delete with an id that CloudFormation invented', () => {
  test('does not touch the file system that the resource has', async () => {
    await stack.deploy(NAMED);
    world.stacks.resources.set(stack.physicalId!, { stackId: stack.stackId, logicalId: 'Thing', type: 'Custom::FileSystem' });
    const before = { ...world.tags(stack.physicalId!) };
    await stack.cancel(NAMED);
    world.clock.advance(60_000);
    expect(world.ids).toEqual([stack.physicalId]);
    expect(world.tags(stack.physicalId!)).toEqual(before);
  });

  test('does not release the file system that the resource has adopted', async () => {
    const id = await foreign();
    await stack.deploy({ ...NAMED, AdoptFileSystemId: id });
    world.stacks.resources.set(id, { stackId: stack.stackId, logicalId: 'Thing', type: 'Custom::FileSystem' });
    const before = { ...world.tags(id) };
    await stack.cancel({ ...NAMED, AdoptFileSystemId: id });
    expect(world.tags(id)).toEqual(before);
  });

  test('removes what the cancelled creation made, also if that was complete', async () => {
    const event = stack.event('Create', NAMED);
    await stack.play(event);
    world.stacks.remembered.splice(0);
    await stack.cancel(NAMED);
    expect(world.ids).toEqual([]);
  });
});
