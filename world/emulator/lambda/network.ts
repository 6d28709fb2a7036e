import type { Clock } from '../clock';
import type { Network } from '../server';

export interface FunctionNetworkOptions {
  /** The sustained rate of each direction, the same at every memory size. Bursts of under a second are not emulated. @default 600 */
  readonly megabitsPerSecond?: number;
  /** Whether both directions together have that rate. AWS does not document it. @default false */
  readonly shared?: boolean;
}

const MEGABITS_PER_SECOND = 600;
/** The time of a byte at one megabit per second. */
const MILLISECONDS_PER_BYTE = 8 / 1000;

/** What the process learns of its network. */
interface Waiting {
  /** Says that the process waits for the network, and returns what says that it does not wait longer. */
  readonly waits?: () => () => void;
  /** Says that bytes were carried that began their way then. */
  readonly carried?: (began: number) => void;
}

/** The network of one function process, which carries one large message after another in each direction. */
export class FunctionNetwork implements Network {
  /** By direction: when it has carried everything so far. Fractions of milliseconds count, because few messages take a whole one. */
  private readonly free = new Map<string, number>();

  constructor(private readonly clock: Clock, private readonly options: FunctionNetworkOptions = {}, private readonly process: Waiting = {}) {}

  public async carry(direction: 'received' | 'sent', bytes: number): Promise<void> {
    const { megabitsPerSecond = MEGABITS_PER_SECOND, shared } = this.options;
    const way = shared ? 'both' : direction;
    const now = this.clock.now();
    const milliseconds = bytes * MILLISECONDS_PER_BYTE / megabitsPerSecond;
    const until = Math.max(now, this.free.get(way) ?? now) + milliseconds;
    this.free.set(way, until);
    // Small messages count, but do not wait behind large ones.
    if (milliseconds < 1) { return; }
    const arrived = this.process.waits?.();
    await this.clock.sleep(Math.ceil(until) - now);
    this.process.carried?.(now);
    arrived?.();
  }
}
