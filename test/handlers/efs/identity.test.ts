import { PutFileSystemPolicyCommand } from '@aws-sdk/client-efs';
import { OWNERSHIP_TAGS, REPLACED_TAG } from '../../../src/contract/ownership';
import { inEachTest, EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

const PLAIN = { Owner: 'Stack/Files', RemovalPolicy: 'Delete' };
const MOVED = { ...PLAIN, Owner: 'Stack/Data/Files' };
const POLICY = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'elasticfilesystem:ClientMount' }] };

let world: EfsHandlerWorld;
let stack: Stack;
inEachTest('Custom::FileSystem', (...given) => { [world, stack] = given; });

const ids = () => world.ids;

describe('a key that is named in another way', () => {
  const spellings = () => {
    const { keyId, arn } = world.kms.createKey();
    world.kms.createAlias('alias/files', keyId);
    return { id: keyId, arn, alias: 'alias/files' };
  };

  test.each([['alias', 'arn'], ['arn', 'alias'], ['id', 'arn'], ['alias', 'id']] as const)(
    'by its %s, then by its %s, is the same key, also with allowReplacement', async (from, to) => {
      const names = spellings();
      const encrypted = { ...PLAIN, Encrypted: true, AllowReplacement: true };
      await stack.deploy({ ...encrypted, KmsKeyId: names[from] });
      const [id] = ids();
      await stack.deploy({ ...encrypted, KmsKeyId: names[to] });
      expect(ids()).toEqual([id]);
      await stack.destroy();
      expect(ids()).toEqual([]);
    });

  test.each(['old', 'new'] as const)('is the same key in the rollback to the first name, with the %s id', async rollbackWith => {
    const names = spellings();
    await stack.deploy({ ...PLAIN, Encrypted: true, KmsKeyId: names.alias });
    const [id] = ids();
    await expect(stack.deploy({ ...PLAIN, Encrypted: true, KmsKeyId: names.arn }, { failAfter: true, rollbackWith })).rejects.toThrow(/^another resource failed$/);
    expect(stack.physicalId).toBe(id);
    await stack.destroy();
    expect(ids()).toEqual([]);
  });

  test.each(['old', 'new'] as const)('leads a rollback of a replacement to the file system that was there, with the %s id', async rollbackWith => {
    const names = spellings();
    const other = world.kms.createKey();
    const encrypted = { ...PLAIN, Encrypted: true, AllowReplacement: true };
    await stack.deploy({ ...encrypted, KmsKeyId: names.alias });
    await stack.deploy({ ...encrypted, KmsKeyId: names.arn });
    const [id] = ids();
    await expect(stack.deploy({ ...encrypted, KmsKeyId: other.arn }, { failAfter: true, rollbackWith })).rejects.toThrow(/^another resource failed$/);
    expect(stack.physicalId).toBe(id);
    world.clock.advance(60_000);
    expect(ids()).toContain(id);
  });

  test('still means another file system if it is another key', async () => {
    const names = spellings();
    await stack.deploy({ ...PLAIN, Encrypted: true, KmsKeyId: names.alias });
    await expect(stack.deploy({ ...PLAIN, Encrypted: true, KmsKeyId: world.kms.createKey().arn })).rejects.toThrow('would be replaced by a new, empty one');
    await expect(stack.deploy({ ...PLAIN, Encrypted: true })).rejects.toThrow('would be replaced by a new, empty one');
  });
});

describe('a file system whose owner changes', () => {
  test('stays the resource, and is deleted with it', async () => {
    await stack.deploy(PLAIN);
    const [id] = ids();
    await stack.deploy(MOVED);
    expect(world.tags(id)).toMatchObject({ [OWNERSHIP_TAGS.owner]: MOVED.Owner });
    expect(world.tags(id)).not.toHaveProperty(OWNERSHIP_TAGS.state);
    await stack.destroy();
    expect(ids()).toEqual([]);
  });

  test('is deleted with the resource after the change was rolled back, too', async () => {
    await stack.deploy(PLAIN);
    await expect(stack.deploy(MOVED, { failAfter: true })).rejects.toThrow(/^another resource failed$/);
    expect(world.tags(ids()[0])).toMatchObject({ [OWNERSHIP_TAGS.owner]: PLAIN.Owner });
    await stack.destroy();
    expect(ids()).toEqual([]);
  });

  test('loses the policy that leaves the properties in the same update', async () => {
    await stack.deploy({ ...PLAIN, FileSystemPolicy: POLICY });
    await stack.deploy(MOVED);
    expect(world.efs.fileSystems[0].policy).toBeUndefined();
  });

  test.each(['old', 'new'] as const)('is what a rollback of a later replacement returns to, with the %s id', async rollbackWith => {
    await stack.deploy(PLAIN);
    const [id] = ids();
    await stack.deploy(MOVED);
    await expect(stack.deploy({ ...MOVED, Encrypted: true, AllowReplacement: true }, { failAfter: true, rollbackWith })).rejects.toThrow(/^another resource failed$/);
    expect(stack.physicalId).toBe(id);
    expect(world.tags(id)).toMatchObject({ [OWNERSHIP_TAGS.owner]: MOVED.Owner });
  });
});

test('a file system that has replaced another one names it until the next update', async () => {
  await stack.deploy(PLAIN);
  const [old] = ids();
  await stack.deploy({ ...PLAIN, Encrypted: true, AllowReplacement: true });
  const id = stack.physicalId!;
  expect(world.tags(id)).toMatchObject({ [REPLACED_TAG]: old });
  await stack.deploy({ ...PLAIN, Encrypted: true, AllowReplacement: true, FileSystemTags: [{ Key: 'a', Value: 'b' }] });
  expect(world.tags(id)).not.toHaveProperty(REPLACED_TAG);
});

test('the policy of another file system is not taken for that of the one that a rollback returns to', async () => {
  await stack.deploy(PLAIN);
  const [id] = ids();
  await world.client.send(new PutFileSystemPolicyCommand({ FileSystemId: id, Policy: JSON.stringify(POLICY) }));
  const wanted = { ...PLAIN, Encrypted: true, AllowReplacement: true, FileSystemPolicy: POLICY };
  await expect(stack.deploy(wanted, { failAfter: true, rollbackWith: 'new' })).rejects.toThrow(/^another resource failed$/);
  expect(world.efs.fileSystems.find(one => one.id === id)!.policy).toBeDefined();
});
