import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { disk, IMAGES, properties } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld } from '../../harness/ebs/ebs-handler-world';

const EXPORTS = 'exports';
const HOUR = 3_600_000;

let world: EbsHandlerWorld;
let image: Buffer;

beforeEach(async () => {
  world = await EbsHandlerWorld.start({
    rule: true, rangeBlocks: 2, smallExport: { partBlocks: 10, rangeParts: 2, blocks: 36 }, ebs: { completionDelay: 60_000 },
  });
  world.s3.createBucket(EXPORTS);
  image = disk(5 * BLOCK_SIZE);
  await world.s3.put(IMAGES, 'disk.img', image);
  await world.s3.put(IMAGES, 'other.img', disk(5 * BLOCK_SIZE, 'other'));
});
afterEach(() => world.close());

/** Starts an execution as somebody does who may do nothing else. Returns its status when it has ended. */
async function forge(machineArn: string, input: object, name: string): Promise<string> {
  const execution = world.states.start(machineArn, input, name);
  await world.clock.sleep(HOUR);
  return world.states.describe(execution).status;
}

/** The input of an import of another image. */
function transferOf(snapshotId: string): object {
  const { etag, content: { size } } = world.s3.object(IMAGES, 'other.img')!;
  return { snapshotId, source: { bucket: IMAGES, key: 'other.img', etag: `"${etag}"`, size } };
}

describe('an execution that somebody else starts', () => {
  test.each(['Retain', 'Delete'])('for a snapshot in use, under %s, does nothing and removes nothing', async RemovalPolicy => {
    const stack = world.stack();
    const { SnapshotId } = await stack.deploy(properties({ RemovalPolicy }));
    const files = world.transferObjects;
    expect(await forge(world.importMachine, transferOf(SnapshotId), 'anything')).toBe('FAILED');
    world.expectContent(SnapshotId, image);
    expect(world.transferObjects).toEqual(files);
  });

  test('for a snapshot in use, by its name once that is free again, does nothing, and holds up no update', async () => {
    const stack = world.stack();
    const { SnapshotId } = await stack.deploy(properties());
    await world.clock.sleep(91 * 24 * HOUR);
    expect(await forge(world.importMachine, transferOf(SnapshotId), SnapshotId)).toBe('FAILED');
    world.expectContent(SnapshotId, image);

    await stack.deploy(properties({ Tags: [{ Key: 'team', Value: 'a' }] }));
    world.expectContent(SnapshotId, image);
    expect(world.ebs.snapshot(SnapshotId)!.tags).toMatchObject({ team: 'a' });
  });

  test('for a snapshot that is being copied changes nothing of it', async () => {
    const stack = world.stack();
    const event = stack.event('Create', properties());
    const begun = { ...event, ...await world.handlers.act(event) };
    const id = begun.PhysicalResourceId!;
    world.states.start(world.importMachine, transferOf(id), 'anything');
    await world.clock.sleep(HOUR / 2);
    expect(await world.handlers.poll(begun)).toMatchObject({ IsComplete: true });
    world.expectContent(id, image);
  });

  test('for an export in use removes neither its object nor its manifest', async () => {
    const SnapshotId = await world.givenSnapshot({ 0: Buffer.alloc(BLOCK_SIZE, 'x') });
    await world.clock.sleep(HOUR);
    const stack = world.exports();
    await stack.deploy({ SnapshotId, Bucket: EXPORTS, Key: 'disk.img', Owner: 'Stack/Export', RemovalPolicy: 'Delete' });
    const keys = () => world.s3.buckets.get(EXPORTS)!.versions().map(({ key }) => key);
    const [before, files] = [keys(), world.transferObjects];
    const exportMachine = world.importMachine.replace(/[^:]*$/, 'export');
    const input = { exportId: stack.physicalId, owner: 'x', snapshotId: SnapshotId, volumeSize: 1, bucket: EXPORTS, key: 'disk.img', uploadId: 'x' };
    expect(await forge(exportMachine, input, 'anything')).toBe('FAILED');
    expect(keys()).toEqual(before);
    expect(world.transferObjects).toEqual(files);

    await world.clock.sleep(91 * 24 * HOUR);
    expect(await forge(exportMachine, input, stack.physicalId!)).toBe('FAILED');
    expect(keys()).toEqual(before);
    expect(world.transferObjects).toEqual(files);
  });
});
