import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { report } from './tally';
import { MUTANTS, type Mutant } from '../test/mutants';

/**
 * Breaks the guards that `test/mutants/` lists, one at a time, and expects that the named test fails:
 *
 *     npx projen mutants                   all of them
 *     SAMPLE=12 npx projen mutants         12 of them, chosen by SEED (`.ci/run` passes the commit)
 *     npx projen mutants creator           those whose file, guard or test contains the text
 *
 * Works in copies of the sources, so that a mutant that is killed leaves nothing behind.
 */
const root = resolve(__dirname, '..');
const LANES = 2;
/** Ends a mutant that hangs, for instance in an endless loop or under a clock that stands still; it counts as alive. */
const HANGS_AFTER_MILLISECONDS = 10 * 60_000;
const COPIED = ['src', 'lambda', 'world', 'test', 'docs', 'package.json', 'tsconfig.json'];

interface Verdict {
  readonly killed: boolean;
  readonly why: string;
}

/** A copy of the sources in which one mutant at a time is tried. */
class Workshop {
  private readonly folder = mkdtempSync(join(tmpdir(), 'mutants-'));

  constructor() {
    for (const name of COPIED) { cpSync(join(root, name), join(this.folder, name), { recursive: true }); }
    // A synthesis needs bundles, whatever is in them.
    for (const name of ['node_modules', 'assets']) { symlinkSync(join(root, name), join(this.folder, name)); }
  }

  public async try({ file, find, replace, test, name }: Mutant): Promise<Verdict> {
    const path = join(this.folder, file);
    const source = readFileSync(path, 'utf8');
    const places = source.split(find).length - 1;
    if (places !== 1) { return { killed: false, why: `${file} holds the text ${places} times instead of once: ${find}` }; }
    writeFileSync(path, source.replace(find, () => replace));
    try {
      return await this.run(test, name);
    } finally {
      writeFileSync(path, source);
    }
  }

  public close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async run(test: string, name?: string): Promise<Verdict> {
    const results = join(this.folder, 'results.json');
    rmSync(results, { force: true });
    const jest = join(this.folder, 'node_modules', 'jest', 'bin', 'jest.js');
    const args = [jest, '-i', '--json', '--outputFile', results, '--runTestsByPath', test, ...name === undefined ? [] : ['-t', name]];
    const output = await new Promise<string>(done => {
      const child = spawn(process.execPath, args, { cwd: this.folder, timeout: HANGS_AFTER_MILLISECONDS, killSignal: 'SIGKILL' });
      let text = '';
      child.stdout.on('data', data => { text += data; });
      child.stderr.on('data', data => { text += data; });
      child.on('close', (_, signal) => done(signal ? `ended by ${signal}, after ten minutes if it hung; ${text}` : text));
    });
    let result: { numFailedTests: number; numPassedTests: number };
    try {
      result = JSON.parse(readFileSync(results, 'utf8'));
    } catch {
      return { killed: false, why: `jest did not run: ${output.slice(-1_000)}` };
    }
    if (result.numFailedTests > 0) { return { killed: true, why: `${result.numFailedTests} failed` }; }
    return { killed: false, why: result.numPassedTests > 0 ? `${test} passes all the same` : `${test} ran no test: ${output.slice(-1_000)}` };
  }
}

/** Chooses the same mutants for the same seed. */
function sampled(mutants: readonly Mutant[]): readonly Mutant[] {
  const size = Number(process.env.SAMPLE ?? mutants.length);
  const rank = (mutant: Mutant) => createHash('sha256').update(`${process.env.SEED ?? ''} ${mutant.guard}`).digest('hex');
  return [...mutants].sort((a, b) => (rank(a) < rank(b) ? -1 : 1)).slice(0, size);
}

async function main(): Promise<void> {
  const words = process.argv.slice(2);
  const wanted = MUTANTS.filter(mutant => words.every(word => JSON.stringify(mutant).includes(word)));
  if (wanted.length === 0) { throw new Error(`no guard of test/mutants contains ${words.join(' and ')}`); }
  const queue = [...sampled(wanted)];
  const count = queue.length;
  const alive: string[] = [];
  await Promise.all(Array.from({ length: LANES }, async () => {
    const workshop = new Workshop();
    try {
      for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
        const { killed, why } = await workshop.try(mutant);
        console.log(`${killed ? 'killed  ' : 'SURVIVED'} ${mutant.guard} (${mutant.file}): ${why}`);
        if (!killed) { alive.push(mutant.guard); }
      }
    } finally {
      workshop.close();
    }
  }));
  console.log(`${count - alive.length} of ${count} mutants killed; test/mutants lists ${MUTANTS.length}`);
  report('mutants', { passed: count - alive.length, failed: alive.length, skipped: 0 });
  if (alive.length > 0) { process.exitCode = 1; }
}

main().catch(error => { console.error(error); process.exitCode = 1; });
