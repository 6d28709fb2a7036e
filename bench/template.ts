import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildSync } from 'esbuild';
import type { Taken } from './template-case';
import { CASES, rowOf, YARDSTICK, type Case } from './template-counts';

/**
 * Prints what one, ten and fifty of each construct bring to a stack, and what their app takes beside one of as many `efs.FileSystem` of aws-cdk-lib:
 *
 *     npx projen bench:template [--rounds=n] [--write]
 *
 * The counts are exact. Times are CPU time of this machine. Each round runs every case in a process of its own, compiled and with the feature flags of
 * `cdk init`, as a user's app is; those of one number after each other. Ratios are medians of the rounds. `--write` puts the counts into docs/cost.md,
 * and the ratios into docs/performance.md.
 */
const ROUNDS = Number(/^--rounds=(\d+)$/.exec(process.argv.find(arg => arg.startsWith('--rounds=')) ?? '')?.[1] ?? 5);
const ROOT = resolve(__dirname, '..');
/** In `node_modules`, where aws-cdk-lib is found. */
const PROGRAM = join(ROOT, 'node_modules', '.cache', 'bench-template', 'case.js');

/** What is compared: its name, and its number in a case. */
const COMPARED: Record<string, (taken: Taken) => number> = {
  'the whole process': taken => taken.processMilliseconds,
  'constructors and synthesis': taken => taken.milliseconds,
  'memory': taken => taken.mebibytes,
  'template': taken => taken.bytes,
};

function main(): void {
  build();
  const rounds = Array.from({ length: ROUNDS }, () => CASES.map(inProcess));
  const ratios = CASES.map((one, i) => Object.values(COMPARED).map(number => ratioOf(one, i, rounds, number)));
  console.table(Object.fromEntries(CASES.map((each, i) => {
    const { milliseconds, processMilliseconds, mebibytes, ...counts } = rounds[0][i] ?? {};
    return [`${each.count} ${each.construct}`, { ...counts, ...Object.fromEntries(Object.keys(COMPARED).map((name, j) => [name, `${ratios[i][j]} ×`])) }];
  })));
  if (process.argv.includes('--write')) {
    write('cost.md', 'In one stack', CASES.map((each, i) => rowOf(each, rounds[0][i])));
    const others = CASES.map((each, i) => ({ ...each, i })).filter(({ construct }) => construct !== YARDSTICK);
    write('performance.md', 'In an app', others.map(({ count, construct, i }) => `| ${[`${count} \`${construct}\``, ...ratios[i]].join(' | ')} |`));
  }
}

/** Compiles the cases, because loading TypeScript would take longer than what is measured. */
function build(): void {
  mkdirSync(join(PROGRAM, '..'), { recursive: true });
  buildSync({
    entryPoints: [join(__dirname, 'template-case.ts')],
    outfile: PROGRAM,
    bundle: true,
    platform: 'node',
    external: ['aws-cdk-lib', 'aws-cdk-lib/*', 'constructs'],
    // From where `handler-function.ts` looks for the bundles.
    define: { __dirname: JSON.stringify(join(ROOT, 'src', 'private', 'functions')) },
  });
}

/** Measures a case in a process of its own, because aws-cdk-lib remembers assets that it has staged. undefined: it does not fit into one stack. */
function inProcess(one: Case): Taken | undefined {
  const printed = execFileSync(process.execPath, [PROGRAM, JSON.stringify(one)], { stdio: ['ignore', 'pipe', 'inherit'] });
  return (JSON.parse(printed.toString()) as Taken | null) ?? undefined;
}

/** Returns how a case compares with as many of the yardstick. */
function ratioOf({ count }: Case, i: number, rounds: readonly (readonly (Taken | undefined)[])[], number: (taken: Taken) => number): string {
  const yardstick = CASES.findIndex(each => each.construct === YARDSTICK && each.count === count);
  const ratios = rounds.map(round => round[i] ? number(round[i]!) / number(round[yardstick]!) : NaN);
  return median(ratios).toFixed(2);
}

/** Replaces the rows of the table whose first column has a heading. */
function write(page: string, heading: string, rows: readonly string[]): void {
  const path = join(ROOT, 'docs', page);
  const table = new RegExp(`(?<=^\\| ${heading} .*\\n\\|[-|]+\\|\\n)(?:\\|.*\\n)+`, 'm');
  const text = readFileSync(path, 'utf8');
  if (!table.test(text)) { throw new Error(`there is no table '| ${heading}' in ${path}`); }
  writeFileSync(path, text.replace(table, rows.map(row => `${row}\n`).join('')));
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

main();
