import { ACCOUNT, PARTITION } from '../environment';
import { like, matchesCondition, type Context } from '../iam';

/** A policy that hangs on a resource: of a bucket or of a key. */
export interface ResourcePolicy {
  readonly Version?: string;
  readonly Statement: ResourceStatement | ResourceStatement[];
}

export interface ResourceStatement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal?: string | Record<string, string | string[]>;
  readonly NotPrincipal?: string | Record<string, string | string[]>;
  readonly Action?: string | string[];
  readonly NotAction?: string | string[];
  readonly Resource?: string | string[];
  readonly Condition?: Record<string, Record<string, string | string[] | boolean>>;
}

/**
 * What a resource policy says of a call: it refuses it, allows it to this very
 * caller, leaves it to the identity policies of the account, or says nothing.
 */
export type Verdict = 'denied' | 'allowed' | 'delegated' | 'silent';

export interface Request {
  readonly caller: string;
  readonly action: string;
  readonly resource: string;
  readonly context: Context;
}

export function evaluate(policy: ResourcePolicy, request: Request): Verdict {
  const context = { 'aws:SecureTransport': 'true', 'aws:PrincipalArn': roleOf(request.caller), 'aws:PrincipalAccount': ACCOUNT, ...request.context };
  const matching = statements(policy).filter(statement => matchesAction(statement, request.action)
    && list(statement.Resource).some(pattern => like(pattern, request.resource))
    && matchesCondition(statement, context));
  const allows = matching.filter(statement => statement.Effect === 'Allow');

  if (matching.some(statement => statement.Effect === 'Deny' && names(statement, request.caller) !== 'nobody')) { return 'denied'; }
  if (allows.some(statement => names(statement, request.caller) === 'caller')) { return 'allowed'; }
  return allows.some(statement => names(statement, request.caller) === 'account') ? 'delegated' : 'silent';
}

export function statements(policy: ResourcePolicy): ResourceStatement[] {
  return list(policy.Statement);
}

export function list<T>(value: T | T[] | undefined): T[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

/** A role's session acts as the role wherever a policy names the role. */
function roleOf(caller: string): string {
  const session = /^arn:[^:]+:sts::(\d+):assumed-role\/([^/]+)\//.exec(caller);
  return session ? `arn:${PARTITION}:iam::${session[1]}:role/${session[2]}` : caller;
}

function names({ Principal, NotPrincipal }: ResourceStatement, caller: string): 'caller' | 'account' | 'nobody' {
  if (NotPrincipal !== undefined) { return names({ Effect: 'Deny', Principal: NotPrincipal }, caller) === 'nobody' ? 'caller' : 'nobody'; }
  if (Principal === undefined) { throw new Error('the emulator only knows statements with a Principal in resource policies'); }
  const principals = typeof Principal === 'string' ? [Principal] : [...list(Principal.AWS), ...list(Principal.Service)];
  if (principals.some(one => one === '*' || one === caller || one === roleOf(caller))) { return 'caller'; }
  return principals.some(one => one === ACCOUNT || one === `arn:${PARTITION}:iam::${ACCOUNT}:root`) ? 'account' : 'nobody';
}

function matchesAction(statement: ResourceStatement, action: string): boolean {
  return statement.NotAction !== undefined
    ? !list(statement.NotAction).some(pattern => like(pattern, action, true))
    : list(statement.Action).some(pattern => like(pattern, action, true));
}
