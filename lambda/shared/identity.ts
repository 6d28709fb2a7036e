import { createHash } from 'node:crypto';
import type { Lifecycle } from './resource-lifecycle';
import type { OwnerProperties } from '../../src/contract/ownership';

/** Returns a digest of the properties whose change means replacement. */
export function identityOf<P extends OwnerProperties>(lifecycle: Pick<Lifecycle<P, any>, 'identity' | 'defaults'>, properties: P): string {
  const values = lifecycle.identity
    .map(name => [name, canonical(properties[name] ?? lifecycle.defaults?.[name]), canonical(lifecycle.defaults?.[name])])
    // Leave out defaults: a property added in a later release must not change the digest of resources that do not set it.
    .filter(([, value, standard]) => JSON.stringify(value) !== JSON.stringify(standard))
    .map(([name, value]) => [name, value]);
  return createHash('sha256').update(JSON.stringify(values)).digest('hex').slice(0, 32);
}

/** Returns a value in the form in which CloudFormation sends it, every scalar a string, with keys in a fixed order. */
function canonical(value: unknown): unknown {
  if (value === undefined || value === null) { return null; }
  if (Array.isArray(value)) { return value.map(canonical); }
  if (typeof value === 'object') {
    return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, canonical(inner)]);
  }
  return String(value);
}
