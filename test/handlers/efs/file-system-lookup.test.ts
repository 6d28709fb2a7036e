import { CreateFileSystemCommand, DeleteFileSystemCommand } from '@aws-sdk/client-efs';
import { inEachTest, type EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

let world: EfsHandlerWorld;
let stack: Stack;
inEachTest('Custom::FileSystemLookup', (...given) => { [world, stack] = given; });

async function make(token: string, tags: Record<string, string>): Promise<string> {
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  const { FileSystemId } = await world.client.send(new CreateFileSystemCommand({ CreationToken: token, Tags }));
  world.clock.advance(10_000);
  return FileSystemId!;
}
const by = (CreationToken?: string, tags: Record<string, string> = {}) => ({
  Owner: 'Stack/Lookup',
  RemovalPolicy: 'Delete',
  CreationToken,
  Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
});

test('finds the one with the token, with the tags, or with both, and another one when they change', async () => {
  const one = await make('one', { team: 'a', stage: 'test' });
  const other = await make('other', { team: 'a', stage: 'live' });
  await make('third', { team: 'b', stage: 'live' });

  expect(await stack.deploy(by('one'))).toEqual({ FileSystemId: one });
  expect(await stack.deploy(by(undefined, { team: 'a', stage: 'live' }))).toEqual({ FileSystemId: other });
  expect(await stack.deploy(by('other', { team: 'a' }))).toEqual({ FileSystemId: other });
  await stack.destroy();
  expect(world.efs.fileSystems).toHaveLength(3);
  expect(world.server.count('efs:TagResource')).toBe(0);
});

test('refuses several, and names them, on whichever page they are', async () => {
  const ids = [await make('1', { team: 'a' }), await make('2', { team: 'a' }), await make('3', { team: 'a' })];
  await expect(stack.deploy(by(undefined, { team: 'a' }))).rejects.toThrow(
    `3 file systems have the tags team=a: ${ids.sort().join(', ')}; add tags that only one of them has`);
  expect(world.server.count('tagging:GetResources')).toBe(2);
});

test('refuses none, and one that is being deleted', async () => {
  const id = await make('one', { team: 'a' });
  await expect(stack.deploy(by('one', { team: 'b' }))).rejects.toThrow("no file system has the creation token 'one' and the tags team=b");
  await world.client.send(new DeleteFileSystemCommand({ FileSystemId: id }));
  await expect(stack.deploy(by('one'))).rejects.toThrow("no file system has the creation token 'one'");
  await expect(stack.deploy(by(undefined, { team: 'a' }))).rejects.toThrow('no file system has the tags team=a; tags that were set a moment ago');
});

test('goes back to the former one in a rollback', async () => {
  await make('one', {});
  await make('other', {});
  await stack.deploy(by('one'));
  await expect(stack.deploy(by('other'), { failAfter: true })).rejects.toThrow('another resource failed');
  await stack.destroy();
});
