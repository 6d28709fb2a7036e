import { inEachTest, EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

let world: EfsHandlerWorld;
let stack: Stack;
inEachTest('Custom::FileSystem', (...given) => { [world, stack] = given; });

// The resource leaves the template under RETAIN, for which CloudFormation sends no event. It comes back under the same logical id with
// DESTROY, and the deployment fails.
test('a file system that was retained in this stack survives the rollback of the deployment that takes it up again', async () => {
  const retained = { Owner: 'Stack/Files', RemovalPolicy: 'Retain' };
  await stack.deploy(retained);
  const [id] = world.ids;
  const again = { ...retained, RemovalPolicy: 'Delete' };
  const created = await stack.play(stack.event('Create', again));
  expect(created.id).toBe(id);
  world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
  await stack.play(stack.event('Delete', again, { PhysicalResourceId: id }));
  world.clock.advance(60_000);
  expect(world.ids).toEqual([id]);
});

// The creation did not run, so it has marked nothing: only the time says that the file system was there before.
describe('the Delete of a creation that CloudFormation cancelled', () => {
  const FILES = { Owner: 'Stack/Files', RemovalPolicy: 'Delete' };
  const DAY = 86_400_000;

  beforeEach(async () => {
    await stack.deploy({ ...FILES, RemovalPolicy: 'Retain' });
    world.efs.setSizeInBytes(stack.physicalId!, 1_000_000);
    world.clock.advance(100 * DAY);
    world.stacks.begun = world.clock.now() - 60_000;
    world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
  });

  test.each<[string, () => void]>([
    ['has forgotten that the stack retained it', () => { world.stacks.remembered.splice(0); }],
    ['does not answer', () => { world.stacks.broken = true; }],
  ])('leaves a retained file system if CloudFormation %s', async (_, change) => {
    change();
    const [id] = world.ids;
    await stack.cancel(FILES);
    world.clock.advance(60_000);
    expect(world.ids).toEqual([id]);
  });
});
