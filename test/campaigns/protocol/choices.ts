/** One decision of the world: which of several things happens. The first is the ordinary one. */
export interface Choice {
  readonly what: string;
  readonly options: number;
  readonly picked: number;
}

export interface ChoicesProps {
  /** The first decisions, by number. @default - none */
  readonly given?: readonly number[];
  /** Events that happen as soon as they can, each one time: `Create 1 arrives again after seconds: 400`. @default - nothing */
  readonly happens?: readonly string[];
  /** Events that never happen. */
  readonly never?: RegExp;
  /** Makes the other decisions. @default - they are the ordinary ones */
  readonly random?: () => number;
}

/** The decisions of one run. */
export class Choices {
  public readonly taken: Choice[] = [];
  /** Planned events that could not happen yet. */
  public readonly missing: string[];

  constructor(private readonly props: ChoicesProps) {
    this.missing = [...props.happens ?? []];
  }

  /** Returns the option that happens. `name` names it in the story of the run. */
  public pick<T>(what: string, all: readonly T[], name: (option: T) => string = String): T {
    const nameOf = (option: T) => `${what}: ${name(option)}`;
    const options = all.filter((option, index) => index === 0 || !this.props.never?.test(nameOf(option)));
    const asked = options.findIndex(option => this.missing.includes(nameOf(option)));
    if (asked >= 0) { this.missing.splice(this.missing.indexOf(nameOf(options[asked])), 1); }
    const picked = asked >= 0 ? asked : this.props.given?.[this.taken.length] ?? this.byChance(options.length);
    this.taken.push({ what: nameOf(options[picked]), options: options.length, picked });
    return options[picked];
  }

  /** All that was not ordinary. */
  public get story(): string[] {
    return this.taken.filter(({ picked }) => picked > 0).map(({ what }) => what);
  }

  /** A fifth of the decisions is not ordinary. */
  private byChance(options: number): number {
    const { random } = this.props;
    if (random === undefined || options === 1 || random() > 0.2) { return 0; }
    return 1 + Math.floor(random() * (options - 1));
  }
}

/** Returns all sequences of decisions in which at most so many are not ordinary, one after the other; each is run before the next is asked for. */
export function* schedules(most: number): Generator<readonly number[], void, readonly Choice[]> {
  const waiting: { readonly given: readonly number[]; readonly unusual: number }[] = [{ given: [], unusual: 0 }];
  while (waiting.length > 0) {
    const { given, unusual } = waiting.pop()!;
    const taken = yield given;
    if (unusual === most) { continue; }
    for (let position = given.length; position < taken.length; position++) {
      const before = taken.slice(0, position).map(({ picked }) => picked);
      for (let other = 1; other < taken[position].options; other++) { waiting.push({ given: [...before, other], unusual: unusual + 1 }); }
    }
  }
}

/** Returns numbers from 0 to 1, the same ones for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed * 69_621;
  return () => {
    state = state * 48_271 % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
