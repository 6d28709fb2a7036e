import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';

/**
 * Runs the fault seeds of imports, 100 to a process, and adds up the outcomes:
 *
 *     npx projen faults                             seeds 1 to 1,000
 *     FIRST_SEED=123 SEEDS=1 npx projen faults      one of them again
 */
const FIRST = Number(process.env.FIRST_SEED ?? 1);
const SEEDS = Number(process.env.SEEDS ?? 1_000);
const SLICE = 100;

const root = resolve(__dirname, '..');
const tally = new Map<string, number>();
let [seconds, failed] = [0, 0];
for (let first = FIRST; first < FIRST + SEEDS; first += SLICE) {
  const seeds = Math.min(SLICE, FIRST + SEEDS - first);
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'node_modules', 'jest', 'bin', 'jest.js'), '-i', 'test/campaigns/ebs/faults.test.ts'], {
    cwd: root, encoding: 'utf8', env: { ...process.env, FIRST_SEED: String(first), SEEDS: String(seeds) }, maxBuffer: 1024 ** 3,
  });
  for (const line of stdout.split('\n')) {
    const [, took] = /^\d+ seeds in ([\d.]+) seconds$/.exec(line) ?? [];
    const [, count, outcome] = /^ +(\d+) ((?:completed|failed|cancelled).*)$/.exec(line) ?? [];
    if (took !== undefined) { seconds += Number(took); }
    if (outcome !== undefined) { tally.set(outcome, (tally.get(outcome) ?? 0) + Number(count)); }
  }
  const wrong = stderr.match(/seed \d+: [^"\n]*/g) ?? [];
  failed += wrong.length || (status === 0 ? 0 : seeds);
  console.log(`seeds ${first} to ${first + seeds - 1}: ${status === 0 ? 'as they should' : `${wrong.join('\n') || stderr}`}`);
}
console.log(`\n${SEEDS} seeds in ${seconds.toFixed(0)} seconds, ${failed} of them wrong`);
for (const [outcome, count] of [...tally].sort()) { console.log(`${String(count).padStart(6)} ${outcome}`); }
process.exitCode = failed > 0 ? 1 : 0;
