import {
  CreateFileSystemCommand, CreateReplicationConfigurationCommand, PutBackupPolicyCommand, PutFileSystemPolicyCommand,
  PutLifecycleConfigurationCommand,
} from '@aws-sdk/client-efs';
import { ownerDigest } from '../../../lambda/shared/ownership';
import { EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

let world: EfsHandlerWorld;
/** Two file systems of others. */
let id: string;
let two: string;
beforeEach(async () => {
  world = await EfsHandlerWorld.start();
  const create = async (CreationToken: string) => (await world.client.send(new CreateFileSystemCommand({ CreationToken }))).FileSystemId!;
  [id, two] = [await create('one'), await create('two')];
  world.clock.advance(10_000);
});
afterEach(() => world.close());

const of = (fileSystemId: string) => world.efs.fileSystems.find(one => one.id === fileSystemId)!;
const policy = (Sid: string) => ({
  Version: '2012-10-17', Statement: [{ Sid, Effect: 'Allow', Principal: { AWS: '*' }, Action: 'elasticfilesystem:ClientMount' }],
});

interface Kind {
  readonly type: Parameters<EfsHandlerWorld['stack']>[0];
  /** The properties of one of two values. */
  readonly value: (value: 1 | 2) => object;
  /** Puts a value by hand. */
  readonly put: (fileSystemId: string, value: 1 | 2) => Promise<unknown>;
  /** The value in force; `0` if it is none, or EFS's default. */
  readonly present: (fileSystemId: string) => number;
}

const DAYS = ['AFTER_7_DAYS', 'AFTER_30_DAYS'] as const;
const REGIONS = ['eu-central-1', 'us-east-1'];
const KINDS: Record<string, Kind> = {
  'policy': {
    type: 'Custom::FileSystemPolicy',
    value: value => ({ FileSystemPolicy: policy(`S${value}`) }),
    put: (FileSystemId, value) => world.client.send(new PutFileSystemPolicyCommand({ FileSystemId, Policy: JSON.stringify(policy(`S${value}`)) })),
    present: one => Number(/S(\d)/.exec(of(one).policy ?? '')?.[1] ?? 0),
  },
  'life-cycle configuration': {
    type: 'Custom::LifecycleConfiguration',
    value: value => ({ LifecyclePolicies: [{ TransitionToIA: DAYS[value - 1] }] }),
    put: (FileSystemId, value) => world.client.send(new PutLifecycleConfigurationCommand({
      FileSystemId, LifecyclePolicies: [{ TransitionToIA: DAYS[value - 1] }],
    })),
    present: one => DAYS.indexOf(of(one).lifecyclePolicies[0]?.TransitionToIA as typeof DAYS[number]) + 1,
  },
  'replication': {
    type: 'Custom::ReplicationConfiguration',
    value: value => ({ ReplicationConfiguration: { Destinations: [{ Region: REGIONS[value - 1] }] } }),
    put: async (SourceFileSystemId, value) => {
      await world.client.send(new CreateReplicationConfigurationCommand({ SourceFileSystemId, Destinations: [{ Region: REGIONS[value - 1] }] }));
      world.clock.advance(60_000);
    },
    present: one => REGIONS.indexOf(world.efs.replications.find(({ source }) => source.id === one)?.destination.region ?? '') + 1,
  },
  'tag set': {
    type: 'Custom::TagSet',
    value: value => ({ Tags: [{ Key: 'team', Value: `${value}` }] }),
    put: (fileSystemId, value) => world.tag(fileSystemId, { team: `${value}` }),
    present: one => Number(of(one).tags.team ?? 0),
  },
};
const BACKUP: Kind = {
  type: 'Custom::BackupPolicy',
  value: value => ({ BackupPolicy: { Status: value === 1 ? 'ENABLED' : 'DISABLED' } }),
  put: async (FileSystemId, value) => {
    await world.client.send(new PutBackupPolicyCommand({ FileSystemId, BackupPolicy: { Status: value === 1 ? 'ENABLED' : 'DISABLED' } }));
    world.clock.advance(60_000);
  },
  present: one => of(one).backupPolicy === 'ENABLED' ? 1 : 0,
};

const claims = (fileSystemId: string) => Object.keys(of(fileSystemId).tags).filter(key => key.startsWith('cdk-durable-storage:'));
const FAILED = 'another resource failed';

describe.each(Object.entries({ ...KINDS, 'backup policy': BACKUP }))('a %s', (_, { type, value, put, present }) => {
  const isBackup = type === 'Custom::BackupPolicy';
  const left = isBackup ? 1 : 0;
  const properties = (one: 1 | 2, Owner = 'Stack/Thing', fileSystemId = id) => ({
    Owner, RemovalPolicy: 'Delete', [type === 'Custom::TagSet' ? 'ResourceId' : 'FileSystemId']: fileSystemId, ...value(one),
  });
  /** The same construct under another name, or in another stack. */
  const renamed = (old: Stack) => world.stack(type, 'New', 'Stack', old.stackId);
  const moved = () => world.stack(type, 'Thing', 'Other');
  const SUCCESSORS: [string, (old: Stack) => Stack, string][] = [
    ['renamed', renamed, 'Stack/New'], ['moved to another stack', moved, 'Other/Thing'],
  ];

  describe.each(SUCCESSORS)('that is %s', (_how, successor, owner) => {
    test('stays in force when the old one goes, and goes with the new one', async () => {
      const old = world.stack(type);
      await old.deploy(properties(1));
      const next = successor(old);
      await next.deploy(properties(1, owner));
      await old.destroy();
      expect(present(id)).toBe(1);
      await next.destroy();
      expect([present(id), claims(id)]).toEqual([left, []]);
    });

    test('stays in force if the deployment fails, and the new one goes', async () => {
      const old = world.stack(type);
      await old.deploy(properties(1));
      await expect(successor(old).deploy(properties(1, owner), { failAfter: true })).rejects.toThrow(FAILED);
      expect(present(id)).toBe(1);
      await old.destroy();
      expect([present(id), claims(id)]).toEqual([left, []]);
    });

    test('is refused with another value, by the name of the holder and the tag', async () => {
      const old = world.stack(type);
      await old.deploy(properties(1));
      await expect(successor(old).deploy({ ...properties(2, owner), Overwrite: true })).rejects.toThrow(
        /of fs-\w+ has another value already, by Stack\/Thing of stack [0-9a-f-]{36} \(tag cdk-durable-storage:\w+:[0-9a-f]{16}\)/);
      expect([present(id), claims(id)]).toEqual([1, [expect.any(String)]]);
    });
  });

  describe('that was there before', () => {
    test('is there after the rollback of the first deployment', async () => {
      await put(id, 1);
      const before = of(id).tags;
      await expect(world.stack(type).deploy(properties(1), { failAfter: true })).rejects.toThrow(FAILED);
      expect([present(id), of(id).tags]).toEqual([1, before]);
    });

    test('is there after a creation that was cancelled before it ran', async () => {
      await put(id, 1);
      const before = of(id).tags;
      await world.stack(type).cancel(properties(1));
      expect([present(id), of(id).tags]).toEqual([1, before]);
    });

    test('is there when the last of two resources goes', async () => {
      await put(id, 1);
      const [one, other] = [world.stack(type), moved()];
      await one.deploy(properties(1));
      await other.deploy(properties(1, 'Other/Thing'));
      await one.destroy();
      await other.destroy();
      expect([present(id), claims(id)]).toEqual([1, []]);
    });

    test('is there after a change, there and back', async () => {
      await put(id, 1);
      const stack = world.stack(type);
      await stack.deploy(properties(1));
      await expect(stack.deploy(properties(2), { failAfter: true })).rejects.toThrow(FAILED);
      await stack.destroy();
      expect([present(id), claims(id)]).toEqual([1, []]);
    });
  });

  test('stays when the Delete of a cancelled creation comes after a later creation', async () => {
    const stack = world.stack(type);
    await stack.deploy(properties(1));
    world.stacks.resources.set(stack.physicalId!, { stackId: stack.stackId, logicalId: 'Thing', type });
    await stack.cancel(properties(1));
    expect(present(id)).toBe(1);
  });

  test('stays when that Delete comes again, after the next creation began', async () => {
    const stack = world.stack(type);
    const deletion = stack.event('Delete', properties(1), { PhysicalResourceId: 'Stack-Thing-1ABC', Since: `${world.clock.now()}` });
    world.clock.advance(60_000);
    const creation = stack.event('Create', properties(1));
    const begun = { ...creation, ...await world.handlers.act(creation) };
    await stack.play(deletion);
    for (let polls = 0; !(await world.handlers.poll(begun)).IsComplete && polls < 100; polls++) { world.clock.advance(5_000); }
    expect(present(id)).toBe(1);
  });

  test('of a creation that got no answer goes with its Delete', async () => {
    const stack = world.stack(type);
    await stack.play(stack.event('Create', properties(1)));
    await stack.cancel(properties(1));
    expect([present(id), claims(id)]).toEqual([left, []]);
  });

  test('stays if somebody has removed the claim, because nothing says any more whether it was there before', async () => {
    const stack = world.stack(type);
    await stack.deploy(properties(1));
    await world.untag(id, ...claims(id));
    await stack.destroy();
    world.clock.advance(120_000);
    expect([present(id), claims(id)]).toEqual([1, []]);
  });

  describe('that moves to another file system', () => {
    const moving = (stack: Stack) => {
      const asEvent = (some: object) => stack.event('Create', some as Record<string, unknown>).ResourceProperties;
      const [old, next] = [asEvent(properties(1)), asEvent(properties(1, 'Stack/Thing', two))];
      return {
        forth: stack.event('Update', next, { PhysicalResourceId: stack.physicalId, OldResourceProperties: old, Since: `${world.clock.now()}` }),
        back: stack.event('Update', old, { PhysicalResourceId: stack.physicalId, OldResourceProperties: next, Since: `${world.clock.now() + 1_000}` }),
      };
    };
    const expectOnlyOne = () => expect([present(id), present(two), claims(two)]).toEqual([1, isBackup ? expect.any(Number) : 0, []]);

    test('leaves nothing there if CloudFormation cancels the move, and the update goes on late', async () => {
      const stack = world.stack(type);
      await stack.deploy(properties(1));
      const { forth, back } = moving(stack);
      const begun = { ...forth, ...await world.handlers.act(forth) };
      world.clock.advance(2_000);
      await world.handlers.poll(begun);
      await stack.play(back);
      world.clock.advance(1_000);
      await expect(world.handlers.poll(begun)).rejects.toThrow(/later call/);
      world.clock.advance(120_000);
      await expect(world.handlers.poll(begun)).rejects.toThrow(/later call/);
      expectOnlyOne();
      await stack.destroy();
      expect([present(id), claims(id)]).toEqual([left, []]);
    });

    test('leaves nothing there if the update comes after the way back', async () => {
      const stack = world.stack(type);
      await stack.deploy(properties(1));
      const { forth, back } = moving(stack);
      world.clock.advance(2_000);
      await stack.play(back);
      await expect(stack.play(forth)).rejects.toThrow(/later call/);
      expectOnlyOne();
    });

    test.each(['old', 'new'] as const)('leaves nothing there after a rollback with the %s id', async rollbackWith => {
      const stack = world.stack(type);
      await stack.deploy(properties(1));
      await expect(stack.deploy(properties(1, 'Stack/Thing', two), { failAfter: true, rollbackWith })).rejects.toThrow(FAILED);
      world.clock.advance(120_000);
      expect([present(id), present(two), claims(two)]).toEqual([1, left, []]);
      await stack.deploy(properties(1, 'Stack/Thing', two));
      world.clock.advance(120_000);
      expect([present(id), present(two), claims(id)]).toEqual([left, 1, []]);
    });
  });

  test('has the value of the template after an update that comes late', async () => {
    const stack = world.stack(type);
    await stack.deploy(properties(1));
    const late = stack.event('Update', properties(2), {
      PhysicalResourceId: stack.physicalId, OldResourceProperties: properties(1), Since: `${world.clock.now()}`,
    });
    world.clock.advance(1_000);
    await stack.play(stack.event('Update', properties(1), { PhysicalResourceId: stack.physicalId, OldResourceProperties: properties(2) }));
    await expect(stack.play(late)).rejects.toThrow(/later call/);
    expect(present(id)).toBe(1);
  });

  describe('whose way back', () => {
    const goBack = async (stack: Stack, meanwhile: () => Promise<unknown>) => {
      const asEvent = (some: object) => stack.event('Create', some as Record<string, unknown>).ResourceProperties;
      const [one, next] = [asEvent(properties(1)), asEvent({ ...properties(2), ...type === 'Custom::TagSet' && { Tags: [] } })];
      await stack.deploy(properties(1));
      await stack.play(stack.event('Update', next, { PhysicalResourceId: stack.physicalId, OldResourceProperties: one }));
      await meanwhile();
      world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
      await stack.play(stack.event('Update', one, { PhysicalResourceId: stack.physicalId, OldResourceProperties: next }));
    };

    test('finds the file system deleted succeeds', async () => {
      await goBack(world.stack(type), async () => {
        world.efs.replications.forEach(({ phase }) => phase.settle('deleted'));
        of(id).phase.settle('deleted');
        world.efs.settle();
      });
    });

    test('finds another resource that holds another value leaves that, and succeeds', async () => {
      const other = moved();
      await goBack(world.stack(type), async () => {
        await other.deploy(properties(2, 'Other/Thing'));
        world.clock.advance(120_000);
      });
      if (!isBackup) { expect(present(id)).toBe(2); }
      await other.destroy();
    });
  });

  test('goes back to its value although a new resource of the same update has claimed the other one', async () => {
    const stack = world.stack(type);
    await stack.deploy(properties(1));
    world.clock.advance(120_000);
    const asEvent = (some: object) => stack.event('Create', some as Record<string, unknown>).ResourceProperties;
    const [one, next] = [asEvent(properties(1)), asEvent(properties(2))];
    world.stacks.statuses.set(stack.stackId, 'UPDATE_IN_PROGRESS');
    await stack.play(stack.event('Update', next, { PhysicalResourceId: stack.physicalId, OldResourceProperties: one }));
    const added = renamed(stack);
    await added.deploy(properties(2, 'Stack/New'));
    world.clock.advance(120_000);
    world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
    await stack.play(stack.event('Update', one, { PhysicalResourceId: stack.physicalId, OldResourceProperties: next }));
    await added.destroy();
    expect(present(id)).toBe(1);
    await stack.destroy();
    expect(present(id)).toBe(left);
  });

  test('is not changed beside another resource of the same stack that holds it although CloudFormation still tells the rollback before', async () => {
    if (isBackup) { return; }
    const stack = world.stack(type);
    await stack.deploy(properties(1));
    const sharing = renamed(stack);
    await sharing.deploy(properties(1, 'Stack/New'));
    world.clock.advance(120_000);
    world.stacks.statuses.set(stack.stackId, 'UPDATE_IN_PROGRESS');
    world.lag('UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS');
    const [before, next] = ([1, 2] as const).map(one => (
      stack.event('Create', properties(one, 'Stack/New') as Record<string, unknown>).ResourceProperties));
    const update = sharing.event('Update', next, { PhysicalResourceId: sharing.physicalId, OldResourceProperties: before });
    await expect(sharing.play(update)).rejects.toThrow('has another value already');
    expect(present(id)).toBe(1);
  });

  test('that a former stack of the same name has retained stays after the rollback of a new one', async () => {
    const former = world.stack(type);
    await former.deploy(properties(1));
    world.clock.advance(120_000);
    // CloudFormation deletes the stack, and retains the resource.
    const stack = world.stack(type);
    await expect(stack.deploy(properties(1), { failAfter: true })).rejects.toThrow(FAILED);
    expect(present(id)).toBe(1);
  });

  test('that was there before is not replaced while a creation that found it is under way', async () => {
    if (isBackup) { return; }
    await put(id, 1);
    world.clock.advance(120_000);
    const stack = world.stack(type);
    await world.handlers.act(stack.event('Create', properties(1) as Record<string, unknown>));
    // The digest of the owner decides between creations that begin at the same time.
    const digest = (Owner: string) => ownerDigest({ Owner, RemovalPolicy: 'Delete' });
    const first = Array.from({ length: 20 }, (_unused, number) => `Other/Thing${number}`).find(owner => digest(owner) < digest('Stack/Thing'))!;
    await expect(moved().deploy(properties(2, first))).rejects.toThrow(/already/);
    expect(present(id)).toBe(1);
    await stack.cancel(properties(1) as Record<string, unknown>);
    expect(present(id)).toBe(1);
  });

  test('does not count the claims of another file system, which copies carry', async () => {
    const copy = world.stack(type);
    await copy.deploy(properties(1));
    await world.tag(two, Object.fromEntries(Object.entries(of(id).tags).filter(([key]) => key.startsWith('cdk-durable-storage:'))));
    const stack = moved();
    await stack.deploy(properties(2, 'Other/Thing', two));
    await stack.destroy();
    world.clock.advance(120_000);
    expect(present(two)).toBe(isBackup ? present(two) : 0);
  });

  test('stays, and so does its claim, if a later release of the library wrote that', async () => {
    const stack = world.stack(type);
    await stack.deploy(properties(1));
    const [key] = claims(id);
    await world.tag(id, { [key]: '2 something else' });
    await stack.deploy(properties(1));
    await stack.destroy();
    expect([present(id), of(id).tags[key]]).toEqual([1, '2 something else']);
  });

  test.each([[1, 1], [1, 2], [2, 1]] as const)('of two that are made at the same time, with the values %i and %i, is shared, or is that of one', async (first, second) => {
    const [one, other] = [world.stack(type), moved()];
    const outcomes = await Promise.allSettled([one.deploy(properties(first)), other.deploy(properties(second, 'Other/Thing'))]);
    const made = outcomes.map(({ status }) => status === 'fulfilled');
    world.clock.advance(120_000);
    if (first === second) { expect(made).toEqual([true, true]); } else { expect(made).not.toEqual([true, true]); }
    if (!isBackup) { expect(present(id)).toBe(made[0] ? first : made[1] ? second : 0); }
    await one.destroy();
    await other.destroy();
    world.clock.advance(120_000);
    expect(claims(id)).toEqual([]);
    if (!isBackup) { expect(present(id)).toBe(0); }
  });
});
