interface Statement {
  readonly Sid?: unknown;
  readonly Effect?: unknown;
  readonly Principal?: unknown;
  readonly NotPrincipal?: unknown;
  readonly Action?: unknown;
  readonly NotAction?: unknown;
  readonly Resource?: unknown;
  readonly NotResource?: unknown;
  readonly Condition?: unknown;
}

interface Policy {
  readonly Version?: unknown;
  readonly Id?: unknown;
  readonly Statement?: unknown;
}

export interface Comparison {
  /** The resource of a statement that has none, or `*`. EFS adds it to the statement. */
  readonly fileSystemArn: string;
  /** Lets the id that IAM leaves of a deleted role or user stand for any role or user. */
  readonly ignoresDeletions?: boolean;
}

/** IAM shows this id in the place of a role or user that was deleted. A new one of the same name is another principal. */
const UNIQUE_ID = /^A(ROA|IDA)[0-9A-Z]{12,}$/;
const ROLE_OR_USER = /^arn:[^:]+:iam::\d{12}:(role|user)\//;

/** Whether two policies, as documents or as their texts, mean the same. EFS returns a policy in another spelling than it was put. */
export function isSamePolicy(present: unknown, wanted: unknown, comparison: Comparison): boolean {
  const [one, other] = [parsed(present), parsed(wanted)];
  const options = { ...comparison, ignoresDeletions: comparison.ignoresDeletions && principalsIn(one).some(id => UNIQUE_ID.test(id)) };
  return meaningOf(one, options) === meaningOf(other, options);
}

/** Returns a text that is the same for all spellings of a policy. */
export function meaningIn(policy: unknown, fileSystemArn: string): string {
  return meaningOf(parsed(policy), { fileSystemArn });
}

/** Returns the roles and users that a policy names. */
export function rolesAndUsersIn(policy: unknown): string[] {
  return [...new Set(principalsIn(parsed(policy)).filter(principal => ROLE_OR_USER.test(principal)))];
}

function parsed(policy: unknown): Policy {
  return (typeof policy === 'string' ? JSON.parse(policy) : policy) as Policy;
}

function principalsIn(policy: Policy): string[] {
  return list<Statement>(policy.Statement).flatMap(({ Principal, NotPrincipal }) => [Principal, NotPrincipal])
    .flatMap(some => typeof some === 'object' && some !== null ? Object.values(some).flatMap(list) : list(some)).map(String);
}

/** Returns a text that is the same for all spellings of one meaning. Lists are sets, statements too. */
function meaningOf({ Version = '2008-10-17', Id = '', Statement: statements }: Policy, comparison: Comparison): string {
  return JSON.stringify([Version, Id, set(list<Statement>(statements).map(statement => statementMeaning(statement, comparison)))]);
}

function statementMeaning(statement: Statement, comparison: Comparison): string {
  const { Sid: sid = '', Effect: effect, NotResource: notResource, Condition: condition = {} } = statement;
  const { Resource: resource = notResource === undefined ? '*' : undefined } = statement;
  const resources = list(resource).map(one => one === '*' ? comparison.fileSystemArn : String(one));
  return JSON.stringify([
    sid, effect,
    principalMeaning(statement.Principal, comparison), principalMeaning(statement.NotPrincipal, comparison),
    set(list(statement.Action).map(lower)), set(list(statement.NotAction).map(lower)),
    set(resources), set(list(notResource).map(String)),
    members(condition, tests => members(tests, values => set(list(values).map(String)), lower), String),
  ]);
}

/** Everybody may be written as `*` or `{"AWS":"*"}`, an account as its id or as the ARN of its root user. */
function principalMeaning(principal: unknown, { ignoresDeletions }: Comparison): unknown {
  if (principal === undefined) { return null; }
  const name = (one: unknown) => {
    const account = /^arn:[^:]+:iam::(\d{12}):root$/.exec(String(one))?.[1];
    const isRoleOrUser = ROLE_OR_USER.test(String(one)) || UNIQUE_ID.test(String(one));
    return ignoresDeletions && isRoleOrUser ? 'a role or user' : account ?? String(one);
  };
  return members(typeof principal === 'string' ? { AWS: principal } : principal, some => set(list(some).map(name)), String);
}

/** Returns the members of an object in one order. */
function members(value: unknown, change: (inner: unknown) => unknown, rename: (name: string) => string): [string, unknown][] {
  return Object.entries(value as object)
    .map(([name, inner]): [string, unknown] => [rename(name), change(inner)])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function list<T>(value: unknown): T[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value as T];
}

function set(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}

/** IAM ignores the case of actions and of condition keys. */
function lower(name: unknown): string {
  return String(name).toLowerCase();
}
