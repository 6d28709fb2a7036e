/**
 * An update without rollback in which CloudFormation takes back one resource that failed. The user guide says that it "rolls back failed resources to the
 * last known stable state"; the status of the stack does not show it.
 */
import { CreateFileSystemCommand } from '@aws-sdk/client-efs';
import { inEachTest, EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

const PLAIN = { Owner: 'Stack/Thing', RemovalPolicy: 'Delete' };
const ELASTIC = { ...PLAIN, ThroughputMode: 'elastic' };

let world: EfsHandlerWorld;
let stack: Stack;
inEachTest('Custom::FileSystem', (...given) => { [world, stack] = given; });

const mode = () => world.efs.fileSystems[0].throughputMode;
const update = (to: object, from: object) => stack.event('Update', to as Record<string, unknown>, {
  PhysicalResourceId: stack.physicalId, OldResourceProperties: stack.event('Create', from as Record<string, unknown>).ResourceProperties,
});
/** CloudFormation reports that the update of the resource has failed. */
const fail = (logicalId = 'Thing') => { world.stacks.failedUpdates.push({ logicalId, at: world.clock.now() }); };

beforeEach(async () => {
  await stack.deploy({ ...PLAIN, ThroughputMode: 'bursting' });
  world.clock.advance(48 * 3_600_000);
  world.stacks.disableRollback = true;
  world.stacks.begun = world.clock.now();
  await stack.play(update(ELASTIC, { ...PLAIN, ThroughputMode: 'bursting' }));
  world.clock.advance(120_000);
});
const back = () => stack.play(update({ ...PLAIN, ThroughputMode: 'bursting' }, ELASTIC));

test.each(['UPDATE_IN_PROGRESS', 'UPDATE_FAILED'])('the way back of a throughput that EFS does not allow yet succeeds in %s, and leaves the throughput', async status => {
  fail();
  world.stacks.statuses.set(stack.stackId, status);
  await back();
  expect(mode()).toBe('elastic');
  expect(world.logged('the rollback leaves the throughput as it is')).toHaveLength(1);
});

describe('a change of throughput that EFS does not allow yet is an error', () => {
  test.each<[string, () => void]>([
    ['no update of the resource has failed', () => {}],
    ['the update of another resource has failed', () => fail('Other')],
    ['the update of the resource has failed in an earlier operation', () => {
      fail();
      world.clock.advance(60_000);
      world.stacks.begun = world.clock.now();
    }],
    ['the failure is that of the event itself, which comes late', () => { world.stacks.failedUpdates.push({ logicalId: 'Thing', at: world.clock.now() + 10_000 }); }],
    ['the operation can be rolled back, so that nothing is taken back alone', () => {
      fail();
      world.stacks.disableRollback = false;
    }],
    ['CloudFormation does not answer', () => {
      fail();
      world.stacks.broken = true;
    }],
  ])('if %s', async (_, change) => {
    change();
    await expect(back()).rejects.toThrow("'throughputMode' of file system");
    expect(mode()).toBe('elastic');
  });
});

test('a tag set that is taken back leaves what it meets', async () => {
  const { FileSystemId } = await world.client.send(new CreateFileSystemCommand({ CreationToken: 'theirs' }));
  world.clock.advance(10_000);
  stack = world.stack('Custom::TagSet', 'Tags', 'Stack', stack.stackId);
  const set = (tags: Record<string, string>) =>
    ({ Owner: 'Stack/Tags', RemovalPolicy: 'Delete', ResourceId: FileSystemId, Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) });
  await stack.deploy(set({ a: '1' }));
  await stack.play(update(set({ b: '1' }), set({ a: '1' })));
  await world.tag(FileSystemId!, { a: 'theirs' });
  await expect(stack.play(update(set({ a: '1' }), set({ b: '1' })))).rejects.toThrow('exist already with other values');
  fail('Tags');
  await stack.play(update(set({ a: '1' }), set({ b: '1' })));
  expect(world.tags(FileSystemId!)).toMatchObject({ a: 'theirs' });
});
