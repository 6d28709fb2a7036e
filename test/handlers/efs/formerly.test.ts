import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { inEachTest, EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

const OLD = { Owner: 'Stack/Thing', RemovalPolicy: 'Delete' };
const NEW = { ...OLD, Owner: 'Stack/Renamed' };
const BYTES = 1_000_000;

let world: EfsHandlerWorld;
let stack: Stack;
let renamed: Stack;
let id: string;
inEachTest('Custom::FileSystem', (...given) => { [world, stack] = given; });
beforeEach(async () => {
  await stack.deploy(OLD);
  id = stack.physicalId!;
  world.efs.setSizeInBytes(id, BYTES);
  world.clock.advance(86_400_000);
  renamed = world.stack('Custom::FileSystem', 'Renamed');
  Object.assign(renamed, { stackId: stack.stackId });
  world.stacks.begun = world.clock.now();
  world.stacks.resources.set(id, { stackId: stack.stackId, logicalId: 'Thing', type: 'Custom::FileSystem' });
});

/** The clean-up of the update in which the resource has left the template. */
const cleanUp = (properties: object = OLD) => {
  world.stacks.statuses.set(stack.stackId, 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
  return stack.play(stack.event('Delete', properties as any, { PhysicalResourceId: id }));
};

test('a renamed resource takes over what CloudFormation lists under its former logical id, and is deleted as before', async () => {
  await renamed.play(renamed.event('Create', { ...NEW, Formerly: ['Thing'] }));
  await cleanUp();
  expect(world.ids).toEqual([id]);
  expect(world.tags(id)).not.toHaveProperty(OWNERSHIP_TAGS.state);

  world.stacks.statuses.set(stack.stackId, 'DELETE_IN_PROGRESS');
  world.stacks.latestOperation = 'DELETE_STACK';
  await renamed.play(renamed.event('Delete', NEW, { PhysicalResourceId: id }));
  expect(world.ids).toEqual([]);
});

test('in a rollback, the former resource has it again', async () => {
  const before = { ...world.tags(id) };
  await renamed.play(renamed.event('Create', { ...NEW, Formerly: ['Thing'] }));
  world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
  await renamed.play(renamed.event('Delete', { ...NEW, Formerly: ['Thing'] }, { PhysicalResourceId: id }));
  expect(world.ids).toEqual([id]);
  const { [OWNERSHIP_TAGS.requestId]: _call, ...kept } = before;
  expect(world.tags(id)).toEqual(kept);
});

test.each([0, 1, 2, 3])('in a rollback, the former resource has it again although the deletion dies after %i changes of tags', async changes => {
  const before = { ...world.tags(id) };
  await renamed.play(renamed.event('Create', { ...NEW, Formerly: ['Thing'] }));
  world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
  let made = 0;
  const dead = { kind: 'error', code: 'ValidationException', status: 400, message: 'dead' } as const;
  world.server.faults.choose(operation => (/(T|Unt)agResource$/.test(operation) && made++ === changes ? dead : undefined));
  const deletion = renamed.event('Delete', { ...NEW, Formerly: ['Thing'] }, { PhysicalResourceId: id });
  await renamed.play(deletion).catch(() => renamed.play(deletion));
  const { [OWNERSHIP_TAGS.requestId]: _call, ...kept } = before;
  expect(world.tags(id)).toMatchObject(kept);
});

test('in a rollback, the former resource has it again although CloudFormation still tells the status from before', async () => {
  await renamed.play(renamed.event('Create', { ...NEW, Formerly: ['Thing'] }));
  world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
  world.lag('UPDATE_COMPLETE');
  await renamed.play(renamed.event('Delete', { ...NEW, Formerly: ['Thing'] }, { PhysicalResourceId: id }));
  expect(world.tags(id)).toMatchObject({ [OWNERSHIP_TAGS.owner]: OLD.Owner });
});

test('a step that dies when it has taken the file system over takes it over again, and makes no new one', async () => {
  renamed.deliveries = 2;
  await renamed.play(renamed.event('Create', { ...NEW, Formerly: ['Thing'] }));
  expect(world.ids).toEqual([id]);
});

describe('a creation that is sent again, because its first answer was lost', () => {
  beforeEach(async () => {
    await world.handlers.act(renamed.event('Create', { ...NEW, Formerly: ['Thing'] }));
    world.clock.advance(120_000);
  });

  test('goes on with the file system that it has taken over, and makes no new one', async () => {
    const again = await renamed.play(renamed.event('Create', { ...NEW, Formerly: ['Thing'] }));
    expect(again.id).toBe(id);
    expect(world.ids).toEqual([id]);
  });

  test('gives the file system back in a rollback', async () => {
    await renamed.play(renamed.event('Create', { ...NEW, Formerly: ['Thing'] }));
    world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
    await renamed.play(renamed.event('Delete', { ...NEW, Formerly: ['Thing'] }, { PhysicalResourceId: id }));
    expect(world.tags(id)).toMatchObject({ [OWNERSHIP_TAGS.owner]: OLD.Owner, [OWNERSHIP_TAGS.logicalId]: 'Thing' });
    expect(world.ids).toEqual([id]);
  });

  test('takes nothing over that only tags name', async () => {
    world.stacks.remembered.splice(0);
    const again = await renamed.play(renamed.event('Create', { ...NEW, Formerly: ['Thing'] }));
    expect(again.id).not.toBe(id);
  });
});

test('a creation that fails when it has taken the file system over gives it back', async () => {
  const creation = renamed.event('Create', { ...NEW, Formerly: ['Thing'] });
  await world.handlers.act(creation);
  world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
  await renamed.play(renamed.event('Delete', { ...NEW, Formerly: ['Thing'] }, { PhysicalResourceId: `failed-${creation.RequestId}` }));
  expect(world.tags(id)).toMatchObject({ [OWNERSHIP_TAGS.owner]: OLD.Owner, [OWNERSHIP_TAGS.logicalId]: 'Thing' });
});

test('one that was handed over and retained since survives its next creation, which is given up, although CloudFormation has forgotten both names', async () => {
  const again = { ...NEW, Formerly: ['Thing'], CreationToken: 'mine', Adopt: 'ALWAYS' };
  await stack.destroy();
  await stack.deploy({ ...OLD, CreationToken: 'mine' });
  id = stack.physicalId!;
  world.stacks.resources.set(id, { stackId: stack.stackId, logicalId: 'Thing', type: 'Custom::FileSystem' });
  await renamed.play(renamed.event('Create', again));
  expect(world.tags(id)).not.toHaveProperty(OWNERSHIP_TAGS.state);
  world.stacks.remembered.splice(0);
  world.stacks.resources.clear();
  world.efs.setSizeInBytes(id, BYTES);
  await renamed.play(renamed.event('Create', again));
  await renamed.play(renamed.event('Delete', again, { PhysicalResourceId: id }));
  world.clock.advance(60_000);
  expect(world.ids).toContain(id);
});

test('no new file system is made beside that of a former logical id where CloudFormation does not answer', async () => {
  world.stacks.broken = true;
  await expect(renamed.play(renamed.event('Create', { ...NEW, Formerly: ['Thing'] }))).rejects.toThrow(
    `file system ${id} may be that of Stack/Thing, which 'formerly' names, but CloudFormation does not say so`);
  expect(world.ids).toEqual([id]);
});

test('a former logical id that never had the file system gives no right to it', async () => {
  world.stacks.remembered.splice(0);
  await renamed.play(renamed.event('Create', { ...NEW, Formerly: ['Thing'] }));
  expect(world.ids).toHaveLength(2);
  expect(world.tags(id)).toMatchObject({ [OWNERSHIP_TAGS.owner]: OLD.Owner });
});

describe('without a former logical id', () => {
  test('the clean-up keeps the data that the renamed resource was meant to have, and the error names "formerly"', async () => {
    await renamed.play(renamed.event('Create', NEW));
    await expect(cleanUp()).rejects.toThrow("a construct that takes the place of another one names it by 'formerly', here ['Thing']");
    expect(world.ids).toContain(id);
    expect(world.logged('a new file system is made, although')).toMatchObject([{ id, remedy: expect.stringContaining("set 'formerly' to ['Thing']") }]);
  });

  test.each<[string, () => void]>([
    ['CloudFormation still tells the status from before the clean-up', () => world.lag('UPDATE_IN_PROGRESS')],
    ['CloudFormation still tells the status from before the update', () => world.lag('UPDATE_ROLLBACK_COMPLETE')],
    ['CloudFormation still tells the clean-up of the rollback before', () => world.lag('UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS')],
    ['CloudFormation does not answer', () => { world.stacks.broken = true; }],
  ])('the clean-up keeps the data although %s', async (_, change) => {
    await renamed.play(renamed.event('Create', NEW));
    change();
    await expect(cleanUp()).rejects.toThrow("names it by 'formerly'");
    expect(world.ids).toContain(id);
  });

  test('the clean-up keeps the data that the construct was meant to have in another nested stack', async () => {
    const [before, after] = ['Before', 'After'].map(name => world.stack('Custom::FileSystem', 'Thing', `Stack-${name}-1ABC`));
    const nested = (name: string) => ({ ...OLD, Owner: `Stack/${name}/Thing`, Encrypted: true });
    await before.deploy(nested('Before'));
    world.efs.setSizeInBytes(before.physicalId!, BYTES);
    world.clock.advance(86_400_000);
    world.stacks.begun = world.clock.now();
    await after.deploy(nested('After'));
    world.stacks.statuses.set(before.stackId, 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
    await expect(before.destroy()).rejects.toThrow("here ['Before/Thing']");
    expect(world.ids).toContain(before.physicalId);
  });

  test('the deletion of the stack deletes both although CloudFormation still tells the status from before', async () => {
    world.stacks.begun -= 2 * 86_400_000;
    await renamed.play(renamed.event('Create', NEW));
    world.stacks.statuses.set(stack.stackId, 'DELETE_IN_PROGRESS');
    world.lag('CREATE_COMPLETE');
    await stack.play(stack.event('Delete', OLD, { PhysicalResourceId: id }));
    world.clock.advance(60_000);
    expect(world.ids).not.toContain(id);
  });

  test.each<[string, object]>([
    ['has other immutable properties', { Encrypted: true }],
    ['has a token of its own', { CreationToken: 'mine' }],
  ])('the clean-up deletes it if the new one %s', async (_, more) => {
    await renamed.play(renamed.event('Create', { ...NEW, ...more }));
    await cleanUp();
    world.clock.advance(60_000);
    expect(world.ids).not.toContain(id);
  });

  test('the clean-up deletes it if it is empty, or if the other one is older than this update', async () => {
    world.efs.setSizeInBytes(id, 0);
    await renamed.play(renamed.event('Create', NEW));
    await cleanUp();
    world.clock.advance(60_000);
    expect(world.ids).not.toContain(id);
  });

  test('the clean-up deletes it if the other one is older than this update', async () => {
    await renamed.play(renamed.event('Create', NEW));
    world.stacks.begun = world.clock.now() + 60_000;
    await cleanUp();
    world.clock.advance(60_000);
    expect(world.ids).not.toContain(id);
  });

  test('the deletion of the stack deletes both', async () => {
    await renamed.play(renamed.event('Create', NEW));
    world.stacks.statuses.set(stack.stackId, 'DELETE_IN_PROGRESS');
    await stack.play(stack.event('Delete', OLD, { PhysicalResourceId: id }));
    world.clock.advance(60_000);
    expect(world.ids).not.toContain(id);
  });
});
