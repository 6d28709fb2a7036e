import { createHash } from 'crypto';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { EbsHandlerWorld, type EbsHandlerWorldOptions } from '../../harness/ebs/ebs-handler-world';

const EXPORTS = 'exports';

let world: EbsHandlerWorld;
afterEach(() => world.close());

/** Starts a world with a snapshot of one block; returns the properties of its export. */
async function given(options: EbsHandlerWorldOptions = {}): Promise<Record<string, unknown>> {
  world = await EbsHandlerWorld.start({ smallExport: { partBlocks: 10, rangeParts: 2, blocks: 4 }, ebs: { startWindow: 0 }, ...options });
  world.s3.createBucket(EXPORTS);
  const SnapshotId = await world.givenSnapshot({ 1: Buffer.alloc(BLOCK_SIZE, createHash('sha256').update('one').digest()) });
  return { SnapshotId, Bucket: EXPORTS, Key: 'disk.img', Owner: 'Stack/Export', RemovalPolicy: 'Delete' };
}

const keys = () => world.s3.buckets.get(EXPORTS)!.versions().map(({ key }) => key).sort();

test('an export under RETAIN that failed leaves nothing', async () => {
  const properties = await given();
  world.denied.push('ebs:GetSnapshotBlock');
  await expect(world.exports().deploy({ ...properties, RemovalPolicy: 'Retain' })).rejects.toThrow('ebs:GetSnapshotBlock failed');
  expect(keys()).toEqual([]);
  expect(world.transferObjects).toEqual([]);
});

test('an export of another stack is not deleted', async () => {
  const properties = await given();
  const stack = world.exports();
  await stack.deploy(properties);
  const other = world.exports('Other');
  await other.play(other.event('Delete', properties, { PhysicalResourceId: stack.physicalId }));
  expect(keys()).toEqual(['disk.img', 'disk.img.manifest']);
});

test('an export is not handed out before its execution has ended', async () => {
  const answers: unknown[] = [];
  let poll: (() => Promise<unknown>) | undefined;
  const properties = await given({
    around: (called, work) => world.run(async () => {
      const result = await work();
      // The object is there, and Step Functions has not received the answer yet.
      if (called === 'exportFinish') { answers.push([keys(), await poll!()]); }
      return result;
    }),
  });
  const event = world.exports().event('Create', properties);
  const started = { ...event, ...await world.handlers.act(event) };
  poll = () => world.handlers.poll(started);
  await poll();
  await world.clock.sleep(600_000);
  expect(answers).toEqual([[['disk.img', 'disk.img.manifest'], { IsComplete: false, IsUnderWay: true }]]);
  expect(await poll()).toMatchObject({ IsComplete: true });
});

test('an export whose creation failed because no answer to the begin of its upload arrived leaves no part and no file', async () => {
  const properties = await given();
  let lost = 0;
  world.server.faults.choose(operation => {
    if (operation !== 's3:CreateMultipartUpload') { return undefined; }
    lost++;
    return { kind: 'lost-answer' };
  });
  await expect(world.exports().deploy(properties)).rejects.toThrow();
  expect(lost).toBeGreaterThan(0);
  expect([...world.s3.buckets.get(EXPORTS)!.uploads.values()].filter(({ parts }) => parts.size > 0)).toEqual([]);
  expect(world.transferObjects).toEqual([]);
});

test('an export is deleted although its parts may not be listed any more, because that only looks whether one is left', async () => {
  const properties = await given();
  const stack = world.exports();
  const event = stack.event('Create', properties);
  const { PhysicalResourceId } = await world.handlers.act(event);
  expect(world.s3.buckets.get(EXPORTS)!.uploads.size).toBe(1);
  world.denied.push('s3:ListMultipartUploadParts');
  await stack.play(stack.event('Delete', properties, { PhysicalResourceId }));
  expect(world.s3.buckets.get(EXPORTS)!.uploads.size).toBe(0);
  expect([keys(), world.transferObjects]).toEqual([[], []]);
});
