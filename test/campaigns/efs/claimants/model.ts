import { ZONES, type Found, type Place, type Program, type StackName, type SubnetName, type Wish, type Wishes } from './program';

/** What one claimant wants of one thing that a file system has once: its policy, a tag, a mount target in a zone. */
interface Want {
  readonly claimant: string;
  readonly thing: string;
  readonly value: string;
}

/** What a file system must be like. */
export interface Expected {
  readonly policy?: string;
  readonly transitions?: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly subnets: readonly string[];
}

/** Which stack declares what, and what was there before. Decides what has to be in force, and which deployments may be refused. */
export class Model {
  public readonly held: Record<StackName, Wishes> = { One: {}, Two: {} };

  /** Things that were found with one value and have been given another since. */
  private readonly replaced = new Set<string>();

  constructor(private readonly program: Program) {}

  /** Whether a deployment may be refused: two claimants, or a claimant and somebody without a claim, want different values of one thing. */
  public mayBeRefused(stack: StackName, wishes: Wishes): boolean {
    const before = this.wants();
    const wanted = wantsOf(stack, wishes);
    // What leaves the template is in force until the clean-up.
    const others = before.filter(({ claimant }) => !wanted.some(want => want.claimant === claimant));
    const conflicts = (one: Want, other: Want) => one.thing === other.thing && one.value !== other.value && one.claimant !== other.claimant;
    // A move to another file system has the old claim beside the new one; so has the new value of a claimant that another one shares.
    return wanted.some(want => [...others, ...wanted, ...before].some(other => conflicts(want, other)) || this.isForeign(want, before));
  }

  /** What must be in force on a file system. */
  public expected(place: Place): Expected {
    const found = this.program.found[place];
    const here = this.wants().filter(({ thing }) => thing.startsWith(`${place} `));
    const valueOf = (thing: string, otherwise: string | undefined) => {
      const values = new Set(here.filter(want => want.thing === `${place} ${thing}`).map(({ value }) => value));
      expect(values.size).toBeLessThanOrEqual(1);
      return [...values][0] ?? otherwise;
    };
    const keys = [...new Set([...Object.keys(found.tags), ...here.filter(({ thing }) => thing.includes(' tag ')).map(({ thing }) => thing.split(' ')[2])])];
    return {
      policy: valueOf('policy', this.stays(place, 'policy', found.policy)),
      transitions: valueOf('transitions', this.stays(place, 'transitions', found.transitions)),
      tags: Object.fromEntries(keys.flatMap(key => {
        const value = valueOf(`tag ${key}`, this.stays(place, `tag ${key}`, found.tags[key]));
        return value === undefined ? [] : [[key, value]];
      })),
      subnets: [...new Set(here.filter(({ thing }) => thing.includes(' zone ')).map(({ value }) => value))].sort(),
    };
  }

  /** A stack declares this from now on. What it replaced in place is not put back. */
  public accept(stack: StackName, wishes: Wishes): void {
    const before = this.wants();
    this.held[stack] = wishes;
    for (const want of this.wants()) {
      const found = this.foundValue(want.thing);
      if (found !== undefined && found !== want.value && before.some(({ thing }) => thing === want.thing)) { this.replaced.add(want.thing); }
      if (found === want.value) { this.replaced.delete(want.thing); }
    }
  }

  private stays(place: Place, thing: string, found: string | undefined): string | undefined {
    return this.replaced.has(`${place} ${thing}`) ? undefined : found;
  }

  private wants(): Want[] {
    return (Object.entries(this.held) as [StackName, Wishes][]).flatMap(([stack, wishes]) => wantsOf(stack, wishes));
  }

  /** A value that nobody claims is not this one. */
  private isForeign({ thing, value, claimant }: Want, before: readonly Want[]): boolean {
    const found = this.replaced.has(thing) ? undefined : this.foundValue(thing);
    return found !== undefined && found !== value && !before.some(want => want.claimant === claimant && want.thing === thing);
  }

  private foundValue(thing: string): string | undefined {
    const [place, kind, key] = thing.split(' ');
    const found: Found = this.program.found[Number(place) as Place];
    if (kind === 'policy' || kind === 'transitions') { return found[kind]; }
    return kind === 'tag' ? found.tags[key] : undefined;
  }
}

function wantsOf(stack: StackName, wishes: Wishes): Want[] {
  return Object.entries(wishes).flatMap(([id, wish]) => wants(`${stack}/${id}`, wish));
}

function wants(claimant: string, wish: Wish): Want[] {
  switch (wish.kind) {
    case 'tags': return Object.entries(wish.tags).map(([key, value]) => ({ claimant, thing: `${wish.on} tag ${key}`, value }));
    case 'targets': return wish.subnets.map((subnet: SubnetName) => ({ claimant, thing: `${wish.on} zone ${ZONES[subnet]}`, value: subnet }));
    default: return [{ claimant, thing: `${wish.on} ${wish.kind}`, value: wish.value }];
  }
}
