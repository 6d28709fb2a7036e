import type { Section } from '../../tools/report';

export type Properties = Record<string, unknown>;

export const OWNED = { Owner: 'Stack/Thing', RemovalPolicy: 'Delete' };
export const tags = (entries: Record<string, string>) => Object.entries(entries).map(([Key, Value]) => ({ Key, Value }));

/** A known difference between moto and AWS: the error that shows it, and the short form of its entry in `docs/conformance.md`. */
export interface Difference {
  readonly seen: RegExp;
  readonly note: string;
}

/** Returns the difference of an operation that moto does not have: it answers with a page of HTML. */
export function absent(operation: string): Difference {
  return { seen: /Unexpected token '<'/, note: `EFS: has ${operation}. moto: 404, without an error that the model has` };
}

/** Plays one life. The row is `explained` if it fails by a difference that is known. */
export async function play(section: Section, what: string, run: () => Promise<string | void>, known?: Difference): Promise<void> {
  if (!known) { return void await section.check(what, run); }
  try {
    await run();
    section.row(what, 'failed', `docs/conformance.md says: ${known.note}. moto is right by now`);
  } catch (error) {
    if (known.seen.test((error as Error).message)) { return section.row(what, 'explained', known.note); }
    await section.check(what, () => { throw error; });
  }
}
