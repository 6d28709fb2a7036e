import { spawnSync } from 'child_process';
import { accessSync, closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'fs';
import { tmpdir } from 'os';
import { delimiter, join } from 'path';

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Record<string, string>;
}

/** What the program printed; an error with the end of all it printed if it fails. */
export function run(program: string, args: string[], { cwd, env }: RunOptions): string {
  // Into files: a grandchild that outlives the program would keep a pipe open.
  const folder = mkdtempSync(join(tmpdir(), 'consumers-'));
  const files = ['stdout', 'stderr'].map(name => join(folder, name));
  const [stdout, stderr] = files.map(file => openSync(file, 'w'));
  try {
    const { status, error } = spawnSync(program, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', stdout, stderr] });
    const [printed, complained] = files.map(file => readFileSync(file, 'utf8'));
    if (status === 0) { return printed; }
    throw new Error(`${program} ${args.join(' ')} (in ${cwd}): ${error?.message ?? `status ${status}`}\n${`${printed}\n${complained}`.trim().slice(-4000)}`);
  } finally {
    [stdout, stderr].forEach(file => closeSync(file));
    rmSync(folder, { recursive: true });
  }
}

/** Whether the machine has a program. */
export function has(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some(folder => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
