import { RangeMetrics } from '../../../../../lambda/transfer/import/range-metrics';
import { BLOCK_SIZE } from '../../../../../world/emulator/ebs';
import { disk, IMAGES, properties } from '../../../../harness/ebs/disk-images';
import { EbsHandlerWorld } from '../../../../harness/ebs/ebs-handler-world';

const named = (name: string, more: object = {}) => Object.assign(new Error(name), { name, ...more });

function linesOf(work: () => void): any[] {
  const lines: any[] = [];
  const log = jest.spyOn(console, 'log').mockImplementation(line => lines.push(JSON.parse(line as string)));
  work();
  log.mockRestore();
  return lines;
}

test('a range makes one line, of which CloudWatch makes metrics of the import', () => {
  const metrics = new RangeMetrics();
  metrics.copied({ put: true });
  metrics.copied({ put: true });
  metrics.copied({ put: false });
  metrics.retried(named('RequestThrottledException', { $metadata: { httpStatusCode: 400 } }));
  metrics.retried(named('ThrottlingException', { $metadata: { httpStatusCode: 400 } }));
  metrics.retried(named('ResourceNotFoundException', { Reason: 'SNAPSHOT_NOT_FOUND', $metadata: { httpStatusCode: 404 } }));
  metrics.retried(named('TimeoutError'));
  metrics.retried(named('InternalServerException', { $metadata: { httpStatusCode: 500 } }));

  const [line, ...others] = linesOf(() => metrics.report('Stack/Image', { event: 'range copied', range: 3 }));
  expect(others).toEqual([]);
  expect(line).toMatchObject({
    event: 'range copied',
    range: 3,
    Import: 'Stack/Image',
    BlocksWritten: 2,
    BytesCopied: 3 * BLOCK_SIZE,
    Throttles: 2,
    RetriesNotYetVisible: 1,
    RetriesBrokenConnection: 1,
    RetriesServerError: 1,
  });
  const [{ Namespace, Dimensions, Metrics }] = line._aws.CloudWatchMetrics;
  expect({ Namespace, Dimensions }).toEqual({ Namespace: 'cdk-durable-storage', Dimensions: [['Import']] });
  expect(Metrics).toContainEqual({ Name: 'PutsPerSecond', Unit: 'Count/Second' });
  // Every metric that is announced is there.
  Metrics.forEach(({ Name }: { Name: string }) => expect(typeof line[Name]).toBe('number'));
});

test('an import tells EBS how far it is, and CloudWatch what it did, range by range', async () => {
  const world = await EbsHandlerWorld.start({ rangeBlocks: 4, ebs: { completionDelay: 30_000, startWindow: 0 } });
  try {
    const lines: any[] = [];
    jest.spyOn(console, 'log').mockImplementation(line => { lines.push(JSON.parse(line as string)); });
    await world.s3.put(IMAGES, 'disk.img', disk(8 * BLOCK_SIZE));
    world.server.faults.inject('ebs:PutSnapshotBlock', { kind: 'error', code: 'ThrottlingException', status: 400, message: 'slow down' }, { times: 3 });
    let progress = 0;
    world.server.faults.before('ebs:CompleteSnapshot', () => { progress = world.ebs.snapshot(world.snapshotIds[0])!.progress; });
    await world.stack().deploy(properties());
    const ranges = lines.filter(({ event }) => event === 'range copied');
    expect(ranges.map(({ Import, BlocksWritten }) => [Import, BlocksWritten])).toEqual([['Stack/Image', 4], ['Stack/Image', 4]]);
    expect(ranges.reduce((sum, { Throttles }) => sum + Throttles, 0)).toBe(3);
    expect(progress).toBeGreaterThan(0);
  } finally {
    await world.close();
  }
});
