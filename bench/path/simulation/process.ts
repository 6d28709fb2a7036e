import { AsyncLocalStorage } from 'node:async_hooks';
import crypto from 'node:crypto';
import { createRequire } from 'node:module';
import type { Program } from './code';
import { ZEROS } from './image-of-zeros';
import type { Transport } from './transport';
import type { Clock } from '../../../world/emulator/clock';
import type { FunctionProcess, InstanceOptions, InvocationRequest, Outcome } from '../../../world/emulator/lambda/instance';
import type { EmulatorServer } from '../../../world/emulator/server';
import { BLOCK_BYTES } from '../model';

const DIGEST_BYTES = 32;
const ZERO_BLOCK = Buffer.alloc(BLOCK_BYTES);
const ZERO_DIGEST = crypto.hash('sha256', ZERO_BLOCK, 'buffer');

type Handler = (event: unknown, context: object) => Promise<unknown>;

/** Runs a function as if nothing had been called before: functions are processes of their own. */
const apart = AsyncLocalStorage.snapshot();

/**
 * A function's code in this very process, with globals of its own. Its time, its environment and its requests are those of the world. No
 * process has to start and no socket to carry anything, so that it runs a hundred times faster than a process of the player. No time limit ends it.
 */
export class SimulatedProcess implements FunctionProcess {
  public retired = false;
  public readonly waiting = false;
  private readonly clock: Clock;
  private readonly handler: Handler;
  private claimed = false;
  private running = false;
  /** Sleeps and requests that are under way. Time goes by while there are some, and else stands still. */
  private asleep = 0;
  private release: (() => void) | undefined;

  /** @param seed Chooses the pauses of retries. */
  constructor(private readonly options: InstanceOptions, code: Program, private readonly server: EmulatorServer, private readonly seed: number) {
    this.clock = options.clock;
    this.handler = this.start(code);
  }

  public get busy(): boolean {
    return this.claimed || this.running;
  }

  public claim(): void {
    this.claimed = true;
  }

  public async run({ event, context, timeoutSeconds }: InvocationRequest): Promise<Outcome> {
    [this.claimed, this.running] = [false, true];
    this.updateHold();
    const deadline = this.clock.now() + timeoutSeconds * 1000;
    const work = () => this.handler(JSON.parse(event), { ...context, getRemainingTimeInMillis: () => deadline - this.clock.now() });
    try {
      return { payload: JSON.stringify(await apart(work) ?? null) };
    } catch (error) {
      const { name, message, stack } = error as Error;
      return { error: JSON.stringify({ errorType: name, errorMessage: message, trace: stack?.split('\n') ?? [] }) };
    } finally {
      this.running = false;
      this.updateHold();
      if (this.retired) { this.options.ended(); }
    }
  }

  public waitForNetwork(): () => void {
    this.sleeping(1);
    return () => this.sleeping(-1);
  }

  public waitForInvocation(): () => void {
    return this.waitForNetwork();
  }

  public retire(): void {
    this.retired = true;
    if (!this.busy) { this.options.ended(); }
  }

  public kill(): void {
    throw new Error('a simulated process cannot be killed');
  }

  public async end(): Promise<void> {}

  private start(program: Program): Handler {
    const { env, handler } = this.options;
    const real = createRequire(__filename);
    const timers = {
      ...real('node:timers/promises') as object,
      setTimeout: (milliseconds: number, value: unknown, options?: { signal?: AbortSignal }) =>
        this.sleep(milliseconds, options?.signal).then(() => value),
    };
    const replaced: Record<string, unknown> = { 'timers/promises': timers, 'crypto': { ...crypto, hash: hashOf, createHmac: () => NO_HMAC } };
    const requireFor = (name: string): unknown => replaced[name.replace('node:', '')] ?? real(name);
    const VirtualDate = new Proxy(Date, {
      construct: (target, args) => Reflect.construct(target, args.length === 0 ? [this.clock.now()] : args) as Date,
      get: (target, key, receiver) => key === 'now' ? () => this.clock.now() : Reflect.get(target, key, receiver),
    });
    const SeededMath = Object.create(Math, { random: { value: seededRandom(this.seed) } }) as typeof Math;
    const silent = { ...console, log: () => {}, warn: () => {}, error: () => {} };
    const transport: Transport = {
      send: async ({ method, url, headers, body }) => {
        const answer = await this.server.exchange({ method, url, headers: lowerCased(headers) }, body);
        const bytes = Buffer.isBuffer(answer.body) ? answer.body : Buffer.from(answer.body ?? '');
        const isZero = bytes.buffer === ZEROS.buffer;
        return { statusCode: answer.status, headers: lowerCased({ 'content-length': String(bytes.length), ...answer.headers }), body: bytes, isZero };
      },
    };
    const module = { exports: {} as Record<string, Handler> };
    const ownProcess = Object.create(process, { env: { value: env } }) as NodeJS.Process;
    program(module, module.exports, requireFor, ownProcess, VirtualDate, SeededMath, silent, transport);
    return module.exports[handler.split('.').at(-1)!];
  }

  private async sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    this.sleeping(1);
    try {
      // The least that a timer of Node.js waits.
      await this.clock.sleep(Math.max(1, milliseconds), signal);
    } finally {
      this.sleeping(-1);
    }
  }

  private sleeping(more: 1 | -1): void {
    this.asleep += more;
    this.updateHold();
  }

  private updateHold(): void {
    if (this.running && this.asleep === 0) {
      this.release ??= this.clock.work();
    } else {
      this.release?.();
      this.release = undefined;
    }
  }
}

/** An HMAC in place of those of signatures, which nobody checks here. */
const NO_HMAC = {
  update: () => NO_HMAC,
  digest: (encoding?: BufferEncoding) => encoding ? Buffer.alloc(DIGEST_BYTES).toString(encoding) : Buffer.alloc(DIGEST_BYTES),
};

/** `hash` of node:crypto, which knows the SHA-256 of a block of zeros, as nearly all are here. */
function hashOf(algorithm: string, data: string | Buffer, encoding: BufferEncoding | 'buffer'): string | Buffer {
  if (algorithm === 'sha256' && encoding === 'buffer' && data.length === BLOCK_BYTES && ZERO_BLOCK.equals(data as Buffer)) { return ZERO_DIGEST; }
  return crypto.hash(algorithm, data, encoding as 'buffer');
}

function seededRandom(seed: number): () => number {
  let calls = 0;
  return () => crypto.hash('sha256', `${seed}/${calls++}`, 'buffer').readUInt32BE() / 2 ** 32;
}

function lowerCased(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
