import type { Stack } from './stack';

interface Known {
  readonly operation: string | undefined;
  readonly ids: string[];
  /** RequestIds of the operation before. */
  readonly before: readonly string[];
}

/** RequestIds of events. A deployment that is tried again may use those of the one before (aws-cdk#35957). */
export class RequestIds {
  /** By stack, logical id and request type. */
  private readonly known = new Map<string, Known>();

  public next(stack: Stack, logicalId: string, requestType: string, reuse = false): string {
    const key = `${stack.name}/${logicalId}/${requestType}`;
    const operation = stack.operations.at(0)?.id;
    let known = this.known.get(key);
    if (known?.operation !== operation || !known) {
      known = { operation, ids: [], before: known?.ids ?? [] };
      this.known.set(key, known);
    }
    const id = (reuse ? known.before.at(known.ids.length) : undefined) ?? stack.ids.uuid();
    known.ids.push(id);
    return id;
  }
}
