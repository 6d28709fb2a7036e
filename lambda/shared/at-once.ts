/** Returns what a promise of `Promise.allSettled` has become, or throws its error. */
export function outcomeOf<T>(result: PromiseSettledResult<T>): T {
  if (result.status === 'rejected') { throw result.reason; }
  return result.value;
}

/** As `Promise.all`, but throws the first error only when all have ended, so that nothing goes on behind the caller. */
export async function atOnce<T extends readonly unknown[]>(...promises: { readonly [K in keyof T]: Promise<T[K]> }): Promise<T> {
  const results = await Promise.allSettled(promises);
  return results.map(outcomeOf) as unknown as T;
}

/** Does the same work for all items at once. Throws the first error, in the order of the items, when all work has ended. */
export function forAllAtOnce<T, R>(items: Iterable<T>, work: (item: T) => Promise<R>): Promise<R[]> {
  return atOnce(...[...items].map(work));
}
