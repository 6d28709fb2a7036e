/**
 * Visits all items as concurrently as their order allows: an item begins as
 * soon as those before it are done. What comes after a failure (a visit that
 * returns false) does not begin; nor does anything once `stopped` says so.
 */
export async function visitInOrder<T>(
  items: Iterable<T>, before: (item: T) => T[], visit: (item: T) => Promise<boolean>, stopped: () => boolean = () => false,
): Promise<boolean> {
  const all = new Set(items);
  const visits = new Map<T, Promise<boolean>>();
  const begin = (item: T): Promise<boolean> => {
    let running = visits.get(item);
    if (!running) {
      running = Promise.all(before(item).filter(other => all.has(other)).map(begin))
        .then(results => results.every(Boolean) && !stopped() && visit(item));
      visits.set(item, running);
    }
    return running;
  };
  const settled = await Promise.allSettled([...all].map(begin));
  const broken = settled.find(result => result.status === 'rejected');
  if (broken) { throw broken.reason; }
  return settled.every(result => result.status === 'fulfilled' && result.value);
}
