import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { disk, IMAGES, properties } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld } from '../../harness/ebs/ebs-handler-world';
import type { Stack } from '../../harness/stack';

const EXPORTS = 'exports';

let world: EbsHandlerWorld;

beforeEach(async () => {
  world = await EbsHandlerWorld.start({ ebs: { startWindow: 0 }, smallExport: { partBlocks: 10, rangeParts: 2, blocks: 12 } });
});
afterEach(() => world.close());

/** A resource whose creation starts a transfer. */
type Kind = () => Promise<{ stack: Stack; wanted: Record<string, unknown> }>;

const KINDS: [string, Kind][] = [
  ['an import', async () => {
    await world.s3.put(IMAGES, 'disk.img', disk(3 * BLOCK_SIZE));
    return { stack: world.stack(), wanted: properties() };
  }],
  ['an export', async () => {
    world.s3.createBucket(EXPORTS, {});
    const SnapshotId = await world.givenSnapshot({ 0: Buffer.alloc(BLOCK_SIZE, 'a') });
    return { stack: world.exports(), wanted: { SnapshotId, Bucket: EXPORTS, Key: 'disk.img', Owner: 'Stack/Export', RemovalPolicy: 'Delete' } };
  }],
];

describe.each(KINDS)('%s', (_, kind) => {
  test('starts its transfer when it is created, before a poll asks for it', async () => {
    const { stack, wanted } = await kind();
    const { PhysicalResourceId } = await world.handlers.act(stack.event('Create', wanted));
    expect(world.server.count('states:StartExecution')).toBe(1);

    await world.clock.sleep(600_000);
    expect(world.states.describe(executionOf(PhysicalResourceId!)).status).toBe('SUCCEEDED');
  });

  test('starts its transfer in a poll if the creation could not, and is complete in the end', async () => {
    const { stack, wanted } = await kind();
    world.denied.push('states:StartExecution');
    const event = stack.event('Create', wanted);
    const started = { ...event, ...await world.handlers.act(event) };
    expect(world.server.count('states:StartExecution')).toBe(1);
    world.denied.pop();

    let complete = false;
    while (!complete) {
      complete = (await world.handlers.poll(started)).IsComplete;
      await world.clock.sleep(5_000);
    }
    expect(world.states.describe(executionOf(started.PhysicalResourceId!)).status).toBe('SUCCEEDED');
  });

  test('leaves nothing if it is deleted as soon as its transfer has started', async () => {
    const { stack, wanted } = await kind();
    const before = world.snapshotIds;
    const { PhysicalResourceId } = await world.handlers.act(stack.event('Create', wanted));
    await stack.play(stack.event('Delete', wanted, { PhysicalResourceId }));

    await world.clock.sleep(600_000);
    expect(world.snapshotIds).toEqual(before);
    expect(world.transferObjects).toEqual([]);
  });
});

function executionOf(id: string): string {
  return `arn:aws:states:eu-west-1:111122223333:execution:${id.startsWith('snap-') ? 'transfer' : 'export'}:${id}`;
}
