import { EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

const STACKS = 50;
const CALLS_PER_SECOND = 10;
/** EFS calls for one file system with three mount targets; and with those that were throttled, and so repeated. Chance decides on both. */
const MOST_ANSWERED = 46;
const MOST_CALLS = 130;

let world: EfsHandlerWorld;
afterEach(() => world.close());

test(`${STACKS} file systems with three mount targets each deploy at once, at ${CALLS_PER_SECOND} EFS calls per second for all of them`, async () => {
  world = await EfsHandlerWorld.start({ callsPerSecond: CALLS_PER_SECOND });
  const { a1, b1, c1 } = world.subnet;
  const stacks: Stack[] = [];

  const deploy = async (number: number) => {
    const files = world.stack('Custom::FileSystem', 'Files', `Stack${number}`);
    const targets = world.stack('Custom::MountTargets', 'Targets', `Stack${number}`);
    stacks.push(targets, files);
    const { FileSystemId } = await files.deploy({ Owner: `Stack${number}/Files`, RemovalPolicy: 'Delete', FileSystemTags: [{ Key: 'Name', Value: 'x' }] });
    await targets.deploy({
      Owner: `Stack${number}/Files/MountTargets`,
      RemovalPolicy: 'Delete',
      FileSystemId,
      SubnetIds: [a1, b1, c1],
      SecurityGroups: [world.group.one],
    });
  };
  const start = world.clock.now();
  const outcomes = await Promise.allSettled(Array.from({ length: STACKS }, (_, number) => deploy(number)));
  expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([]);

  const efs = world.server.calls.filter(({ operation }) => operation.startsWith('efs:'));
  const each = (count: number) => Math.round(count / STACKS * 10) / 10;
  const byOperation = [...new Set(efs.map(({ operation }) => operation))].sort()
    .map(operation => `${operation.slice(4)} ${each(world.server.count(operation))}`);
  const throttled = efs.filter(({ status }) => status === 400).length;
  process.stdout.write(`calls for each of ${STACKS} file systems with three mount targets: ${each(efs.length)} `
    + `(${each(throttled)} of them throttled), in ${Math.round((world.clock.now() - start) / 60_000)} minutes\n  ${byOperation.join(', ')}\n`);

  expect(world.efs.fileSystems).toHaveLength(STACKS);
  expect(world.efs.mountTargets).toHaveLength(3 * STACKS);
  expect(world.efs.mountTargets.every(({ lifeCycleState }) => lifeCycleState === 'available')).toBe(true);
  expect(each(efs.length - throttled)).toBeLessThanOrEqual(MOST_ANSWERED);
  expect(each(efs.length)).toBeLessThanOrEqual(MOST_CALLS);
});
