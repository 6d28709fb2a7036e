import { CreateFileSystemCommand } from '@aws-sdk/client-efs';
import { holdersOf, otherRecords, recordKey, recordTag } from '../../../lambda/efs/mount-targets/record';
import { ownerDigest } from '../../../lambda/shared/ownership';
import { EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import { Stack } from '../../harness/stack';

let world: EfsHandlerWorld;
let id: string;
/** Two sets of one stack, on a file system that no stack made. */
let first: Stack;
let second: Stack;
beforeEach(async () => {
  world = await EfsHandlerWorld.start();
  id = (await world.client.send(new CreateFileSystemCommand({ CreationToken: 'theirs', Encrypted: true }))).FileSystemId!;
  world.clock.advance(10_000);
  [first, second] = ['First', 'Second'].map(name => world.stack('Custom::MountTargets', name));
});
afterEach(() => world.close());

type SubnetName = keyof EfsHandlerWorld['subnet'];
const set = (owner: 'First' | 'Second', names: SubnetName[], more: object = {}) => ({
  Owner: `Stack/${owner}`,
  RemovalPolicy: 'Delete',
  FileSystemId: id,
  SubnetIds: names.map(name => world.subnet[name]),
  SecurityGroups: [world.group.one],
  ...more,
});
const targets = () => world.efs.mountTargets;
const ids = () => targets().filter(({ lifeCycleState }) => lifeCycleState !== 'deleting').map(target => target.id).sort();
const groups = () => targets().map(({ securityGroups }) => [...securityGroups].sort());
const records = () => otherRecords({ Tags: Object.entries(world.tags(id)).map(([Key, Value]) => ({ Key, Value })) } as any, '');
const holders = (name: SubnetName) => holdersOf(world.subnet[name], records()).map(({ owner }) => owner);
const both = (...work: Promise<unknown>[]) => Promise.allSettled(work).then(results => results.map(result =>
  result.status === 'fulfilled' ? 'done' : (result.reason as Error).message));

describe('sets with the same wishes', () => {
  test('share their mount targets, which go with the last of the sets', async () => {
    await first.deploy(set('First', ['a1', 'b1']));
    const before = ids();
    expect(await second.deploy(set('Second', ['a1', 'b1']))).toMatchObject({ MountTargetIds: expect.stringContaining(before[0]) });
    expect(ids()).toEqual(before);
    expect(holders('a1')).toEqual(['Stack/First', 'Stack/Second']);

    await first.destroy();
    expect(ids()).toEqual(before);
    expect(holders('a1')).toEqual(['Stack/Second']);
    await second.destroy();
    expect(ids()).toEqual([]);
    expect(world.tags(id)).toEqual({});
  });

  test('share them when they are made at the same time, and the removal of one leaves them to the other', async () => {
    expect(await both(first.deploy(set('First', ['a1', 'b1'])), second.deploy(set('Second', ['a1', 'b1'])))).toEqual(['done', 'done']);
    expect(targets()).toHaveLength(2);
    const before = ids();
    await second.destroy();
    expect(ids()).toEqual(before);
    await first.destroy();
    expect(ids()).toEqual([]);
  });

  test('go back to their subnets although a new set of the same update has another one in the zone', async () => {
    const asEvent = (properties: object) => first.event('Create', properties as Record<string, unknown>).ResourceProperties;
    const [before, next] = [asEvent(set('First', ['a2'])), asEvent(set('First', ['b1']))];
    await first.deploy(before);
    const added = new Stack(world.clock, world.handlers, 'Custom::MountTargets', 'Second', undefined, first.stackId);
    world.stacks.statuses.set(first.stackId, 'UPDATE_IN_PROGRESS');
    await first.play(first.event('Update', next, { PhysicalResourceId: first.physicalId, OldResourceProperties: before }));
    await added.deploy(set('Second', ['a1', 'b1']));
    world.clock.advance(120_000);
    world.stacks.statuses.set(first.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
    await first.play(first.event('Update', before, { PhysicalResourceId: first.physicalId, OldResourceProperties: next }));
    await added.destroy();
    expect(targets().filter(({ lifeCycleState }) => lifeCycleState === 'available').map(({ subnetId }) => subnetId)).toEqual([world.subnet.a2]);
    await first.destroy();
    expect(ids()).toEqual([]);
  });

  test('keep their mount targets in an update although CloudFormation still tells the rollback before', async () => {
    await first.deploy(set('First', ['a2']));
    const sibling = new Stack(world.clock, world.handlers, 'Custom::MountTargets', 'Second', undefined, first.stackId);
    await sibling.deploy(set('Second', ['b1']));
    world.clock.advance(120_000);
    const asEvent = (properties: object) => sibling.event('Create', properties as Record<string, unknown>).ResourceProperties;
    world.stacks.statuses.set(first.stackId, 'UPDATE_IN_PROGRESS');
    world.lag('UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS');
    const update = sibling.event('Update', asEvent(set('Second', ['a1'])), {
      PhysicalResourceId: sibling.physicalId, OldResourceProperties: asEvent(set('Second', ['b1'])),
    });
    await expect(sibling.play(update)).rejects.toThrow('EFS allows one in each Availability Zone');
    expect(targets().map(({ subnetId }) => subnetId).sort()).toEqual([world.subnet.a2, world.subnet.b1].sort());
  });

  test('that go at the same time leave nothing', async () => {
    await first.deploy(set('First', ['a1', 'b1']));
    await second.deploy(set('Second', ['b1', 'c1']));
    expect(await both(first.destroy(), second.destroy())).toEqual(['done', 'done']);
    expect(ids()).toEqual([]);
    expect(world.tags(id)).toEqual({});
  });

  test('one of which comes while the other goes have their mount targets in the end', async () => {
    await first.deploy(set('First', ['a1', 'b1']));
    expect(await both(first.destroy(), second.deploy(set('Second', ['a1', 'b1'])))).toEqual(['done', 'done']);
    expect(targets().map(({ lifeCycleState }) => lifeCycleState)).toEqual(['available', 'available']);
    expect(holders('a1')).toEqual(['Stack/Second']);
  });

  test('one of which goes while the other is about to be complete: that one waits until the first has seen it', async () => {
    await first.deploy(set('First', ['a1']));
    const create = second.event('Create', set('Second', ['a1']));
    const creating = { ...create, ...await world.handlers.act(create) };
    const key = ownerDigest(set('First', []));
    const deleting = recordTag(key, { ...records().find(({ owner }) => owner === 'Stack/First')!, state: 'deleting', sent: world.clock.now() });
    await world.tag(id, { [deleting.Key!]: deleting.Value! });
    expect(await world.handlers.poll(creating)).toEqual({ IsComplete: false });
    await world.untag(id, recordKey(key));
    expect(await world.handlers.poll(creating)).toMatchObject({ IsComplete: true });
  });
});

describe('a set that takes the place of another', () => {
  test('has its mount targets without a gap, whether the deployment succeeds or is rolled back', async () => {
    await first.deploy(set('First', ['a1', 'b1']));
    const before = ids();
    await expect(second.deploy(set('Second', ['a1', 'b1', 'c1']), { failAfter: true })).rejects.toThrow('another resource failed');
    expect(ids()).toEqual(before);
    expect(records()).toHaveLength(1);

    await second.deploy(set('Second', ['a1', 'b1', 'c1']));
    await first.destroy();
    expect(ids()).toEqual(expect.arrayContaining(before));
    expect(targets()).toHaveLength(3);
    expect(world.server.count('efs:DeleteMountTarget')).toBe(1);
  });

  test('may want other security groups: the mount targets have both, until one of the sets goes', async () => {
    await first.deploy(set('First', ['a1']));
    await expect(second.deploy(set('Second', ['a1'], { SecurityGroups: [world.group.two] }), { failAfter: true })).rejects.toThrow();
    expect(groups()).toEqual([[world.group.one]]);

    await second.deploy(set('Second', ['a1'], { SecurityGroups: [world.group.two] }));
    expect(groups()).toEqual([[world.group.one, world.group.two].sort()]);
    await first.destroy();
    expect(groups()).toEqual([[world.group.two]]);
  });

  test('wants the security groups of all who come at the same time', async () => {
    expect(await both(first.deploy(set('First', ['a1'])), second.deploy(set('Second', ['a1'], { SecurityGroups: [world.group.two] })))).toEqual(['done', 'done']);
    expect(groups()).toEqual([[world.group.one, world.group.two].sort()]);
  });

  test('is refused with other subnets or addresses, with the name of the set that is there', async () => {
    await first.deploy(set('First', ['a1', 'b1']));
    const before = ids();
    const held = /has mount target fsmt-\w+ \(subnet-\w+\) in eu-west-1a, which belongs to the set Stack\/First \(tag cdk-durable-storage:mount-targets:\w+\)/;
    await expect(second.deploy(set('Second', ['a2', 'b1']))).rejects.toThrow(held);
    await expect(second.deploy(set('Second', ['a1'], { IpAddresses: ['10.1.1.77'] }))).rejects.toThrow(held);
    await expect(second.deploy(set('Second', ['x1'], { SecurityGroups: [world.group.other] }))).rejects.toThrow('belongs to the set Stack/First');
    expect(ids()).toEqual(before);
    expect(records().map(({ owner }) => owner)).toEqual(['Stack/First']);
  });

  test('with other subnets at the same time: one is made, the other refused with its name, and what is made stays', async () => {
    const results = await both(first.deploy(set('First', ['a1', 'b1'])), second.deploy(set('Second', ['a2', 'b1'])));
    const [winner, loser] = results[0] === 'done' ? ['First', 'Second'] : ['Second', 'First'];
    expect(results).toContainEqual(expect.stringContaining(`belongs to the set Stack/${winner}`));
    expect(records().map(({ owner }) => owner)).toEqual([`Stack/${winner}`]);
    expect(records().map(({ owner }) => owner)).not.toContain(`Stack/${loser}`);
    expect(targets().map(({ lifeCycleState }) => lifeCycleState)).toEqual(['available', 'available']);
  });
});

describe('an update of a set that shares its mount targets', () => {
  beforeEach(async () => {
    await first.deploy(set('First', ['a1', 'b1']));
    await second.deploy(set('Second', ['a1', 'b1']));
  });

  test('leaves a mount target that it no longer wants to the other set, without its security groups', async () => {
    const before = ids();
    await first.deploy(set('First', ['a1', 'b1'], { SecurityGroups: [world.group.two] }));
    await first.deploy(set('First', ['b1'], { SecurityGroups: [world.group.two] }));
    expect(ids()).toEqual(before);
    expect(targets().find(({ subnetId }) => subnetId === world.subnet.a1)!.securityGroups).toEqual([world.group.one]);
    expect(holders('a1')).toEqual(['Stack/Second']);
  });

  test('may not move one of them', async () => {
    const before = ids();
    await expect(first.deploy(set('First', ['a2', 'b1']))).rejects.toThrow('belongs to the set Stack/Second');
    expect(ids()).toEqual(before);
  });
});

describe('a set that was retained', () => {
  const again = () => world.stack('Custom::MountTargets', 'First');

  test('comes back with its mount targets when a stack of the same name is deployed', async () => {
    await first.deploy(set('First', ['a1', 'b1']));
    const before = ids();
    const next = again();
    await next.deploy(set('First', ['a1', 'b1'], { SecurityGroups: [world.group.two] }));
    expect(ids()).toEqual(before);
    expect(groups()).toEqual([[world.group.two], [world.group.two]]);
    expect(records()).toHaveLength(1);

    // The former stack is gone; its set is not its own any more.
    await first.destroy();
    expect(ids()).toEqual(before);
    world.stacks.latestOperation = 'DELETE_STACK';
    world.stacks.statuses.set(next.stackId, 'DELETE_IN_PROGRESS');
    await next.destroy();
    expect(ids()).toEqual([]);
  });

  test('has its mount targets and their security groups after a stack has taken them up and was rolled back, and comes back later', async () => {
    await first.deploy(set('First', ['a1', 'b1']));
    const before = ids();
    const other = { SecurityGroups: [world.group.two] };
    await expect(again().deploy(set('First', ['a1', 'b1', 'c1'], other), { failAfter: true })).rejects.toThrow('another resource failed');
    expect([ids(), groups()]).toEqual([before, [[world.group.one], [world.group.one]]]);
    await again().deploy(set('First', ['a1', 'b1'], other));
    expect([ids(), groups()]).toEqual([before, [[world.group.two], [world.group.two]]]);
  });

  test('by the stack that it is in comes back when that declares it once more, and a rollback leaves it', async () => {
    await first.deploy(set('First', ['a1']));
    const before = ids();
    const sameStack = new Stack(world.clock, world.handlers, 'Custom::MountTargets', 'First', 'Stack', first.stackId);
    await expect(sameStack.deploy(set('First', ['a1', 'b1']), { failAfter: true })).rejects.toThrow('another resource failed');
    expect(ids()).toEqual(before);
    await sameStack.deploy(set('First', ['a1', 'b1']));
    expect(ids()).toEqual(expect.arrayContaining(before));
  });

  test('has its mount targets after a rollback although CloudFormation still tells the status from before', async () => {
    await first.deploy(set('First', ['a1']));
    const before = ids();
    const next = again();
    const { id: physicalId } = await next.play(next.event('Create', set('First', ['a1'])));
    world.stacks.statuses.set(next.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
    world.lag('UPDATE_COMPLETE');
    await next.play(next.event('Delete', set('First', ['a1']), { PhysicalResourceId: physicalId }));
    expect(ids()).toEqual(before);
  });

  test('stays when CloudFormation cancels the creation that was to take it up again, before that ran', async () => {
    await first.deploy(set('First', ['a1']));
    const before = ids();
    world.clock.advance(86_400_000);
    world.stacks.begun = world.clock.now();
    world.stacks.statuses.set(first.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
    await first.cancel(set('First', ['a1']));
    expect(ids()).toEqual(before);
    expect(records().map(({ state }) => state)).toEqual(['ready']);
  });

  test('is the new stack\'s own once that has been updated', async () => {
    await first.deploy(set('First', ['a1']));
    const next = again();
    await next.deploy(set('First', ['a1']));
    await next.deploy(set('First', ['a1', 'b1']));
    await next.destroy();
    expect(ids()).toEqual([]);
  });

  test('is not moved by what comes back with other wishes', async () => {
    await first.deploy(set('First', ['a1']));
    await expect(again().deploy(set('First', ['a2']))).rejects.toThrow('which is not of this set');
    expect(targets().map(({ subnetId }) => subnetId)).toEqual([world.subnet.a1]);
  });
});

describe('calls out of order', () => {
  const properties = () => set('First', ['a1', 'b1']);

  test('a Delete that was sent before the set was made anew deletes nothing', async () => {
    await first.deploy(properties());
    const late = first.event('Delete', properties(), { PhysicalResourceId: first.physicalId, Since: `${world.clock.now()}` });
    await first.destroy();
    world.clock.advance(60_000);
    await first.deploy(properties());
    const before = ids();
    await first.play(late);
    expect(ids()).toEqual(before);
    expect(records().map(({ state }) => state)).toEqual(['ready']);
  });

  test('the late Delete of a cancelled creation deletes nothing of the creation after it', async () => {
    const late = first.event('Delete', properties(), { PhysicalResourceId: 'Stack-First-1ABCDEFGH2IJK', Since: `${world.clock.now()}` });
    world.clock.advance(60_000);
    await first.deploy(properties());
    const before = ids();
    await first.play(late);
    expect(ids()).toEqual(before);
  });

  // Without a rollback, CloudFormation deletes a creation that it got no answer to after it has made the resource anew.
  test('the Delete of a creation that got no answer deletes nothing of the one that was repeated', async () => {
    await first.deploy(properties());
    world.stacks.resources.set(first.physicalId!, { stackId: first.stackId, logicalId: 'First', type: 'Custom::MountTargets' });
    const before = ids();
    await first.cancel(properties());
    expect(ids()).toEqual(before);
    expect(records().map(({ state }) => state)).toEqual(['ready']);
  });

  test('the Delete of a failed creation deletes nothing of the creation after it', async () => {
    await first.deploy(properties());
    const before = ids();
    await first.play(first.event('Delete', properties(), { PhysicalResourceId: 'failed-0123456789abcdef' }));
    expect(ids()).toEqual(before);
  });

  test('an Update that was sent before the last one changes nothing', async () => {
    await first.deploy(properties());
    const update = (wanted: object, Since: number) => first.event('Update', wanted as Record<string, unknown>, {
      PhysicalResourceId: first.physicalId, OldResourceProperties: properties() as any, Since: `${Since}`,
    });
    const late = update(set('First', ['a2', 'b1']), world.clock.now());
    world.clock.advance(60_000);
    await first.deploy(set('First', ['a1', 'b1'], { SecurityGroups: [world.group.two] }));
    const before = ids();
    await expect(world.handlers.act(late)).rejects.toThrow('superseded by a later one');
    expect([ids(), groups()]).toEqual([before, [[world.group.two], [world.group.two]]]);
  });
});
