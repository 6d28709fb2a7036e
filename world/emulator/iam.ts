/** IAM's evaluation of identity policies, as far as templates of this library use it: an unknown condition operator throws. */
import { ACCOUNT, PARTITION } from './environment';

export type Context = Record<string, string | string[] | boolean | undefined>;

export interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action?: string | string[];
  readonly NotAction?: string | string[];
  readonly Resource?: string | string[];
  readonly Condition?: Record<string, Record<string, string | string[] | boolean>>;
}

/** Whoever calls: a role session, or the test itself, which may do everything. */
export class Principal {
  public static readonly ADMIN = new Principal(`arn:${PARTITION}:iam::${ACCOUNT}:user/test`, () => undefined);

  /** Granted action patterns that allowed something. */
  public readonly used = new Set<string>();
  /** Actions that some call asked for, allowed or not. */
  public readonly asked = new Set<string>();

  /** `statements` is asked at every call, so that a policy change counts from the next call on. */
  constructor(public readonly arn: string, private readonly statements: () => Statement[] | undefined) {}

  public allows(action: string, resource: string, context: Context): boolean {
    this.asked.add(action);
    const statements = this.statements();
    if (statements === undefined) { return true; }
    const matching = statements.filter(s => matchesAction(s, action) && matchesResource(s, resource) && matchesCondition(s, context));
    if (matching.some(s => s.Effect === 'Deny')) { return false; }
    const allowing = matching.filter(s => s.Effect === 'Allow');
    for (const statement of allowing) {
      for (const pattern of list(statement.Action)) {
        if (like(pattern, action, true)) { this.used.add(pattern); }
      }
    }
    return allowing.length > 0;
  }

  /** Whether a statement refuses it outright, so that no resource policy can allow it either. */
  public denies(action: string, resource: string, context: Context): boolean {
    return (this.statements() ?? []).some(s =>
      s.Effect === 'Deny' && matchesAction(s, action) && matchesResource(s, resource) && matchesCondition(s, context));
  }
}

/** IAM's wildcards: `*` any run, `?` any one character; as policy variables, `${*}` `${?}` `${$}`, they stand for themselves. */
export function like(pattern: string, value: string, ignoreCase = false): boolean {
  const source = pattern.replace(/\$\{([*?$])\}|[\s\S]/g, (character, literal?: string) => {
    if (literal === undefined && character === '*') { return '[\\s\\S]*'; }
    if (literal === undefined && character === '?') { return '[\\s\\S]'; }
    return (literal ?? character).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${source}$`, ignoreCase ? 'i' : '').test(value);
}

function list<T>(value: T | T[] | undefined): T[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

function matchesAction(statement: Statement, action: string): boolean {
  return statement.NotAction !== undefined
    ? !list(statement.NotAction).some(pattern => like(pattern, action, true))
    : list(statement.Action).some(pattern => like(pattern, action, true));
}

function matchesResource(statement: Statement, resource: string): boolean {
  return list(statement.Resource).some(pattern => like(pattern, resource));
}

export function matchesCondition(statement: Pick<Statement, 'Condition'>, context: Context): boolean {
  const folded = new Map(Object.entries(context).map(([key, value]) => [key.toLowerCase(), value]));
  return Object.entries(statement.Condition ?? {}).every(([operator, tests]) =>
    Object.entries(tests).every(([key, expected]) =>
      test(operator, folded.get(key.toLowerCase()), list(expected as string | string[]).map(String))));
}

const COMPARISONS: Record<string, (actual: string, expected: string) => boolean> = {
  StringEquals: (actual, expected) => actual === expected,
  StringEqualsIgnoreCase: (actual, expected) => actual.toLowerCase() === expected.toLowerCase(),
  StringLike: (actual, expected) => like(expected, actual),
  ArnEquals: (actual, expected) => like(expected, actual),
  ArnLike: (actual, expected) => like(expected, actual),
  Bool: (actual, expected) => actual.toLowerCase() === expected.toLowerCase(),
};
const NEGATIONS: Record<string, string> = {
  StringNotEquals: 'StringEquals', StringNotEqualsIgnoreCase: 'StringEqualsIgnoreCase', StringNotLike: 'StringLike', ArnNotEquals: 'ArnEquals', ArnNotLike: 'ArnLike',
};

function test(operator: string, actual: Context[string], expected: string[]): boolean {
  const values = list(actual as string | string[] | undefined).map(String);
  if (operator === 'Null') { return (values.length === 0) === (expected[0] === 'true'); }

  const set = /^(ForAllValues|ForAnyValue):(.*)$/.exec(operator);
  if (set) {
    const one = (value: string) => test(set[2], value, expected);
    return set[1] === 'ForAllValues' ? values.every(one) : values.some(one);
  }
  if (operator.endsWith('IfExists')) {
    return values.length === 0 || test(operator.slice(0, -'IfExists'.length), actual, expected);
  }
  if (NEGATIONS[operator]) { return !test(NEGATIONS[operator], actual, expected); }

  const compare = COMPARISONS[operator];
  if (!compare) { throw new Error(`the emulated IAM does not know the condition operator ${operator}`); }
  return values.some(value => expected.some(wanted => compare(value, wanted)));
}
