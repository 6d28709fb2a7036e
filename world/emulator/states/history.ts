/** The most events that the history of one execution may have. */
export const MOST_EVENTS = 25_000;

/** Events of a state beside that it was entered and exited, before it works and after: scheduled, started and succeeded, say. */
const WITHIN: Record<string, readonly [number, number]> = {
  // LambdaFunctionScheduled, LambdaFunctionStarted; LambdaFunctionSucceeded or LambdaFunctionFailed. Each retry has them again.
  Task: [2, 1],
  // MapStateStarted; MapStateSucceeded. MapRunStarted and MapRunSucceeded of a distributed one are counted where it runs.
  Map: [1, 1],
  Parallel: [1, 1],
};

/** An error that ends the execution: neither Retry nor Catch see it. */
export class TerminalError extends Error {
  public readonly isRetryable = false;
  public readonly isCatchable = false;

  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

/** The number of events in the history of one execution. Children of a distributed Map have histories of their own. */
export class History {
  /** ExecutionStarted is the first. */
  public events = 1;

  /** Throws when the history is full: event 25,000 may only be the end of the execution. */
  public add(events: number): void {
    this.events += events;
    if (this.events < MOST_EVENTS) { return; }
    this.events = MOST_EVENTS;
    throw new TerminalError('States.Runtime', `The execution reached the maximum number of history events (${MOST_EVENTS}).`);
  }

  public begin(stateType: string): void {
    this.add(WITHIN[stateType]?.[0] ?? 0);
  }

  public end(stateType: string): void {
    this.add(WITHIN[stateType]?.[1] ?? 0);
  }
}
