import { TRANSFER_ENVIRONMENT } from '../../src/contract/transfer';

/** An environment variable that the constructs set. */
export function variable(name: keyof typeof TRANSFER_ENVIRONMENT): string {
  const value = process.env[TRANSFER_ENVIRONMENT[name]];
  if (!value) { throw new Error(`environment variable ${TRANSFER_ENVIRONMENT[name]} is not set`); }
  return value;
}

/** Makes something when it is first needed, and keeps it for the next invocation of the same process. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
