/** Does so many tasks ahead, and gives what comes of them in their order. The first failure ends it. */
export async function* inOrder<T>(tasks: Iterable<() => Promise<T>>, ahead: number): AsyncGenerator<T> {
  const waiting: Promise<T>[] = [];
  for (const task of tasks) {
    const under = task();
    // It is heard of in its turn.
    under.catch(() => {});
    waiting.push(under);
    if (waiting.length >= ahead) { yield await waiting.shift()!; }
  }
  while (waiting.length > 0) { yield await waiting.shift()!; }
}
