import { createHash } from 'crypto';
import { PARTITION } from '../environment';
import { like, type Context } from '../iam';
import { evaluate, list, statements, type ResourcePolicy, type ResourceStatement, type Verdict } from '../kms/resource-policy';
import type { Principals } from '../principals';
import { ServiceError } from '../service';

/** The unique ids that IAM keeps instead of the names of roles and users. */
const UNIQUE_ID = /^A(ROA|IDA)[0-9A-Z]{12,}$/;

/** The policy of one file system. */
export class FileSystemPolicy {
  private readonly document: ResourcePolicy;
  /** IAM's unique ids of the roles and users that it names, by ARN, as they were when the policy was put. */
  private readonly ids: ReadonlyMap<string, string>;

  /** Refuses a policy that EFS refuses. `text` is the policy as it was put. */
  constructor(public readonly text: string, private readonly fileSystemArn: string, private readonly principals: Principals) {
    this.document = checked(text, fileSystemArn);
    const named = statements(this.document).flatMap(namedIn);
    if (named.some(principal => UNIQUE_ID.test(principal) || !principals.isKnown(principal))) {
      throw new ServiceError('InvalidPolicyException', 400, 'Policy contains invalid Principal block');
    }
    this.ids = new Map(named.flatMap(principal => {
      const id = principals.idOf(principal);
      return id === undefined ? [] : [[principal, id] as const];
    }));
  }

  public verdict(caller: string, action: string, context: Context): Verdict {
    return evaluate(this.current(), { caller, action, resource: this.fileSystemArn, context });
  }

  /** The policy in another spelling of the same meaning, which depends on the seed. */
  public spelled(seed: string): string {
    const digest = createHash('sha256').update(`${seed}${this.text}`).digest('hex');
    return JSON.stringify(new Speller(digest, this.fileSystemArn).policy(this.current()));
  }

  /** The policy as it is in force: deleted roles and users as ids, and every statement with its resource. */
  private current(): ResourcePolicy {
    const alive = (principal: string) => {
      const id = this.ids.get(principal);
      return id === undefined || this.principals.idOf(principal) === id ? principal : id;
    };
    return {
      ...this.document,
      Statement: statements(this.document).map(statement => ({
        ...statement,
        ...renamed(statement, alive),
        Resource: statement.Resource ?? this.fileSystemArn,
      })),
    };
  }
}

/** Writes a policy in another way that means the same: the order of members, a string for a list of one and the reverse, root ARNs, `{"AWS":"*"}`. */
class Speller {
  private asked = 0;

  constructor(private readonly seed: string, private readonly fileSystemArn: string) {}

  public policy(policy: ResourcePolicy): object {
    return this.reordered({ ...policy, Statement: this.list(statements(policy).map(statement => this.statement(statement))) });
  }

  private statement(statement: ResourceStatement): object {
    const resource = list(statement.Resource).map(one => one === '*' && this.choose() ? this.fileSystemArn : one);
    const lists = Object.entries({ ...statement, Resource: resource }).filter(([name]) => /^(Not)?(Action|Resource)$/.test(name)).map(([name, value]) => [name, this.list(list(value))]);
    const condition = statement.Condition && this.reordered(mapped(statement.Condition, tests =>
      this.reordered(mapped(tests, value => this.list(list(value as string | string[]).map(String))))));
    return this.reordered({
      ...statement,
      ...Object.fromEntries(lists),
      ...renamed(statement, principal => /^\d{12}$/.test(principal) ? `arn:${PARTITION}:iam::${principal}:root` : principal, some => this.list(some)),
      ...condition && { Condition: condition },
    });
  }

  private list<T>(values: T[]): T | T[] {
    if (values.length === 1) { return this.choose() ? values[0] : values; }
    return this.choose() ? [...values].reverse() : values;
  }

  private reordered(members: object): object {
    return this.choose() ? Object.fromEntries(Object.entries(members).reverse()) : members;
  }

  private choose(): boolean {
    return createHash('sha256').update(`${this.seed}${this.asked++}`).digest()[0] % 2 === 0;
  }
}

/** `Principal` and `NotPrincipal` of a statement, with other names of principals; `*` for everybody becomes `{"AWS":"*"}`. */
function renamed(statement: ResourceStatement, rename: (principal: string) => string, write: (some: string[]) => unknown = some => some): object {
  const written = Object.entries({ Principal: statement.Principal, NotPrincipal: statement.NotPrincipal }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(written.map(([name, value]) =>
    [name, mapped(typeof value === 'string' ? { AWS: value } : value!, some => write(list(some).map(rename)))]));
}

function mapped<T>(members: Record<string, T>, change: (value: T) => unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).map(([name, value]) => [name, change(value)]));
}

/** Principals of the account, others' and everybody, but no services. */
function namedIn({ Principal: yes, NotPrincipal: no }: ResourceStatement): string[] {
  return [yes, no].flatMap(principal => typeof principal === 'string' ? [principal] : list(principal?.AWS));
}

/** Returns the policy in a text. */
function checked(text: string, fileSystemArn: string): ResourcePolicy {
  const invalid = (why: string) => new ServiceError('InvalidPolicyException', 400, `The policy is not valid: ${why}.`);
  let policy: any;
  try {
    policy = JSON.parse(text);
  } catch {
    throw invalid('it is no JSON');
  }
  const found: any[] = [policy?.Statement ?? []].flat();
  if (found.length === 0) { throw invalid('it has no statement'); }
  for (const statement of found) {
    if (!['Allow', 'Deny'].includes(statement?.Effect)) { throw invalid('Effect must be Allow or Deny'); }
    if (!statement.Principal && !statement.NotPrincipal) { throw invalid('a statement needs a Principal'); }
    const actions: unknown[] = [statement.Action ?? statement.NotAction ?? []].flat();
    if (actions.length === 0 || !actions.every(action => action === '*' || /^elasticfilesystem:/i.test(String(action)))) {
      throw invalid('its actions must be those of elasticfilesystem');
    }
    if (![statement.Resource ?? '*'].flat().every((resource: unknown) => like(String(resource), fileSystemArn))) {
      throw invalid(`its resource must be ${fileSystemArn}`);
    }
  }
  return policy;
}

/** What EFS answers if the caller could not change the policy again. */
export function lockout(): ServiceError {
  return new ServiceError('InvalidPolicyException', 400,
    'This policy would prevent future FileSystemPolicy updates. Retry the request with the BypassPolicyLockoutSafetyCheck parameter to apply this policy.');
}

/** What EFS answers whom a policy of a file system shuts out. */
export function deniedByPolicy(caller: string, action: string, resource: string): ServiceError {
  return new ServiceError('AccessDeniedException', 403,
    `User: ${caller} is not authorized to perform: ${action} on resource: ${resource} with an explicit deny in a resource-based policy`);
}
