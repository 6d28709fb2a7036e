import { TRANSFER_ENVIRONMENT } from '../../src/contract/transfer';

/** Returns an environment variable that the constructs of imports and exports set. */
export function variable(name: keyof typeof TRANSFER_ENVIRONMENT): string {
  return variableNamed(TRANSFER_ENVIRONMENT[name]);
}

/** Returns an environment variable that the constructs set. */
export function variableNamed(name: string): string {
  const value = process.env[name];
  if (!value) { throw new Error(`environment variable ${name} is not set`); }
  return value;
}

/** Returns a function that makes something when it is first called, and keeps it for later invocations of the same process. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
