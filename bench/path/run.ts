import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MODEL, type Model } from './model';
import { playFileSystem, playImport, type PlayedImport } from './player';
import { simulation } from './simulation';
import { FILE_SYSTEM_TARGETS, IMPORT_TARGETS, QUOTA_TARGETS, SENSITIVITY } from './targets';
import { secondsOf, type Step } from './timeline';
import type { EmulatorOptions } from '../../world/emulator/emulator';

/**
 * Prints where the seconds of deployments go: see docs/performance.md.
 *
 *     tsx bench/path/run.ts [--quick] [--all] [--write]
 *
 * Plays images of 256 MiB and 1 GiB with the bundles as processes, and simulates those up to 20 GiB. `--quick` simulates the small ones too, and
 * none of 20 GiB. `--all` simulates everything up to 100 GiB, and how much the results depend on each constant of the model: for minutes.
 * `--write` puts the tables into docs/performance.md.
 */
const quick = process.argv.includes('--quick');
const all = process.argv.includes('--all');
const page = join(__dirname, '..', '..', 'docs', 'performance.md');
/** The tables for the documentation. */
const tables: string[] = [];

type Simulate = (changes: Partial<Model>, mebibytes: number, verify?: boolean) => Promise<PlayedImport>;

async function main(): Promise<void> {
  console.log('A simulation, not a measurement on AWS: every latency is a constant in bench/path/model.ts.\n');
  const how = await simulation();
  const simulate = simulator(how);
  for (const mebibytes of [256, 1_024]) {
    for (const verify of [true, false]) {
      const { steps } = quick ? await simulate({}, mebibytes, verify) : await playImport(MODEL, { mebibytes, verify });
      show(`SnapshotImport of ${mebibytes} MiB, ${verify ? 'SAMPLE' : 'NONE'}`, steps);
    }
  }
  const files = await playFileSystem(MODEL, quick ? how() : {});
  show('FileSystem with 3 mount targets: create', files.create);
  show('FileSystem: update of tags, cold', files.update);
  show('FileSystem with 3 mount targets: delete, cold', files.delete);

  const seconds = { create: secondsOf(files.create), delete: secondsOf(files.delete), update: secondsOf(files.update) };
  tell('| | target | now | |', '|---|---|---|---|', ...fileSystemRows(seconds));
  await showImports(simulate);
  tell('', '| path of 256 MiB, SAMPLE | whose | seconds |', '|---|---|---|');
  (await simulate({ network: 76e6 }, 256)).steps.forEach(step => tell(`| ${step.name} | ${step.whose} | ${step.seconds.toFixed(2)} |`));
  if (all) { await showSensitivity(simulate); }
  if (process.argv.includes('--write')) {
    const text = readFileSync(page, 'utf8').replace(/(<!-- bench:path -->\n)[^]*(<!-- end of bench:path -->)/, (_, begin, end) => [begin, ...tables, end].join('\n'));
    writeFileSync(page, text);
  }
}

/** Returns a function that simulates an import once, however often it is asked for. */
function simulator(how: () => EmulatorOptions): Simulate {
  const known = new Map<string, Promise<PlayedImport>>();
  return (changes, mebibytes, verify = true) => {
    const key = JSON.stringify([changes, mebibytes, verify]);
    const played = known.get(key) ?? playImport({ ...MODEL, ...changes }, { mebibytes, verify }, how());
    known.set(key, played);
    return played;
  };
}

async function showImports(simulate: Simulate): Promise<void> {
  const largest = all ? Infinity : quick ? 4_096 : 20_480;
  for (const { image, mebibytes, most } of IMPORT_TARGETS.filter(target => target.mebibytes <= largest)) {
    for (const megabytes of [76, 50] as const) {
      const now = secondsOf((await simulate({ network: megabytes * 1e6 }, mebibytes)).steps);
      tell(row(`${image}, SAMPLE, ${megabytes} MB/s`, `≤ ${most[megabytes]} s`, `${now.toFixed(1)} s`, now <= most[megabytes]));
    }
  }
  const { mebibytes, used, refused } = QUOTA_TARGETS;
  if (mebibytes > largest) { return; }
  for (const networkShared of all ? [false, true] : [false]) {
    for (const megabytes of [76, 50]) {
      const played = await simulate({ network: megabytes * 1e6, ...networkShared && { networkShared } }, mebibytes);
      const part = played.putsPerSecond / MODEL.putQuota;
      tell(row(`puts of 20 GiB, of EBS's quota, ${megabytes} MB/s${networkShared ? ' for both directions' : ''}; refused`,
        `≥ ${used * 100} %; < ${refused * 100} %`, `${(part * 100).toFixed(1)} %; ${(played.refused * 100).toFixed(1)} %`,
        part >= used && played.refused < refused));
    }
  }
}

function fileSystemRows(seconds: Record<keyof typeof FILE_SYSTEM_TARGETS, number>): string[] {
  const names = { create: 'FileSystem with 3 mount targets: create', delete: 'the same: delete, cold', update: 'FileSystem: tags, cold' };
  return (['create', 'delete', 'update'] as const).map(operation =>
    row(names[operation], `≤ ${FILE_SYSTEM_TARGETS[operation]} s`, `${seconds[operation].toFixed(1)} s`, seconds[operation] <= FILE_SYSTEM_TARGETS[operation]));
}

async function showSensitivity(simulate: Simulate): Promise<void> {
  const sizes = [256, 4_096];
  const secondsAt = async (changes: Partial<Model>) =>
    Promise.all(sizes.map(async mebibytes => secondsOf((await simulate(changes, mebibytes)).steps)));
  const base = await secondsAt({ network: 76e6 });
  tell('', `| seconds more than ${base.map(one => one.toFixed(1)).join(' and ')} | 256 MiB | 4 GiB |`, '|---|---|---|');
  for (const [name, changes] of SENSITIVITY) {
    const more = (await secondsAt(changes)).map((one, i) => one - base[i]);
    tell(`| ${name} | ${more.map(one => `${one < 0 ? '−' : '+'}${Math.abs(one).toFixed(1)}`).join(' | ')} |`);
  }
}

function row(name: string, most: string, now: string, met: boolean): string {
  return `| ${name} | ${most} | ${now} | ${met ? 'met' : 'missed'} |`;
}

/** Prints lines that the documentation shows too. */
function tell(...lines: string[]): void {
  lines.forEach(line => console.log(line));
  tables.push(...lines);
}

function show(title: string, steps: readonly Step[]): void {
  console.log(`${title} (${quick ? 'simulated' : 'played'})\n`);
  steps.forEach(({ name, whose, seconds }) => console.log(`${seconds.toFixed(2).padStart(8)}  ${whose.padEnd(8)} ${name}`));
  console.log(`${secondsOf(steps).toFixed(2).padStart(8)}  sum: service ${secondsOf(steps, 'service').toFixed(2)}, ours ${secondsOf(steps, 'ours').toFixed(2)}\n`);
}

main().catch(error => { console.error(error); process.exitCode = 1; });
