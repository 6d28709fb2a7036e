import type { Stack } from '../../../test/harness/stack';
import type { Clock } from '../../../world/emulator/clock';
import type { Principal } from '../../../world/emulator/iam';

/** What a life needs of a world. */
export interface World {
  readonly clock: Clock;
  /** Actions that are denied from now on. */
  readonly denied: string[];
  readonly principal: Principal;
  close(): Promise<void>;
}

export interface Account {
  readonly world: World;
  readonly stack: Stack;
}

/** A resource from its creation to its end, with all that needs a permission on the way. */
export interface Life<A extends Account> {
  readonly name: string;
  /** What is deployed, step by step; at the end it is destroyed. */
  readonly deployments: Record<string, (account: A) => Record<string, unknown>>;
  start(): Promise<A>;
  /** Brings a world in which a step failed back to where the step needs all its permissions. */
  again?(account: A, step: string): void;
  /** All that a deployment can leave behind, by kind. */
  inventory(account: A): Record<string, number>;
}

/** What came of a step that lacked an action which it uses. */
export interface Verdict {
  readonly life: string;
  readonly step: string;
  readonly action: string;
  /** Absent: it succeeded, as if nothing had been denied. */
  readonly said?: string;
  /** What is wrong with it. */
  readonly complaints: string[];
}

const DESTROY = 'destroy';

/**
 * Plays a life with all permissions, to learn what each step uses; and then
 * each step once for every action that it used, without that, its rollback
 * and clean-up too. The error names the action. What it leaves is what was
 * there before; or its error names what could not be deleted, or the rollback
 * failed; and then whoever gives the permission back can bring the stack to its end, after which nothing is left.
 */
export async function playWithoutEach<A extends Account>(life: Life<A>): Promise<Verdict[]> {
  const { uses, after } = await whole(life);
  const steps = [...Object.keys(life.deployments), DESTROY];
  const verdicts: Verdict[] = [];
  for (const [position, step] of steps.entries()) {
    let account: A | undefined;
    for (const action of uses[position]) {
      account ??= await before(life, position);
      const { world: { denied }, stack } = account;
      // A creation that failed leaves what was there before. The end of a whole life may differ from that, because tags stay on what is released.
      const last = position === 0 ? after[0] : after.at(-1);
      const [wanted, untouched, end] = [after[position + 1], after[position], last].map(one => JSON.stringify(one));
      denied.push(action);
      const errors = await errorsOf(() => run(life, step, account!));
      denied.pop();
      const said = errors.length > 0 ? errors.map(({ message }) => message).join(' ¶ ') : undefined;
      const complaints = errors.filter(({ message }) => !names(message, action)).map(({ message }) => `does not name the action: ${message}`);
      const now = JSON.stringify(life.inventory(account));
      const [stuck, remains] = [stack.isStuck, [...stack.remains]];
      complaints.push(...remains.filter(({ id }) => !said!.includes(id)).map(({ id }) => `leaves ${id} and does not say so`));
      const settled = !stuck && remains.length === 0;
      if (settled && now !== (errors.length === 0 ? wanted : untouched)) { complaints.push(`leaves ${now} instead of ${errors.length === 0 ? wanted : untouched}`); }

      if (errors.length === 0 || !settled || complaints.length > 0) {
        complaints.push(...(await errorsOf(() => stack.abandon())).map(({ message }) => `cannot be brought to its end: ${message}`));
        const left = JSON.stringify(life.inventory(account));
        if (left !== end) { complaints.push(`leaves, in the end, ${left} instead of ${end}`); }
        await account.world.close();
        account = undefined;
      } else {
        life.again?.(account, step);
      }
      verdicts.push({ life: life.name, step, action, said, complaints });
    }
    await account?.world.close();
  }
  return verdicts;
}

async function whole<A extends Account>(life: Life<A>): Promise<{ uses: string[][]; after: Record<string, number>[] }> {
  const account = await life.start();
  const uses: string[][] = [];
  const after = [life.inventory(account)];
  for (const step of [...Object.keys(life.deployments), DESTROY]) {
    const { asked } = account.world.principal;
    asked.clear();
    await run(life, step, account);
    uses.push([...asked].sort());
    after.push(life.inventory(account));
  }
  await account.world.close();
  return { uses, after };
}

async function before<A extends Account>(life: Life<A>, position: number): Promise<A> {
  const account = await life.start();
  for (const step of Object.keys(life.deployments).slice(0, position)) { await run(life, step, account); }
  return account;
}

async function run<A extends Account>(life: Life<A>, step: string, account: A): Promise<void> {
  const { stack } = account;
  await (step === DESTROY ? stack.destroy() : stack.deploy(life.deployments[step](account)));
}

async function errorsOf(work: () => Promise<void>): Promise<Error[]> {
  try {
    await work();
    return [];
  } catch (error) {
    return error instanceof AggregateError ? error.errors as Error[] : [error as Error];
  }
}

function names(message: string, action: string): boolean {
  return new RegExp(`(?<![\\w:])${action}(?!\\w)`).test(message);
}
