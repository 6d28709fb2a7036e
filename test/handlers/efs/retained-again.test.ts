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
