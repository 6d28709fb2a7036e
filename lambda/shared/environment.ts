import { integer } from './property-values';
import { TRANSFER_ENVIRONMENT } from '../../src/contract/transfer';

/** Returns an environment variable that the constructs set. */
export function variable(name: keyof typeof TRANSFER_ENVIRONMENT): string {
  const value = process.env[TRANSFER_ENVIRONMENT[name]];
  if (!value) { throw new Error(`environment variable ${TRANSFER_ENVIRONMENT[name]} is not set`); }
  return value;
}

/** Returns the timeout of the function that runs `onEvent`. */
export function creationTimeoutSeconds(): number {
  return integer(TRANSFER_ENVIRONMENT.creationTimeout, variable('creationTimeout'));
}

/** Returns a function that makes something when it is first called, and keeps it for later invocations of the same process. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
