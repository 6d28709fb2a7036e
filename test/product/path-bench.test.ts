import { MODEL } from '../../bench/path/model';
import { playImport } from '../../bench/path/player';
import { simulation } from '../../bench/path/simulation';
import { secondsOf, shortName, timeline, type Course } from '../../bench/path/timeline';
import type { Activity } from '../../world/emulator/latency';

const HANDLER = 'Path-cdkdurablestorageEbsHandler01234567-0123456789AB';
const COPY = 'Path-cdkdurablestorageEbsTransferCopy01234567-0123456789AB';

const call = (began: number, ended: number, name: string, by = HANDLER): Activity => ({ kind: 'call', name, by, began, ended });
const rows = (course: Partial<Course>) => timeline({ activities: [], from: 0, to: 1_000, services: [], crews: [], ...course })
  .map(({ name, whose, seconds }) => `${seconds} ${whose} ${name}`);

test('the path is made of activities that waited for each other, and of the pauses between them', () => {
  expect(rows({
    activities: [
      { kind: 'start', name: HANDLER, cold: true, began: 0, ended: 500 },
      call(500, 550, 's3:GetObject'), call(550, 600, 's3:GetObject'), call(560, 590, 's3:PutObject'), call(900, 1_000, 'ec2:DescribeSnapshots'),
    ],
  })).toEqual([
    '0.5 ours EbsHandler: cold start', '0.1 ours EbsHandler: s3:GetObject × 2', '0.3 ours pause before the next look',
    '0.1 ours EbsHandler: ec2:DescribeSnapshots',
  ]);
});

test('the time in which a service works is its own, whatever happens meanwhile', () => {
  expect(rows({
    activities: [call(0, 100, 'ebs:CompleteSnapshot'), call(400, 500, 'ec2:DescribeSnapshots'), call(900, 1_000, 'ec2:DescribeSnapshots')],
    services: [{ name: 'EBS', began: 100, ended: 800 }],
  })).toEqual([
    '0.1 ours EbsHandler: ebs:CompleteSnapshot', '0.7 service EBS', '0.1 ours pause before the next look', '0.1 ours EbsHandler: ec2:DescribeSnapshots',
  ]);
});

test('functions that work side by side are one step, beside the time that the service needs at least', () => {
  expect(rows({
    activities: [call(100, 300, 'ebs:PutSnapshotBlock', COPY), call(200, 900, 'ebs:PutSnapshotBlock', COPY), call(900, 1_000, 's3:GetObject')],
    crews: [{ functionName: /Copy/, name: 'copying', least: { seconds: 0.6, name: 'puts' } }],
  })).toEqual(['0.1 ours unknown', '0.6 service puts', '0.2 ours copying', '0.1 ours EbsHandler: s3:GetObject']);
});

test('activities beside the path do not count', () => {
  const steps = timeline({
    activities: [call(0, 1_000, 's3:GetObject'), call(1_000, 1_000, 'aside')], from: 0, to: 1_000, services: [], crews: [], isAside: ({ name }) => name === 'aside',
  });
  expect(secondsOf(steps)).toBe(1);
  expect(shortName(COPY)).toBe('EbsTransferCopy');
});

test('the simulation takes as long as the bundles in processes', async () => {
  const how = await simulation();
  const image = { mebibytes: 64, verify: true };
  const [played, simulated] = [await playImport(MODEL, image), await playImport(MODEL, image, how())];

  expect(secondsOf(simulated.steps)).toBeGreaterThan(secondsOf(played.steps) * 0.98);
  expect(secondsOf(simulated.steps)).toBeLessThan(secondsOf(played.steps) * 1.02);
  expect(simulated.steps.map(({ name }) => name)).toEqual(played.steps.map(({ name }) => name));
});

test('a smaller bucket of EBS refuses puts, and the same import takes as long again', async () => {
  const how = await simulation();
  const play = () => playImport({ ...MODEL, putQuota: 50, putBurst: 10 }, { mebibytes: 64, verify: false }, how());
  const [first, second] = [await play(), await play()];

  expect(first.refused).toBeGreaterThan(0);
  expect(second).toEqual(first);
});
