/**
 * An execution is named after the snapshot or export that it makes, by the handler that started it. A name is used once in 90 days. A caller that may
 * start executions can write anything into the input of another one.
 */
export function isNamedAfter(id: string, execution: string): boolean {
  return id === execution;
}

/** Throws before the first step of an execution whose name is not the id of the snapshot or export in its input. */
export function refuseOtherExecution(id: string, execution: string): void {
  if (!isNamedAfter(id, execution)) { throw new Error(`execution ${execution} was not started for ${id}; nothing is done`); }
}
