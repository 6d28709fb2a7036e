/** An upgrade of the library that is rolled back: the function is the old one again before the events come, and meets tags of the later release. */
import { CreateFileSystemCommand } from '@aws-sdk/client-efs';
import { recordKey } from '../../../lambda/efs/mount-targets/record';
import { ownerDigest } from '../../../lambda/shared/ownership';
import { SETTINGS_TAG } from '../../../src/contract/claims';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

let world: EfsHandlerWorld;
beforeEach(async () => { world = await EfsHandlerWorld.start(); });
afterEach(() => world.close());

describe('a file system whose state a later release has set', () => {
  const FILES = { Owner: 'Stack/Thing', RemovalPolicy: 'Delete' };
  let stack: Stack;
  let id: string;
  beforeEach(async () => {
    stack = world.follow(world.stack('Custom::FileSystem'));
    await stack.deploy(FILES);
    id = stack.physicalId!;
    await world.tag(id, { [OWNERSHIP_TAGS.state]: 'frozen' });
  });

  test('is not deleted while it holds data, and the error names the tag', async () => {
    world.efs.setSizeInBytes(id, 1_000_000);
    await expect(stack.destroy()).rejects.toThrow(`file system ${id} is not deleted, because it holds data, and a later release of cdk-durable-storage has set `
      + `its tag ${OWNERSHIP_TAGS.state} to frozen`);
    expect(world.ids).toEqual([id]);
  });

  test('stays in a rollback, which succeeds', async () => {
    world.efs.setSizeInBytes(id, 1_000_000);
    world.stacks.statuses.set(stack.stackId, 'ROLLBACK_IN_PROGRESS');
    await stack.play(stack.event('Delete', FILES, { PhysicalResourceId: id }));
    expect(world.tags(id)).toMatchObject({ [OWNERSHIP_TAGS.state]: 'frozen' });
    expect(world.logged('left as it is')).toMatchObject([{ error: expect.stringContaining('frozen') }]);
  });

  test('stays when the Delete of a cancelled creation comes', async () => {
    world.efs.setSizeInBytes(id, 1_000_000);
    world.stacks.statuses.set(stack.stackId, 'ROLLBACK_IN_PROGRESS');
    world.stacks.remembered.splice(0);
    await stack.cancel(FILES);
    expect(world.ids).toEqual([id]);
  });

  test('is deleted if it is empty', async () => {
    await stack.destroy();
    expect(world.ids).toEqual([]);
  });

  test('keeps the state, and the words of the settings tag that only the later release knows, in an update', async () => {
    await world.tag(id, { [SETTINGS_TAG]: 'backup dns=on' });
    await stack.deploy({ ...FILES, FileSystemTags: [{ Key: 'a', Value: 'b' }], BackupPolicy: { Status: 'ENABLED' } });
    expect(world.tags(id)).toMatchObject({ [OWNERSHIP_TAGS.state]: 'frozen', [SETTINGS_TAG]: 'backup dns=on', a: 'b' });
  });
});

describe('a set of mount targets', () => {
  let id: string;
  let stack: Stack;
  const set = (owner: string, ...names: ('a1' | 'a2' | 'b1')[]) => ({
    Owner: `Stack/${owner}`, RemovalPolicy: 'Delete', FileSystemId: id, SubnetIds: names.map(name => world.subnet[name]), SecurityGroups: [world.group.one],
  });
  const keyOf = (owner: string) => recordKey(ownerDigest({ Owner: `Stack/${owner}`, RemovalPolicy: 'Delete' }));
  const LATER = '2r something else';
  const ids = () => world.efs.mountTargets.filter(({ lifeCycleState }) => lifeCycleState === 'available').map(target => target.id);

  beforeEach(async () => {
    id = (await world.client.send(new CreateFileSystemCommand({ CreationToken: 'theirs' }))).FileSystemId!;
    world.clock.advance(10_000);
    stack = world.stack('Custom::MountTargets', 'Set');
    await stack.deploy(set('Set', 'a1', 'b1'));
  });

  describe('whose record a later release has written', () => {
    let before: string[];
    beforeEach(async () => {
      before = ids();
      await world.tag(id, { [keyOf('Set')]: LATER });
    });
    const expectUntouched = () => expect([ids(), world.tags(id)[keyOf('Set')]]).toEqual([before, LATER]);
    const update = () => stack.event('Update', set('Set', 'a1', 'b1'), { PhysicalResourceId: stack.physicalId, OldResourceProperties: set('Set', 'a1') });
    const deletion = () => stack.event('Delete', set('Set', 'a1', 'b1'), { PhysicalResourceId: stack.physicalId });

    test('stays as it is in a rollback, which succeeds', async () => {
      world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
      await stack.play(update());
      expectUntouched();
      expect(world.logged('left as it is')).toMatchObject([{ error: expect.stringContaining(keyOf('Set')) }]);
    });

    test('stays when a rollback deletes it, and the log names the tag', async () => {
      world.stacks.statuses.set(stack.stackId, 'ROLLBACK_IN_PROGRESS');
      await stack.play(deletion());
      expectUntouched();
      expect(world.logged('left as it is')).toMatchObject([{ error: expect.stringContaining(keyOf('Set')) }]);
    });

    test.each([['update', update], ['deletion', deletion]])('is not touched by an %s on the way forward, and the error names the tag', async (_, event) => {
      world.stacks.statuses.set(stack.stackId, 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
      await expect(stack.play(event())).rejects.toThrow(`the tag ${keyOf('Set')} was written by a later release of cdk-durable-storage: use that one`);
      expectUntouched();
    });

    test('does not keep the Delete of a cancelled creation from succeeding in a rollback', async () => {
      world.stacks.statuses.set(stack.stackId, 'ROLLBACK_IN_PROGRESS');
      await stack.cancel(set('Set', 'a1', 'b1'));
      expectUntouched();
    });
  });

  describe('beside one whose record a later release has written', () => {
    beforeEach(() => world.tag(id, { [keyOf('Later')]: LATER }));

    test('leaves its mount targets when it goes, because the other one may have them too', async () => {
      const before = ids();
      await stack.destroy();
      expect(ids()).toEqual(before);
      expect(world.tags(id)).toEqual({ [keyOf('Later')]: LATER });
      expect(world.logged('mount target left to other sets')[0]).toMatchObject({ sets: [keyOf('Later')] });
    });

    test('does not delete a mount target that the other one may have', async () => {
      const before = ids();
      await expect(stack.deploy(set('Set', 'a2', 'b1'))).rejects.toThrow(`(tag ${keyOf('Later')})`);
      expect(ids()).toEqual(before);
      expect(stack.isStuck).toBe(false);
    });

    test('shares the mount targets that are there, and makes those that are missing', async () => {
      const other = world.stack('Custom::MountTargets', 'Other');
      await other.deploy(set('Other', 'a1', 'b1'));
      expect(ids()).toHaveLength(2);
      expect(world.tags(id)[keyOf('Later')]).toBe(LATER);
    });
  });
});
