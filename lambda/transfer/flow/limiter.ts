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
