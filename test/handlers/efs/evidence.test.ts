import {
  CreateAccessPointCommand, CreateFileSystemCommand, CreateReplicationConfigurationCommand, DeleteFileSystemCommand, PutFileSystemPolicyCommand,
} from '@aws-sdk/client-efs';
import { BEFORE_TAG } from '../../../lambda/efs/file-system/before-tags';
import { tokenOf } from '../../../lambda/efs/file-system/immutables';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { inEachTest, EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

const PLAIN = { Owner: 'Stack/Files', RemovalPolicy: 'Delete' };
const POLICY = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'elasticfilesystem:ClientMount' }] };

let world: EfsHandlerWorld;
let stack: Stack;
inEachTest('Custom::FileSystem', (...given) => { [world, stack] = given; });

/** A file system of somebody who may create and tag file systems, with the token and the tags that the construct would have. */
async function planted(properties: object, stackId: string, more: Record<string, string> = {}): Promise<string> {
  const tags = {
    [OWNERSHIP_TAGS.owner]: PLAIN.Owner, [OWNERSHIP_TAGS.stackId]: stackId, [OWNERSHIP_TAGS.logicalId]: 'Thing', ...more,
  };
  const { FileSystemId } = await world.client.send(new CreateFileSystemCommand({
    CreationToken: tokenOf({ ...PLAIN, ...properties }),
    Encrypted: 'Encrypted' in properties,
    Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
  }));
  world.clock.advance(2 * 3_600_000);
  return FileSystemId!;
}

const goneStack = 'arn:aws:cloudformation:eu-west-1:111122223333:stack/Stack/11111111-2222-3333-4444-555555555555';

describe('a file system that somebody has prepared with the token and tags of the construct', () => {
  test.each([
    ['of a stack that is gone', () => goneStack],
    ['of the stack itself', () => stack.stackId],
  ])('%s is refused, and the props are named that adopt it', async (_, stackId) => {
    const id = await planted({}, stackId());
    const before = { ...world.tags(id) };
    await expect(stack.deploy(PLAIN)).rejects.toThrow(`set 'adoptFileSystemId' to ${id}, or 'adopt' to ALWAYS`);
    expect(world.tags(id)).toEqual(before);
  });

  test('is refused even if it says that a creation is under way', async () => {
    const id = await planted({}, stack.stackId, { [OWNERSHIP_TAGS.state]: 'creating' });
    await expect(stack.deploy(PLAIN)).rejects.toThrow(`set 'adoptFileSystemId' to ${id}`);
  });

  test('does not become the resource in a replacement', async () => {
    await stack.deploy(PLAIN);
    const changed = { ...PLAIN, Encrypted: true, AllowReplacement: true };
    const event = stack.event('Update', changed, { PhysicalResourceId: stack.physicalId, OldResourceProperties: PLAIN as any });
    const { id: made } = await stack.play(event);
    const { [OWNERSHIP_TAGS.identity]: identity } = world.tags(made);
    await world.client.send(new DeleteFileSystemCommand({ FileSystemId: made }));
    world.clock.advance(60_000);

    const id = await planted({ Encrypted: true }, stack.stackId, { [OWNERSHIP_TAGS.identity]: identity });
    world.stacks.remembered.splice(0);
    await expect(stack.deploy(changed)).rejects.toThrow(`set 'adoptFileSystemId' to ${id}`);
  });

  test('with other immutable properties does not keep the first deployment from making one', async () => {
    await planted({ Encrypted: true }, goneStack);
    await stack.deploy(PLAIN);
    expect(world.ids).toHaveLength(2);
    expect(world.logged('is not adopted')).toHaveLength(1);
  });

  test('is refused where a stack of another name is named that did have it', async () => {
    const other = goneStack.replace('stack/Stack/', 'stack/Theirs/');
    const id = await planted({}, other);
    world.stacks.remembered.push({ stackId: other, logicalId: 'Thing', type: 'Custom::FileSystem', physicalId: id });
    await expect(stack.deploy(PLAIN)).rejects.toThrow(`set 'adoptFileSystemId' to ${id}`);
  });

  test('is refused where CloudFormation does not answer', async () => {
    const first = world.stack('Custom::FileSystem');
    await first.deploy(PLAIN);
    world.stacks.broken = true;
    await expect(stack.play(stack.event('Create', PLAIN))).rejects.toThrow("set 'adoptFileSystemId'");
  });
});

describe('a file system with what the props do not declare', () => {
  const prepared = async () => {
    const { FileSystemId: id } = await world.client.send(new CreateFileSystemCommand({ CreationToken: 'theirs', Tags: [{ Key: 'a', Value: 'b' }] }));
    world.clock.advance(10_000);
    return id!;
  };
  const things: [string, string, (id: string) => Promise<unknown>][] = [
    ['a policy', 'a file system policy', id => world.client.send(new PutFileSystemPolicyCommand({ FileSystemId: id, Policy: JSON.stringify(POLICY) }))],
    ['a replication', 'a replication to fs-', id => world.client.send(new CreateReplicationConfigurationCommand({
      SourceFileSystemId: id, Destinations: [{ Region: 'eu-central-1' }],
    }))],
    ['an access point', 'access points (fsap-', id => world.client.send(new CreateAccessPointCommand({ ClientToken: 'theirs', FileSystemId: id }))],
  ];

  test.each(things)('is not adopted with %s, unless the user accepts that', async (_, named, add) => {
    const id = await prepared();
    await add(id);
    world.clock.advance(600_000);
    for (const by of [{ AdoptFileSystemId: id }, { CreationToken: 'theirs', Adopt: 'ALWAYS' }]) {
      await expect(stack.deploy({ ...PLAIN, ...by })).rejects.toThrow(`file system ${id} would be adopted with ${named}`);
      expect(world.tags(id)).toEqual({ a: 'b' });
    }
    await stack.deploy({ ...PLAIN, AdoptFileSystemId: id, AdoptAsIs: true });
    expect(stack.physicalId).toBe(id);
  });

  test.each(things)('is not adopted with %s although somebody has planted the record of an adoption by this resource', async (_, named, add) => {
    const id = await prepared();
    await add(id);
    await world.tag(id, {
      [OWNERSHIP_TAGS.owner]: PLAIN.Owner,
      [OWNERSHIP_TAGS.stackId]: stack.stackId,
      [OWNERSHIP_TAGS.logicalId]: 'Thing',
      [OWNERSHIP_TAGS.state]: 'adopted',
      [BEFORE_TAG]: 'none',
    });
    world.clock.advance(600_000);
    for (const by of [{ AdoptFileSystemId: id }, { CreationToken: 'theirs', Adopt: 'ALWAYS' }]) {
      await expect(stack.deploy({ ...PLAIN, ...by })).rejects.toThrow(`file system ${id} would be adopted with ${named}`);
    }
  });

  test('is adopted if the props have a policy, which then counts', async () => {
    const id = await prepared();
    await things[0][2](id);
    const wanted = { ...POLICY, Statement: [{ ...POLICY.Statement[0], Action: 'elasticfilesystem:ClientWrite' }] };
    await stack.deploy({ ...PLAIN, AdoptFileSystemId: id, FileSystemPolicy: wanted });
    expect(JSON.stringify(world.efs.fileSystems[0].policy)).toContain('ClientWrite');
  });
});

describe('a file system that another resource claims', () => {
  test('is refused with the name of that, while it is being created', async () => {
    const { FileSystemId: id } = await world.client.send(new CreateFileSystemCommand({ CreationToken: 'theirs' }));
    world.clock.advance(10_000);
    const rival = world.stack('Custom::FileSystem', 'Rival', 'Other');
    await rival.play(rival.event('Create', { ...PLAIN, Owner: 'Other/Rival', AdoptFileSystemId: id }));
    world.stacks.resources.set(id!, { stackId: rival.stackId, logicalId: 'Rival', type: 'Custom::FileSystem' });
    const before = { ...world.tags(id!) };

    await expect(stack.deploy({ ...PLAIN, AdoptFileSystemId: id })).rejects.toThrow(`it still belongs to stack ${rival.stackId} (Rival)`);
    expect(world.tags(id!)).toEqual(before);
  });

  test('of the same stack is refused, too, and "formerly" is named', async () => {
    await stack.deploy({ ...PLAIN, Owner: 'Stack/Thing' });
    const id = stack.physicalId!;
    world.stacks.resources.set(id, { stackId: stack.stackId, logicalId: 'Thing', type: 'Custom::FileSystem' });
    const second = world.stack('Custom::FileSystem', 'Second');
    Object.assign(second, { stackId: stack.stackId });
    await expect(second.deploy({ ...PLAIN, Owner: 'Stack/Second', AdoptFileSystemId: id })).rejects.toThrow("add 'Thing' to 'formerly'");
    expect(world.tags(id)).toMatchObject({ [OWNERSHIP_TAGS.owner]: 'Stack/Thing' });
  });

  test('is adopted if CloudFormation lists it there no longer', async () => {
    const { FileSystemId: id } = await world.client.send(new CreateFileSystemCommand({ CreationToken: 'theirs' }));
    world.clock.advance(10_000);
    const rival = world.stack('Custom::FileSystem', 'Rival', 'Other');
    await rival.deploy({ ...PLAIN, Owner: 'Other/Rival', RemovalPolicy: 'Retain', AdoptFileSystemId: id });
    await stack.deploy({ ...PLAIN, AdoptFileSystemId: id });
    expect(stack.physicalId).toBe(id);
  });
});
