import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ANSWERING_ENVIRONMENT } from '../src/contract/answering';
import { TRANSFER_ENVIRONMENT } from '../src/contract/transfer';

/**
 * What each bundle may have, in kB. Who goes beyond it has let something in that
 * was not there before, or has a reason, and raises the budget with it: the first
 * SDK client is 300 kB, each other one 20 to 100, and ten kB more are a millisecond at each cold start.
 */
const BUDGETS: Record<string, number> = {
  'efs': 600,
  'deferred-throughput': 400,
  'ebs': 720,
  'transfer-copy': 560,
  'transfer-steps': 520,
  'transfer-clean-up': 480,
  'export-plan': 480,
  'export-copy': 480,
  'export-finish': 480,
  'export-clean-up': 480,
  'cli': 520,
};

/** It runs when it is imported. */
const COMMAND = 'cli';

const IMPORTS = 5;
/** What a function finds when it starts. */
const FUNCTION_ENVIRONMENT = {
  AWS_REGION: 'eu-west-1',
  [TRANSFER_ENVIRONMENT.bucket]: 'bucket',
  [ANSWERING_ENVIRONMENT.waiter]: 'arn',
  [ANSWERING_ENVIRONMENT.stackId]: 'arn',
};
const assets = resolve(__dirname, '..', 'assets');

function main(): void {
  if (!existsSync(assets)) { throw new Error('there are no bundles; run: npx projen bundle'); }
  const bundles = readdirSync(assets, { withFileTypes: true }).filter(entry => entry.isDirectory()).map(entry => entry.name);
  const complaints: string[] = [];
  console.log(`${'bundle'.padEnd(24)}${['kB', 'budget', 'gzip kB', 'import ms'].map(title => title.padStart(11)).join('')}`);
  for (const name of bundles) {
    const file = join(assets, name, 'index.js');
    const content = readFileSync(file);
    const kilobytes = content.length / 1000;
    const budget = BUDGETS[name];
    const row = [kilobytes.toFixed(0), `${budget ?? '?'}`, (gzipSync(content).length / 1000).toFixed(0), name === COMMAND ? '-' : coldImport(file).toFixed(0)];
    console.log(`${name.padEnd(24)}${row.map(cell => cell.padStart(11)).join('')}`);
    if (budget === undefined) { complaints.push(`${name} has no budget in projenrc/size.ts`); }
    if (kilobytes > budget) { complaints.push(`${name} has ${kilobytes.toFixed(0)} kB, its budget is ${budget}`); }
  }
  for (const name of Object.keys(BUDGETS).filter(budgeted => !bundles.includes(budgeted))) { complaints.push(`there is no bundle ${name}`); }
  if (complaints.length > 0) { throw new Error(complaints.join('\n')); }
}

/** Milliseconds, in a process of its own: median. Only shown, for it depends on what else the machine does. */
function coldImport(file: string): number {
  const measure = `const start = performance.now(); require(${JSON.stringify(file)}); console.log(performance.now() - start);`;
  const times = Array.from({ length: IMPORTS }, () => Number(execFileSync(process.execPath, ['-e', measure], {
    encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], env: { PATH: process.env.PATH, ...FUNCTION_ENVIRONMENT },
  })));
  return times.sort((a, b) => a - b)[Math.floor(IMPORTS / 2)];
}

try {
  main();
} catch (error) {
  console.error((error as Error).message.slice(0, 1000));
  process.exitCode = 1;
}
