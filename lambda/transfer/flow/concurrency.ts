/** Returns a function that runs at most `most` tasks at once, in the order of its calls. */
export function limiter(most: number): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async task => {
    if (running === most) { await new Promise<void>(resolve => waiting.push(resolve)); } else { running++; }
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next) { next(); } else { running--; }
    }
  };
}

/** Runs up to `ahead` tasks at a time and yields their results in order. Stops at the first failure. */
export async function* inOrder<T>(tasks: Iterable<() => Promise<T>>, ahead: number): AsyncGenerator<T> {
  const waiting: Promise<T>[] = [];
  for (const task of tasks) {
    const running = task();
    // The error is thrown when it is this task's turn.
    running.catch(() => {});
    waiting.push(running);
    if (waiting.length >= ahead) { yield await waiting.shift()!; }
  }
  while (waiting.length > 0) { yield await waiting.shift()!; }
}
