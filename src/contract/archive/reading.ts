/*
 * The readers of archives ask for bytes and are given them, so that the same reader serves a local file, which is read at once when an
 * app is synthesized, and an object or a stream, which a function waits for.
 */

export interface Wanted {
  readonly at: number;
  readonly length: number;
}

/** A reader: it yields which bytes it wants, and is given those that there are. Positions in a tar archive never decrease, so that a stream can serve it. */
export type Reading<T> = Generator<Wanted, T, Buffer>;

/** Reads with a function that returns at once. */
export function readAtOnce<T>(reading: Reading<T>, read: (wanted: Wanted) => Buffer): T {
  let step = reading.next();
  while (!step.done) { step = reading.next(read(step.value)); }
  return step.value;
}

/** Reads with a function that takes its time. */
export async function readInTime<T>(reading: Reading<T>, read: (wanted: Wanted) => Promise<Buffer>): Promise<T> {
  let step = reading.next();
  while (!step.done) { step = reading.next(await read(step.value)); }
  return step.value;
}
