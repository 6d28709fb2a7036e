import { MODEL } from './model';
import { playFileSystem, playImport } from './player';
import { secondsOf, type Step } from './timeline';

/**
 * Prints where the seconds of deployments go: see docs/performance.md.
 *
 *     tsx bench/path/run.ts [--quick]
 *
 * `--quick` plays no image of more than 256 MiB.
 */
const quick = process.argv.includes('--quick');

async function main(): Promise<void> {
  console.log('A simulation, not a measurement on AWS: every latency is a constant in bench/path/model.ts.\n');
  for (const mebibytes of quick ? [256] : [256, 1024]) {
    for (const verify of [true, false]) {
      show(`SnapshotImport of ${mebibytes} MiB, ${verify ? 'SAMPLE' : 'NONE'}`, await playImport(MODEL, { mebibytes, verify }));
    }
  }
  const files = await playFileSystem(MODEL);
  show('FileSystem with 3 mount targets: create', files.create);
  show('FileSystem: update of tags, cold', files.update);
  show('FileSystem with 3 mount targets: delete, cold', files.delete);
}

function show(title: string, steps: readonly Step[]): void {
  console.log(`${title}\n`);
  steps.forEach(({ name, whose, seconds }) => console.log(`${seconds.toFixed(2).padStart(8)}  ${whose.padEnd(8)} ${name}`));
  console.log(`${secondsOf(steps).toFixed(2).padStart(8)}  sum: service ${secondsOf(steps, 'service').toFixed(2)}, ours ${secondsOf(steps, 'ours').toFixed(2)}\n`);
}

main().catch(error => { console.error(error); process.exitCode = 1; });
