import { PLENTY, startSnapshot, Transfer } from './transfer';
import { cleanUp } from '../../../lambda/transfer/import/clean-up';
import { copy } from '../../../lambda/transfer/import/copy';
import { plan } from '../../../lambda/transfer/import/plan';
import { seal } from '../../../lambda/transfer/import/seal';

let transfer: Transfer;

beforeEach(async () => { transfer = await Transfer.start(); });
afterEach(() => transfer.world.close());

describe('clean-up', () => {
  const event = () => ({ detail: { name: transfer.snapshotId, input: JSON.stringify(transfer.input), status: 'FAILED' as const, startDate: 0, stopDate: 0 } });

  test('removes the snapshot and its objects, as often as it is called', async () => {
    const { world, aws, input, snapshotId } = transfer;
    await plan(aws, input);
    await copy(aws, { snapshotId, n: 0 }, PLENTY);
    await cleanUp(aws, event());
    world.expectNothingLeft();
    await cleanUp(aws, { snapshotId });
    world.expectNothingLeft();
  });

  test('of a failed execution removes a snapshot that was completed after all', async () => {
    const { world, image, aws, input, snapshotId } = transfer;
    await plan(aws, input);
    await copy(aws, { snapshotId, n: 0 }, PLENTY);
    await seal(aws, { snapshotId });
    await world.clock.sleep(60_000);
    world.expectContent(snapshotId, image);
    await cleanUp(aws, event());
    world.expectNothingLeft();
  });

  test('never touches a snapshot that is not ours', async () => {
    const { world, aws } = transfer;
    const foreign = await startSnapshot([{ Key: 'Name', Value: 'theirs' }]);
    await cleanUp(aws, { snapshotId: foreign });
    expect(world.snapshotIds).toContain(foreign);
  });

  test('removes the snapshot although EC2 lists it without its tags', async () => {
    const { world, aws, input, snapshotId } = transfer;
    await plan(aws, input);
    await world.recordSnapshot(snapshotId, 'stack', 'Image', '');
    world.ec2.snapshots.find(snapshotId)!.tags.clear();
    await cleanUp(aws, event());
    world.expectNothingLeft();
  });

  test('removes the objects of one snapshot only', async () => {
    const { world, aws, input, snapshotId } = transfer;
    await plan(aws, input);
    await aws.store.savePlan(`${snapshotId}0`, await aws.store.plan(snapshotId));
    await cleanUp(aws, { snapshotId });
    expect(world.transferObjects).toEqual([`transfers/${snapshotId}0/plan.json`]);
  });
});
