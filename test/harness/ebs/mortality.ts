import { AsyncLocalStorage } from 'async_hooks';
import type { clientConfig } from '../../../lambda/shared/client-config';
import type { Wire, WireOptions } from '../../../lambda/transfer/http/client';

/** The process of a function ended, and told nobody why. */
export const KILLED = new Error('killed');

/** What is known of a request before it is sent. */
interface SentRequest {
  readonly method: string;
  readonly query: object;
}

/** How one invocation of a function shall go. */
export interface Fate {
  /** Dies at its so-many-th request. */
  readonly killAt?: number;
  /** Asked before each request, which only the engine's own connections do not show: true, and it dies at that one. */
  readonly dies?: (request?: SentRequest) => boolean;
  /** The service still acts on that request. */
  readonly answered?: boolean;
  /** It dies as soon as it has sent that request, on which the service then acts. */
  readonly hangsUp?: boolean;
  /** Another worker does the same at the same time, as Lambda and Step Functions sometimes have it. */
  readonly twice?: boolean;
  /** It succeeds, but its answer never reaches the state machine. */
  readonly unheard?: boolean;
}

/** One run of a function: after its death, none of its requests leaves the process, and none of its answers arrives. */
class Invocation {
  public readonly death: Promise<never>;
  private dead = false;
  private requests = 0;
  private die!: () => void;

  constructor(private readonly fate: Fate) {
    this.death = new Promise((_, reject) => {
      this.die = () => {
        this.dead = true;
        reject(KILLED);
      };
    });
    this.death.catch(() => {});
  }

  public async request<T>(send: () => Promise<T>, request?: SentRequest): Promise<T> {
    if (this.dead) { return never(); }
    const last = ++this.requests === this.fate.killAt || this.fate.dies?.(request) === true;
    if (last && !this.fate.answered) {
      if (this.fate.hangsUp) { send().catch(() => {}); }
      this.die();
      return never();
    }
    try {
      return await send();
    } finally {
      if (last) { this.die(); }
      if (this.dead) { await never(); }
    }
  }
}

const invocations = new AsyncLocalStorage<Invocation>();

/** Runs a function as its fate has it; throws `KILLED` if it dies. */
export async function live(world: { run<T>(work: () => Promise<T>): Promise<T> }, work: () => Promise<unknown>, fate: Fate = {}): Promise<unknown> {
  const run = () => {
    const invocation = new Invocation(fate);
    return world.run(() => Promise.race([invocations.run(invocation, work), invocation.death]));
  };
  const other = fate.twice ? run() : undefined;
  other?.catch(() => {});
  const answer = await run();
  if (fate.unheard) { throw KILLED; }
  return answer;
}

/** Clients whose requests die with the function that makes them, and give up soon if told so: a request that is not answered costs real time. */
export function mortal(real: typeof clientConfig, requestTimeout?: number): typeof clientConfig {
  return options => {
    const config = real({ ...options, ...requestTimeout !== undefined && { requestTimeout } });
    const { requestHandler } = config;
    const handle = requestHandler.handle.bind(requestHandler);
    requestHandler.handle = (...request) => invocations.getStore()?.request(() => handle(...request), request[0]) ?? handle(...request);
    return config;
  };
}

/** The same for the engine's own connections. */
export function mortalWire(real: typeof Wire, timeout?: number): typeof Wire {
  return class extends real {
    constructor(options: WireOptions = {}) {
      super({ ...options, ...timeout !== undefined && { answerTimeout: timeout, bodyTimeout: timeout } });
    }

    public override send(...request: Parameters<Wire['send']>): ReturnType<Wire['send']> {
      return invocations.getStore()?.request(() => super.send(...request)) ?? super.send(...request);
    }
  };
}

function never(): Promise<never> {
  return new Promise(() => {});
}
