import { ACCOUNT } from './environment';

/** The roles and users of the emulated account. */
export interface PrincipalDirectory {
  /** Whether every service sees this role or user, by its ARN; a role that was made or removed a moment ago is seen late. */
  sees(arn: string): boolean;
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
}

/** Returns the role or user of this account that has to exist; undefined for all other principals, such as the account's root. */
function ownedBy(principal: string, account: string): string | undefined {
  const session = new RegExp(`^(arn:[^:]+):sts::${account}:assumed-role/([^/]+)/`).exec(principal);
  if (session) { return `${session[1]}:iam::${account}:role/${session[2]}`; }
  const ofAws = /:role\/(aws-service-role|aws-reserved)\//.test(principal);
  return !ofAws && new RegExp(`^arn:[^:]+:iam::${account}:(role|user)/`).test(principal) ? principal : undefined;
}
