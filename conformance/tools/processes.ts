import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface RunOptions {
  readonly cwd?: string;
  /** Instead of this process's own. */
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** @default 10 */
  readonly minutes?: number;
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; rejects only if there is no such program or it takes too long. */
export function run(command: string, args: string[], { cwd, env, input = '', minutes = 10 }: RunOptions = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: 'pipe', signal: AbortSignal.timeout(minutes * 60_000) });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => { stdout += text; });
    child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text; });
    child.on('error', error => reject(error.name === 'AbortError' ? new Error(`${command} took longer than ${minutes} minutes`) : error));
    child.on('close', code => resolve({ code: code ?? -1, stdout, stderr }));
    child.stdin.on('error', () => {}); // A program need not read it.
    child.stdin.end(input);
  });
}

/** As `run`, and its output; rejects with the end of what it said if it fails. */
export async function output(command: string, args: string[], options?: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, options);
  if (code !== 0) { throw new Error(`${command} ${args[0] ?? ''} ended with ${code}: ${(stderr.trim() || stdout.trim()).slice(-800)}`); }
  return stdout;
}

/** A server in a process of its own, for as long as it is needed. */
export class Background {
  /** Resolves when it answers at `url`. */
  public static async start(command: string, args: string[], options: { url: string; env: NodeJS.ProcessEnv; log: string }): Promise<Background> {
    const log = openSync(options.log, 'w');
    const child = spawn(command, args, { env: options.env, stdio: ['ignore', log, log] });
    closeSync(log);
    const background = new Background(child);
    let failure: Error | undefined;
    child.on('error', error => { failure = error; });
    const deadline = Date.now() + 90_000;
    for (;;) {
      if (failure) { throw failure; }
      if (child.exitCode !== null) { throw new Error(`${command} ended with ${child.exitCode}; see ${options.log}`); }
      if (await fetch(options.url).then(() => true, () => false)) { return background; }
      if (Date.now() > deadline) {
        await background.stop();
        throw new Error(`${command} does not answer at ${options.url}; see ${options.log}`);
      }
      await sleep(200);
    }
  }

  private constructor(private readonly child: ChildProcess) {
    process.once('exit', () => child.kill('SIGKILL'));
  }

  public async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) { return; }
    const ended = new Promise(resolve => this.child.once('exit', resolve));
    this.child.kill('SIGTERM');
    // Not every server ends while something is under way in it.
    const killer = setTimeout(() => this.child.kill('SIGKILL'), 5_000);
    await ended;
    clearTimeout(killer);
  }
}

/** A port of the loopback interface that nobody listens on just now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
