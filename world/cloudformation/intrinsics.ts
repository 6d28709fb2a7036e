import { AVAILABILITY_ZONES, REGION } from '../emulator/environment';

/** What intrinsic functions ask their surroundings for. */
export interface Scope {
  /** The value of a parameter, a pseudo parameter, or the physical id of a resource. */
  ref(name: string): unknown;
  attribute(logicalId: string, name: string): unknown;
  condition(name: string): boolean;
  mapping(map: string, key: string, second: string): unknown;
  importValue(name: string): string;
  /** `{{resolve:ssm:…}}` */
  parameter(name: string): string;
}

/** A value that is not there: `AWS::NoValue`. It takes its list element or property with it. */
export const ABSENT = Symbol('AWS::NoValue');

type Arguments = unknown[];

/** Replaces every intrinsic function in a value by its result. An unknown function throws. */
export function resolve(value: unknown, scope: Scope): unknown {
  if (value === null || value === undefined) { return ABSENT; }
  if (typeof value === 'string') { return dynamic(value, scope); }
  if (Array.isArray(value)) { return value.map(item => resolve(item, scope)).filter(item => item !== ABSENT); }
  if (typeof value !== 'object') { return value; }

  const call = asCall(value);
  if (call) { return evaluate(call.name, call.argument, scope); }
  return Object.fromEntries(Object.entries(value)
    .map(([key, inner]) => [key, resolve(inner, scope)])
    .filter(([, inner]) => inner !== ABSENT));
}

/** Logical ids (and parameters) that a value refers to, in the branches that its conditions choose. */
export function references(value: unknown, condition: (name: string) => boolean): Set<string> {
  const found = new Set<string>();
  const walk = (inner: unknown): void => {
    if (typeof inner !== 'object' || inner === null) { return; }
    if (Array.isArray(inner)) { return inner.forEach(walk); }
    const call = asCall(inner);
    switch (call?.name) {
      case undefined: return Object.values(inner).forEach(walk);
      case 'Ref': return void found.add(call!.argument as string);
      case 'Fn::GetAtt': return void found.add(attributePath(call!.argument)[0] as string);
      case 'Fn::If': return walk(branch(call!.argument, condition));
      case 'Fn::Sub': {
        const [pattern, variables] = substitution(call!.argument);
        walk(variables);
        for (const [, name] of pattern.matchAll(PLACEHOLDER)) {
          if (!name.startsWith('!') && !(name in variables)) { found.add(name.split('.')[0]); }
        }
        return;
      }
      default: return walk(call!.argument);
    }
  };
  walk(value);
  return found;
}

/** Evaluates an entry of the template's Conditions. */
export function evaluateCondition(value: unknown, scope: Scope): boolean {
  const call = asCall(value);
  if (call?.name === 'Condition') { return scope.condition(call.argument as string); }
  const operands = () => (call!.argument as Arguments).map(operand => evaluateCondition(operand, scope));
  switch (call?.name) {
    case 'Fn::Equals': {
      const [left, right] = (call.argument as Arguments).map(operand => resolve(operand, scope));
      return JSON.stringify(scalarsToStrings(left)) === JSON.stringify(scalarsToStrings(right));
    }
    case 'Fn::And': return operands().every(Boolean);
    case 'Fn::Or': return operands().some(Boolean);
    case 'Fn::Not': return !operands()[0];
    default: throw new Error(`the player does not know the condition ${JSON.stringify(value)}`);
  }
}

/** Booleans and numbers as CloudFormation hands them to custom resources, at any depth. */
export function scalarsToStrings(value: unknown): unknown {
  if (Array.isArray(value)) { return value.map(scalarsToStrings); }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, scalarsToStrings(inner)]));
  }
  return typeof value === 'string' || value === undefined ? value : String(value);
}

const PLACEHOLDER = /\$\{([^}]+)\}/g;

function asCall(value: unknown): { name: string; argument: unknown } | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) { return undefined; }
  const entries = Object.entries(value);
  if (entries.length !== 1) { return undefined; }
  const [name, argument] = entries[0];
  const condition = name === 'Condition' && typeof argument === 'string';
  return name === 'Ref' || name.startsWith('Fn::') || condition ? { name, argument } : undefined;
}

function evaluate(name: string, argument: unknown, scope: Scope): unknown {
  const list = () => resolve(argument, scope) as Arguments;
  switch (name) {
    case 'Ref':
      return argument === 'AWS::NoValue' ? ABSENT : scope.ref(argument as string);
    case 'Fn::GetAtt': {
      const [logicalId, attribute] = attributePath(argument);
      return scope.attribute(logicalId as string, text(resolve(attribute, scope), 'Fn::GetAtt'));
    }
    case 'Fn::If':
      return resolve(branch(argument, condition => scope.condition(condition)), scope);
    case 'Fn::Sub': {
      const [pattern, variables] = substitution(argument);
      return pattern.replace(PLACEHOLDER, (_, placeholder: string) => {
        if (placeholder.startsWith('!')) { return `\${${placeholder.slice(1)}}`; }
        if (placeholder in variables) { return text(resolve(variables[placeholder], scope), 'Fn::Sub'); }
        const [logicalId, ...attribute] = placeholder.split('.');
        return text(attribute.length > 0 ? scope.attribute(logicalId, attribute.join('.')) : scope.ref(logicalId), 'Fn::Sub');
      });
    }
    case 'Fn::Join': {
      const [delimiter, items] = list();
      if (!Array.isArray(items)) { throw new Error(`Fn::Join needs a list, got ${JSON.stringify(items)}`); }
      return items.map(item => text(item, 'Fn::Join')).join(delimiter as string);
    }
    case 'Fn::Select': {
      const [index, items] = list() as [unknown, Arguments];
      if (!Array.isArray(items) || items[Number(index)] === undefined) {
        throw new Error(`Fn::Select cannot select nonexistent value at index ${String(index)}`);
      }
      return items[Number(index)];
    }
    case 'Fn::Split': {
      const [delimiter, source] = list();
      return text(source, 'Fn::Split').split(delimiter as string);
    }
    case 'Fn::GetAZs': {
      const region = resolve(argument, scope);
      if (region !== '' && region !== REGION) { throw new Error(`the emulator has no Availability Zones in ${String(region)}`); }
      return Object.keys(AVAILABILITY_ZONES);
    }
    case 'Fn::FindInMap': {
      const [map, key, second] = list() as string[];
      return resolve(scope.mapping(map, key, second), scope);
    }
    case 'Fn::Base64': return Buffer.from(text(resolve(argument, scope), name)).toString('base64');
    case 'Fn::Cidr': return cidrs(...list().map(String) as [string, string, string?]);
    case 'Fn::ImportValue': return scope.importValue(text(resolve(argument, scope), name));
    case 'Condition':
      // `{ Condition: 'x' }` is a condition only inside conditions; elsewhere it is a property that happens to have this name.
      return { Condition: resolve(argument, scope) };
    default: throw new Error(`the player does not know the intrinsic function ${name}`);
  }
}

function attributePath(argument: unknown): [unknown, unknown] {
  if (typeof argument === 'string') {
    const [logicalId, ...attribute] = argument.split('.');
    return [logicalId, attribute.join('.')];
  }
  const [logicalId, ...attribute] = argument as Arguments;
  return [logicalId, attribute.length === 1 ? attribute[0] : attribute.join('.')];
}

function branch(argument: unknown, condition: (name: string) => boolean): unknown {
  const [name, yes, no] = argument as [string, unknown, unknown];
  return condition(name) ? yes : no;
}

function substitution(argument: unknown): [string, Record<string, unknown>] {
  return typeof argument === 'string' ? [argument, {}] : argument as [string, Record<string, unknown>];
}

function text(value: unknown, where: string): string {
  if (typeof value === 'object' || value === ABSENT || value === undefined) {
    throw new Error(`${where} needs a string, got ${value === ABSENT ? 'AWS::NoValue' : JSON.stringify(value)}`);
  }
  return String(value);
}

function dynamic(value: string, scope: Scope): string {
  return value.replace(/\{\{resolve:([a-z-]+):([^}]*)\}\}/g, (whole, kind: string, name: string) => {
    if (kind !== 'ssm') { throw new Error(`the player does not know the dynamic reference ${whole}`); }
    return scope.parameter(name.replace(/:\d+$/, ''));
  });
}

/** `count` subnets with `bits` host bits each, from the start of an IPv4 block. */
function cidrs(block: string, count: string, bits = '8'): string[] {
  const [address, prefix] = block.split('/');
  const start = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** Number(bits);
  if (Number(count) * size > 2 ** (32 - Number(prefix))) { throw new Error(`Fn::Cidr: ${block} does not hold ${count} blocks with ${bits} host bits`); }
  return Array.from({ length: Number(count) }, (_, index) => {
    const first = start + index * size;
    return `${[24, 16, 8, 0].map(shift => Math.floor(first / 2 ** shift) % 256).join('.')}/${32 - Number(bits)}`;
  });
}
