/** Guards over data stand unless CloudFormation certainly rolls back: when it does not answer, or still shows the status from before. */
import { CreateFileSystemCommand } from '@aws-sdk/client-efs';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { inEachTest, EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

const FILES = { Owner: 'Stack/Files', RemovalPolicy: 'Delete' };

let world: EfsHandlerWorld;
let stack: Stack;
inEachTest('Custom::FileSystem', (...given) => { [world, stack] = given; });

const show = (status: string) => { world.stacks.statuses.set(stack.stackId, status); };
/** Shows the status before for so long, and then that of an update. */
function showLate(status: string, seconds: number): void {
  show(status);
  void world.clock.sleep(1000 * seconds).then(() => show('UPDATE_IN_PROGRESS'));
}

const UNCERTAIN: [string, () => void][] = [
  ['CloudFormation denies the question', () => { world.stacks.broken = true; }],
  ['the operation may take back a single resource', () => { world.stacks.disableRollback = true; }],
  ['the status is that of a rollback that ended before', () => showLate('UPDATE_ROLLBACK_COMPLETE', 30)],
  ['the status is that of the clean-up of a rollback that ended before', () => showLate('UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS', 30)],
  ['the status is that of a rollback that ended before for good', () => show('UPDATE_ROLLBACK_COMPLETE')],
];

describe.each(UNCERTAIN)('where %s', (_, begin) => {
  test('a file system is not replaced without permission, and nothing is touched', async () => {
    await stack.deploy(FILES);
    const [id] = world.ids;
    begin();
    await expect(stack.deploy({ ...FILES, PerformanceMode: 'maxIO' })).rejects.toThrow(/would be replaced by a new, empty one|does not wait for this resource any longer/);
    expect(world.ids).toEqual([id]);
    expect(world.server.count('efs:CreateFileSystem')).toBe(1);
  });

  test('a change of throughput that EFS refuses is not reported as made', async () => {
    await stack.deploy({ ...FILES, ThroughputMode: 'bursting' });
    await stack.deploy({ ...FILES, ThroughputMode: 'elastic' });
    begin();
    const [PhysicalResourceId, old] = [stack.physicalId!, { ...FILES, ThroughputMode: 'elastic' } as any];
    const update = stack.event('Update', { ...FILES, ThroughputMode: 'bursting' }, { PhysicalResourceId, OldResourceProperties: old });
    await expect(stack.play(update)).rejects.toThrow(/cannot change from elastic to bursting before|does not wait for this resource any longer/);
  });
});

describe('an adopted file system whose removal policy becomes DESTROY', () => {
  const adopting = async () => {
    const { FileSystemId } = await world.client.send(new CreateFileSystemCommand({ CreationToken: 'theirs' }));
    await world.clock.sleep(60_000);
    await stack.deploy({ ...FILES, RemovalPolicy: 'Retain', AdoptFileSystemId: FileSystemId });
    return { ...FILES, AdoptFileSystemId: FileSystemId };
  };
  const state = () => world.tags(stack.physicalId!)[OWNERSHIP_TAGS.state];

  test.each([true, false])('is deleted with its stack from then on, also if the status shows late: %p', async late => {
    const owned = await adopting();
    if (late) { showLate('UPDATE_ROLLBACK_COMPLETE', 30); }
    await stack.deploy(owned);
    expect(state()).toBeUndefined();
  });

  test.each(UNCERTAIN.slice(0, 2))('stays adopted where %s', async (_, begin) => {
    const owned = await adopting();
    begin();
    await stack.deploy(owned);
    expect(state()).toBe('adopted');
  });

  test('stays adopted in a rollback that shows late', async () => {
    const owned = await adopting();
    void world.clock.sleep(40_000).then(() => show('UPDATE_ROLLBACK_IN_PROGRESS'));
    await stack.deploy(owned);
    expect(state()).toBe('adopted');
  });
});
