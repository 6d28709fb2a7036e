/**
 * A creation without an answer, in an operation without rollback, whose resource leaves the template in the next operation: the Delete has an invented id,
 * and the creation is older than that operation. It looks like one whose resource was retained, so its value stays, and `orphans` lists its claim.
 */
import { CreateFileSystemCommand } from '@aws-sdk/client-efs';
import { inEachTest, EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

let world: EfsHandlerWorld;
let stack: Stack;
let id: string;
inEachTest('Custom::TagSet', (...given) => { [world, stack] = given; });

const set = (team: string, Owner = 'Stack/Thing', more: object = {}) =>
  ({ Owner, RemovalPolicy: 'Delete', ResourceId: id, Tags: [{ Key: 'team', Value: team }], ...more });

beforeEach(async () => {
  id = (await world.client.send(new CreateFileSystemCommand({ CreationToken: 'theirs' }))).FileSystemId!;
  world.clock.advance(10_000);
  await stack.play(stack.event('Create', set('ours')));
  world.stacks.remembered.splice(0);
});

test('leaves nothing if its Delete comes in the same operation', async () => {
  world.stacks.begun = world.clock.now() - 600_000;
  await stack.cancel(set('ours'));
  expect(world.tags(id)).toEqual({});
});

describe('whose Delete comes in the next operation', () => {
  beforeEach(async () => {
    world.clock.advance(7_200_000);
    world.stacks.begun = world.clock.now();
    await stack.cancel(set('ours'));
  });

  test('leaves its tags and its claim', () => {
    expect(Object.keys(world.tags(id)).sort()).toEqual([expect.stringMatching(/^cdk-durable-storage:tags:/), 'team']);
  });

  test('does not keep another resource from setting the tag', async () => {
    const other = world.stack('Custom::TagSet', 'Thing', 'Other');
    await other.deploy(set('theirs', 'Other/Thing', { Overwrite: true }));
    expect(world.tags(id)).toMatchObject({ team: 'theirs' });
  });
});
