import { execFileSync } from 'child_process';
import { accessSync, constants } from 'fs';
import { delimiter, join } from 'path';

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Record<string, string>;
}

/** What the program printed; an error with the end of all it printed if it fails. */
export function run(program: string, args: string[], { cwd, env }: RunOptions): string {
  try {
    return execFileSync(program, args, {
      cwd, env: { ...process.env, ...env }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 64 * 1024 * 1024,
    });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(' ')} (in ${cwd})\n${`${stdout}\n${stderr}`.trim().slice(-4000)}`);
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
