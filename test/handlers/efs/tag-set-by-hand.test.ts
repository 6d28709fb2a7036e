/** A tag set some of whose tags, or its claim, somebody has removed. */
import { CreateFileSystemCommand } from '@aws-sdk/client-efs';
import { inEachTest, EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

let world: EfsHandlerWorld;
let stack: Stack;
let id: string;
inEachTest('Custom::TagSet', (...given) => {
  [world, stack] = given;
  world.follow(stack);
});
beforeEach(async () => {
  id = (await world.client.send(new CreateFileSystemCommand({ CreationToken: 'theirs', Tags: [{ Key: 'x', Value: 'theirs' }] }))).FileSystemId!;
  world.clock.advance(10_000);
});

const set = (tags: Record<string, string>) => ({
  Owner: 'Stack/Thing', RemovalPolicy: 'Delete', ResourceId: id, Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
});
const isClaim = (key: string) => key.startsWith('cdk-durable-storage:');
const present = () => Object.fromEntries(Object.entries(world.tags(id)).filter(([key]) => !isClaim(key)));
const claims = () => Object.keys(world.tags(id)).filter(isClaim);

describe.each<[string, () => string[]]>([
  ['one of its tags', () => ['a']],
  ['all of its tags', () => ['a', 'b']],
  ['its claim', claims],
  ['its claim and all of its tags', () => ['a', 'b', ...claims()]],
])('without %s, which somebody has removed,', (_, removed) => {
  beforeEach(async () => {
    await stack.deploy(set({ a: '1', b: '1' }));
    await world.untag(id, ...removed());
  });

  test('an update sets what the template says', async () => {
    await stack.deploy(set({ a: '2', c: '1' }));
    expect(present()).toEqual({ x: 'theirs', a: '2', c: '1' });
    expect(claims()).toHaveLength(1);
    await stack.destroy();
    expect([present(), claims()]).toEqual([{ x: 'theirs' }, []]);
  });

  test('a rollback sets what the template said', async () => {
    await expect(stack.deploy(set({ a: '2', c: '1' }), { failAfter: true })).rejects.toThrow(/^another resource failed$/);
    expect(stack.isStuck).toBe(false);
    expect(present()).toEqual({ x: 'theirs', a: '1', b: '1' });
  });

  test('a deletion succeeds, and leaves nothing that the record says is its own', async () => {
    const hadClaim = claims().length > 0;
    await stack.destroy();
    expect(claims()).toEqual([]);
    // Without its claim, nothing says whether the tags were there before.
    if (hadClaim) { expect(present()).toEqual({ x: 'theirs' }); } else { expect(present()).toMatchObject({ x: 'theirs' }); }
  });
});

describe('during an update', () => {
  test.each<[string, () => string[]]>([
    ['one of its tags', () => ['a']],
    ['all of its tags', () => ['a', 'c']],
    ['its claim', claims],
    ['its claim and all of its tags', () => ['a', 'c', ...claims()]],
  ])('somebody removes %s, and the rollback sets what the template said', async (_, removed) => {
    await stack.deploy(set({ a: '1', b: '1' }));
    const PhysicalResourceId = stack.physicalId!;
    await stack.play(stack.event('Update', set({ a: '2', c: '1' }), { PhysicalResourceId, OldResourceProperties: set({ a: '1', b: '1' }) }));
    await world.untag(id, ...removed());
    world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
    await stack.play(stack.event('Update', set({ a: '1', b: '1' }), { PhysicalResourceId, OldResourceProperties: set({ a: '2', c: '1' }) }));
    expect(present()).toEqual({ x: 'theirs', a: '1', b: '1' });
    expect(claims()).toHaveLength(1);
  });

  test('somebody removes the claim between two steps, and the update ends in an error that says so; the rollback succeeds', async () => {
    await stack.deploy(set({ a: '1' }));
    const event = stack.event('Update', set({ a: '2' }), { PhysicalResourceId: stack.physicalId, OldResourceProperties: set({ a: '1' }) });
    const begun = { ...event, ...await world.handlers.act(event) };
    await world.untag(id, ...claims());
    await expect(world.handlers.poll(begun)).rejects.toThrow('was changed or removed by a later call');
    world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
    await stack.play(stack.event('Update', set({ a: '1' }), { PhysicalResourceId: stack.physicalId, OldResourceProperties: set({ a: '2' }) }));
    expect(present()).toEqual({ x: 'theirs', a: '1' });
  });
});
