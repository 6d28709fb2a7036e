/**
 * An execution is named after the snapshot or export that it makes, by the handler that started it. Names are taken once in 90 days. Whoever may
 * start executions can write anything into the input of another one.
 */
export function isNamedAfter(id: string, execution: string): boolean {
  return id === execution;
}

/** Throws before the first step of an execution that is not named after what it says that it makes. */
export function refuseOtherExecution(id: string, execution: string): void {
  if (!isNamedAfter(id, execution)) { throw new Error(`execution ${execution} was not started for ${id}; nothing is done`); }
}
