/** Claims whose stack is gone, or has retained their resource. */
import { CreateFileSystemCommand } from '@aws-sdk/client-efs';
import { OWNERSHIP_TAG_PREFIX } from '../../../src/contract/ownership';
import { EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

const HOUR = 3_600_000;
const policy = (Sid: string) => ({
  Version: '2012-10-17', Statement: [{ Sid, Effect: 'Allow', Principal: { AWS: '*' }, Action: 'elasticfilesystem:ClientMount' }],
});

let world: EfsHandlerWorld;
let id: string;
beforeEach(async () => {
  world = await EfsHandlerWorld.start();
  id = (await world.client.send(new CreateFileSystemCommand({ CreationToken: 'theirs' }))).FileSystemId!;
  world.clock.advance(10_000);
});
afterEach(() => world.close());

const of = () => world.efs.fileSystems.find(one => one.id === id)!;
const owners = () => Object.entries(world.tags(id)).filter(([key]) => key.startsWith(OWNERSHIP_TAG_PREFIX)).map(([, value]) => value.split(' ').at(-1));
const KINDS: [Parameters<EfsHandlerWorld['stack']>[0], (value: 1 | 2) => object, () => unknown][] = [
  ['Custom::FileSystemPolicy', value => ({ FileSystemId: id, FileSystemPolicy: policy(`S${value}`) }), () => Number(/S(\d)/.exec(of().policy ?? '')?.[1])],
  ['Custom::LifecycleConfiguration', value => ({ FileSystemId: id, LifecyclePolicies: [{ TransitionToIA: `AFTER_${value === 1 ? 7 : 30}_DAYS` }] }),
    () => (of().lifecyclePolicies[0]?.TransitionToIA === 'AFTER_7_DAYS' ? 1 : 2)],
  ['Custom::BackupPolicy', value => ({ FileSystemId: id, BackupPolicy: { Status: value === 1 ? 'ENABLED' : 'DISABLED' } }),
    () => (of().backupPolicy === 'ENABLED' ? 1 : 2)],
  ['Custom::TagSet', value => ({ ResourceId: id, Tags: [{ Key: 'team', Value: `${value}` }] }), () => Number(of().tags.team)],
];

describe.each(KINDS)('%s', (type, value, present) => {
  const properties = (one: 1 | 2, Owner = 'Old/Thing') => ({ Owner, RemovalPolicy: 'Retain', ...value(one) });
  const wanted = (): Record<string, unknown> => ({ ...properties(2, 'Stack/Thing'), Overwrite: true });
  let old: Stack;
  const isGone = () => {
    world.clock.advance(2 * HOUR);
    world.stacks.statuses.set(old.stackId, 'DELETE_COMPLETE');
  };
  beforeEach(async () => {
    old = world.stack(type, 'Thing', 'Old');
    await old.deploy(properties(1));
  });

  test('takes the place of a resource whose stack is deleted', async () => {
    isGone();
    await world.stack(type).deploy(wanted());
    expect([present(), owners()]).toEqual([2, ['Stack/Thing']]);
  });

  test('takes the place of a resource whose stack CloudFormation has forgotten', async () => {
    isGone();
    world.stacks.statuses.delete(old.stackId);
    world.stacks.remembered.splice(0);
    await world.stack(type).deploy(wanted());
    expect([present(), owners()]).toEqual([2, ['Stack/Thing']]);
  });

  test('does not overwrite the value of that resource unless it may', async () => {
    isGone();
    const deployment = world.stack(type).deploy({ ...wanted(), Overwrite: undefined });
    if (type === 'Custom::BackupPolicy') { return deployment; }
    await expect(deployment).rejects.toThrow("set 'overwrite'");
    return expect(present()).toBe(1);
  });

  describe('is refused with the name of the holder', () => {
    const expectRefused = async () => {
      await expect(world.stack(type).deploy(wanted())).rejects.toThrow(/of fs-\w+ has another value already, by Old\S+ of stack [0-9a-f-]{36}/);
      expect(present()).toBe(1);
    };

    test.each<[string, () => void]>([
      ['CloudFormation does not answer', () => { world.stacks.broken = true; }],
      ['the stack has the resource', () => { world.stacks.resources.set(old.physicalId!, { stackId: old.stackId, logicalId: 'Thing', type }); }],
      ['an update of the stack that has replaced the resource may still fail', () => {
        world.stacks.remembered.push({ stackId: old.stackId, logicalId: 'Thing', type, physicalId: 'fs-01234567/other' });
        world.stacks.resources.set('fs-01234567/other', { stackId: old.stackId, logicalId: 'Thing', type });
      }],
    ])('if %s', async (_, change) => {
      isGone();
      change();
      await expectRefused();
    });

    test('if CloudFormation may not list it yet', expectRefused);

    test('if the stack was a nested one, whose name the claim does not have', async () => {
      await old.deploy(properties(2));
      await world.untag(id, ...Object.keys(world.tags(id)));
      const nested = world.stack(type, 'Thing', 'Old-Nested-1ABC');
      await nested.deploy({ ...properties(1, 'Old/Nested/Thing'), Overwrite: true });
      world.clock.advance(2 * HOUR);
      await expectRefused();
    });
  });
});
