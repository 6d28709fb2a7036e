import { createHash } from 'crypto';
import { ACCOUNT } from './environment';

/** The roles and users of the emulated account. */
export interface PrincipalDirectory {
  /** Whether every service sees this role or user, by its ARN; a role that was made or removed a moment ago is seen late. */
  sees(arn: string): boolean;
  /** How many roles or users had this ARN, with the present one, or 0 if there is none now. @default 1 */
  generation?(arn: string): number;
}

/** Answers which principals the policies of resources may name. Without a directory every principal is known, unless a test forgets it. */
export class Principals {
  private directory?: PrincipalDirectory;
  private readonly remembered = new Set<string>();
  private readonly forgotten = new Set<string>();

  /** Makes roles and users of the account known only if they are in this directory, or a test remembers them. */
  public lookUpIn(directory: PrincipalDirectory): void {
    this.directory = directory;
  }

  /** Makes a role or user known that is in no directory, as if somebody had made it outside of stacks. */
  public remember(arn: string): void {
    this.forgotten.delete(arn);
    this.remembered.add(arn);
  }

  /** Makes a principal unknown, as if it did not exist or were too young. */
  public forget(arn: string): void {
    this.remembered.delete(arn);
    this.forgotten.add(arn);
  }

  /** Whether a policy may name it: an ARN of a role, a role session, a user or a root, an account's id, a service, or `*`. */
  public isKnown(principal: string): boolean {
    if (this.forgotten.has(principal)) { return false; }
    if (this.remembered.has(principal) || this.directory === undefined) { return true; }
    const owned = ownedBy(principal, ACCOUNT);
    return owned === undefined || this.directory.sees(owned);
  }

  /**
   * The unique id that IAM keeps instead of the ARN of a role or user of the account; undefined if there is none now. Another role of
   * the same name has another id.
   */
  public idOf(arn: string): string | undefined {
    const kind = new RegExp(`^arn:[^:]+:iam::${ACCOUNT}:(role|user)/`).exec(arn)?.[1];
    const generation = this.remembered.has(arn) ? 1 : this.forgotten.has(arn) ? 0 : this.directory?.generation?.(arn) ?? 1;
    if (kind === undefined || generation === 0) { return undefined; }
    const digest = createHash('sha256').update(`${arn} ${generation}`).digest('hex').slice(0, 17).toUpperCase();
    return `${kind === 'role' ? 'AROA' : 'AIDA'}${digest}`;
  }
}

/** Returns the role or user of this account that has to exist; undefined for all other principals, such as the account's root. */
function ownedBy(principal: string, account: string): string | undefined {
  const session = new RegExp(`^(arn:[^:]+):sts::${account}:assumed-role/([^/]+)/`).exec(principal);
  if (session) { return `${session[1]}:iam::${account}:role/${session[2]}`; }
  const ofAws = /:role\/(aws-service-role|aws-reserved)\//.test(principal);
  return !ofAws && new RegExp(`^arn:[^:]+:iam::${account}:(role|user)/`).test(principal) ? principal : undefined;
}
