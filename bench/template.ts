import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CASES, measure, rowOf, YARDSTICK, type Case, type Measured } from './template-counts';

/**
 * Prints what one, ten and fifty of each construct bring to a stack, and how long their synthesis takes beside that of as
 * many `efs.FileSystem` of aws-cdk-lib:
 *
 *     npx projen bench:template [--rounds=n] [--write]
 *
 * The counts are exact. Times are CPU time of this machine. Each round runs every case in a process of its own, those of one number
 * after each other, and the ratios are medians of the rounds. `--write` puts the counts into docs/cost.md.
 */
const ROUNDS = Number(/^--rounds=(\d+)$/.exec(process.argv.find(arg => arg.startsWith('--rounds=')) ?? '')?.[1] ?? 3);
const PAGE = resolve(__dirname, '..', 'docs', 'cost.md');
const TABLE = /(?<=^\| In one stack .*\n\|[-|]+\|\n)(?:\|.*\n)+/m;

function main(): void {
  const rounds = Array.from({ length: ROUNDS }, () => CASES.map(inProcess));
  const ratios = CASES.map(({ count }, i) => median(rounds.map(round => {
    const yardstick = CASES.findIndex(each => each.construct === YARDSTICK && each.count === count);
    return (round[i]?.milliseconds ?? NaN) / round[yardstick]!.milliseconds;
  })));
  console.table(Object.fromEntries(CASES.map((each, i) => {
    const { milliseconds, ...counts } = rounds[0][i] ?? { milliseconds: NaN };
    const time = median(rounds.map(round => round[i]?.milliseconds ?? NaN));
    return [`${each.count} ${each.construct}`, { ...counts, milliseconds: Math.round(time), ratio: ratios[i].toFixed(2) }];
  })));
  if (process.argv.includes('--write')) { write(rounds[0]); }
}

/** Measures a case in a process of its own, because aws-cdk-lib remembers assets that it has staged. */
function inProcess(one: Case): Measured | undefined {
  const printed = execFileSync(process.execPath, ['--import', 'tsx', join(__dirname, 'template.ts'), '--case', JSON.stringify(one)], { stdio: ['ignore', 'pipe', 'inherit'] });
  return JSON.parse(printed.toString()) ?? undefined;
}

function write(counts: readonly (Measured | undefined)[]): void {
  const page = readFileSync(PAGE, 'utf8');
  if (!TABLE.test(page)) { throw new Error(`there is no table '| In one stack' in ${PAGE}`); }
  writeFileSync(PAGE, page.replace(TABLE, CASES.map((each, i) => `${rowOf(each, counts[i])}\n`).join('')));
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

const position = process.argv.indexOf('--case');
if (position < 0) { main(); } else { process.stdout.write(JSON.stringify(measure(JSON.parse(process.argv[position + 1])) ?? null)); }
