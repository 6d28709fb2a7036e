import { KILLED, type Fate } from './ebs/mortality';
import type { EventHandlers, ResourceEvent } from '../../lambda/shared/resource-event';

/**
 * The same step again, as Step Functions repeats it; or a failure, because all
 * repetitions died too, and CloudFormation goes back.
 */
export type After = 'it is repeated' | 'it has failed';

/** A function dies at the so-many-th request of all that are made, before the service acted, or when its answer is on the way. */
export class Death {
  /** Who died. */
  public victim: string | undefined;
  /** Before that, requests do not count. */
  public armed = false;
  private requests = 0;
  private steady: boolean;

  constructor(public readonly at: number, private readonly answered: boolean, private readonly after: After) {
    this.steady = after === 'it is repeated';
  }

  public get description(): string {
    return `a death of ${this.victim} at request ${this.at}${this.answered ? ', which was answered' : ''} (${this.after})`;
  }

  /** Of an invocation of this function. */
  public fate(name: string): Fate {
    return {
      answered: this.answered,
      dies: () => {
        if (!this.armed || ++this.requests !== this.at) { return false; }
        this.victim = name;
        return true;
      },
    };
  }

  /** Returns handlers that are called again after the death, or fail by it. */
  public survived({ act, poll, ...others }: EventHandlers): EventHandlers {
    const survived = async <R>(event: ResourceEvent<any>, step: () => Promise<R>, again: () => Promise<R>): Promise<R> => {
      try {
        return await step();
      } catch (error) {
        // A deletion is repeated in any case, by the user in the end.
        if (error === KILLED && (this.steady || event.RequestType === 'Delete')) { return again(); }
        throw error;
      }
    };
    /** Calls that have begun without something new, and were not polled yet: the first poll is in the step that begins, which is repeated as a whole. */
    const begun = new Map<string, ResourceEvent<any>>();
    return {
      ...others,
      act: async event => {
        const result = await survived(event, () => act(event), () => act(event));
        if (result.PhysicalResourceId === event.PhysicalResourceId) { begun.set(event.RequestId, event); }
        return result;
      },
      poll: event => {
        const first = begun.get(event.RequestId);
        begun.delete(event.RequestId);
        return survived(event, () => poll(event), async () => poll(first ? { ...event, ...await act(first) } : event));
      },
    };
  }

  /** Whether the death made the step fail. */
  public async fails(step: () => Promise<unknown>): Promise<boolean> {
    try {
      await step();
      return false;
    } catch (error) {
      if (this.after === 'it is repeated' || error !== KILLED) { throw error; }
      return true;
    }
  }

  /** A step that fails by itself. Whoever dies during its rollback is asked again: a stack that stayed there could not be deleted either. */
  public async takenBack(step: () => Promise<unknown>): Promise<void> {
    this.steady = true;
    await expect(step()).rejects.toThrow('another resource failed');
    this.steady = this.after === 'it is repeated';
  }
}

const MOST_TOLD = 5;

/** Where the few deaths of an ordinary run are, one of each kind; none is the one of which docs/faults.md says that it leaves something. */
const SOME = [9, 34, 57, 84];

/**
 * Plays the same life again and again, with a death at some of its requests: four in an ordinary run, every tenth with `DEATHS=10`,
 * every one with `DEATHS=1`, and only those at request 57 with `DEATH=57`, which plays again what an error names.
 */
export async function dieEverywhere(play: (death: Death) => Promise<void>): Promise<void> {
  const { DEATH: only, DEATHS: every } = process.env;
  const stride = only === undefined ? Number(every ?? Infinity) : Infinity;
  const wrong: string[] = [];
  const kinds = [[false, 'it is repeated'], [true, 'it is repeated'], [false, 'it has failed'], [true, 'it has failed']] as const;
  for (const [i, [answered, after]] of kinds.entries()) {
    const first = stride < Infinity ? 1 + Math.floor(i * stride / kinds.length) : Number(only ?? SOME[i]);
    for (let at = first, more = true; more && at < Infinity && wrong.length < MOST_TOLD; at += stride) {
      const death = new Death(at, answered, after);
      await play(death).catch(error => wrong.push(`with ${death.description}: ${(error as Error).stack}`));
      more = death.victim !== undefined;
    }
  }
  expect(wrong.join('\n\n')).toBe('');
}
