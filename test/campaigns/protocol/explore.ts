import { Choices, schedules, seeded } from './choices';
import { Cloud, type Given } from './cloud';
import { CloudFormation } from './cloudformation';
import { Time } from './process';
import type { End, Story } from './stories';

/** A run that ended badly, and what was not ordinary in it. */
export interface BadEnd { readonly fault: string; readonly story: readonly string[] }

export interface Explored { readonly schedules: number; readonly states: number; readonly bad: readonly BadEnd[] }

interface Options extends Partial<Given> {
  /** How many decisions of a run may be out of the ordinary, in all possible ways. */
  readonly unusual: number;
  /** Events that do not happen in this search. */
  readonly never?: RegExp;
  /** How many runs are random besides. */
  readonly random?: number;
  /** Ends the search at the first bad end. */
  readonly first?: true;
}

/** Plays a story again and again, each time with other decisions of the world. */
export async function explore(story: Story, options: Options): Promise<Explored> {
  const states = new Set<string>();
  const bad: BadEnd[] = [];
  let count = 0;
  const one = async (choices: Choices, leastPause: number) => {
    count++;
    const fault = await run(story, choices, { ...options, leastPause }, states);
    if (fault !== undefined) { bad.push({ fault, story: choices.story }); }
    return choices.taken;
  };
  const search = schedules(options.unusual);
  for (let next = search.next(); !next.done && !(options.first && bad.length > 0);) {
    next = search.next(await one(new Choices({ given: next.value, never: options.never }), 50));
  }
  for (let seed = 1; seed <= (options.random ?? 0); seed++) {
    await one(new Choices({ never: options.never, random: seeded(seed) }), seed % 10 === 0 ? 0 : 50);
  }
  return { schedules: count, states: states.size, bad };
}

/** Plays a story once, in which exactly these decisions are out of the ordinary. Returns what is wrong at its end. */
export async function play(story: Story, happens: readonly string[], given: Partial<Given> = {}): Promise<string | undefined> {
  const choices = new Choices({ happens });
  const fault = await run(story, choices, { leastPause: 0, ...given }, new Set());
  if (choices.missing.length > 0) { throw new Error(`this could not happen: ${choices.missing.join('; ')}`); }
  return fault;
}

async function run(story: Story, choices: Choices, given: Given, states: Set<string>): Promise<string | undefined> {
  const time = new Time();
  const cloud = new Cloud(time, choices, given);
  const cloudFormation = new CloudFormation(cloud);
  const now = Date.now;
  Date.now = () => time.now;
  try {
    let end: End | 'not over' = 'not over';
    void story(cloudFormation).then(result => { end = result; });
    await new Promise(resolve => { setImmediate(resolve); });
    await time.pass(() => states.add(cloud.state));
    return cloudFormation.faults[0] ?? faultOf(end, cloud);
  } finally {
    Date.now = now;
  }
}

/** Compares what is there with what CloudFormation has. */
function faultOf(end: End | 'not over', { things: { all } }: Cloud): string | undefined {
  if (end === 'not over') { return 'the story does not end'; }
  if (end === undefined) { return undefined; }
  const there = all.map(({ id, kind, value }) => `${id} (${kind}${value})`).join(', ');
  const wanted = end === 'nothing' ? '' : `${end.id} (${end.kind}${end.value})`;
  return there === wanted ? undefined : `there is ${there || 'nothing'} instead of ${wanted || 'nothing'}`;
}
