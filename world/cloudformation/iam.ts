import { ACCOUNT, PARTITION } from '../emulator/environment';
import { Principal, type Statement } from '../emulator/iam';
import type { PrincipalDirectory } from '../emulator/principals';

export interface PolicyDocument {
  readonly Statement: Statement | Statement[];
}

/** AWS's own policies that templates of this library attach. */
const MANAGED: Record<string, string[]> = {
  'service-role/AWSLambdaBasicExecutionRole': ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
  'service-role/AWSLambdaVPCAccessExecutionRole': [
    'logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents',
    'ec2:CreateNetworkInterface', 'ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets', 'ec2:DeleteNetworkInterface',
    'ec2:AssignPrivateIpAddresses', 'ec2:UnassignPrivateIpAddresses',
  ],
};

/** IAM allows a role that many characters of inline policies, white space not counted. */
const INLINE_LIMIT = 10_240;

export interface RoleProperties {
  readonly trust: PolicyDocument;
  readonly managed: string[];
  readonly path: string;
}

/** A role as the template's resources have made it so far; whoever runs under it feels a change at the next call. */
export class Role {
  /** Policies that stand in the role itself, and those attached by AWS::IAM::Policy. */
  private readonly inline = new Map<string, PolicyDocument>();
  private readonly sessions = new Map<string, Principal>();
  private readonly granted = new Set<string>();
  private readonly used = new Set<string>();

  constructor(
    public readonly name: string,
    public readonly stackName: string,
    public readonly logicalId: string,
    public properties: RoleProperties,
    private readonly customerManaged: Map<string, PolicyDocument>,
  ) {}

  public get arn(): string {
    return `arn:${PARTITION}:iam::${ACCOUNT}:role${this.properties.path}${this.name}`;
  }

  public putPolicy(name: string, document: PolicyDocument): void {
    this.review();
    const sizes = [...this.inline].filter(([other]) => other !== name).map(([, other]) => size(other));
    const total = sizes.reduce((sum, one) => sum + one, size(document));
    if (total > INLINE_LIMIT) { throw new Error(`Maximum policy size of ${INLINE_LIMIT} bytes exceeded for role ${this.name}: ${total}`); }
    this.inline.set(name, document);
    this.review();
  }

  public removePolicy(name: string): void {
    this.review();
    this.inline.delete(name);
  }

  /** A service that wants to run something under this role. */
  public trusts(service: string): boolean {
    return [this.properties.trust.Statement].flat().some(statement => statement.Effect === 'Allow'
      && [(statement as { Principal?: { Service?: string | string[] } }).Principal?.Service ?? []].flat().includes(service));
  }

  /** The role as a function or a state machine of that name assumes it. */
  public session(name: string): Principal {
    let principal = this.sessions.get(name);
    if (!principal) {
      principal = new Principal(`arn:${PARTITION}:sts::${ACCOUNT}:assumed-role/${this.name}/${name}`, () => [...this.own(), ...this.awsManaged()]);
      this.sessions.set(name, principal);
    }
    return principal;
  }

  /** Looks at what is granted and used now, before it changes; AWS's own policies do not count as granted by the template. */
  public review(): void {
    const now = this.own().filter(({ Effect }) => Effect === 'Allow').flatMap(({ Action }) => Action ?? []);
    now.forEach(action => this.granted.add(action));
    for (const principal of this.sessions.values()) {
      const unused = principal.unused();
      now.filter(action => !unused.includes(action)).forEach(action => this.used.add(action));
    }
  }

  /** What was ever granted, and how much of it a call has needed. */
  public usage(): { granted: Set<string>; used: Set<string> } {
    this.review();
    return { granted: this.granted, used: this.used };
  }

  /** The role is deleted: sessions that still exist may do nothing any more. */
  public retire(): void {
    this.review();
    this.inline.clear();
    this.properties = { ...this.properties, managed: [] };
  }

  private own(): Statement[] {
    const attached = this.properties.managed.flatMap(managed => this.customerManaged.get(managed) ?? []);
    return [...this.inline.values(), ...attached].flatMap(document => document.Statement);
  }

  private awsManaged(): Statement[] {
    return this.properties.managed.filter(managed => !this.customerManaged.has(managed)).map(managed => ({
      Effect: 'Allow', Action: MANAGED[managed.split(':policy/')[1]], Resource: '*',
    }));
  }
}

export class Iam implements PrincipalDirectory {
  /** By ARN. What is gone grants nothing, but is still asked what it never used. */
  private readonly roles = new Map<string, Role>();
  private readonly former: Role[] = [];
  private readonly policies = new Map<string, PolicyDocument>();

  public createRole(name: string, stackName: string, logicalId: string, properties: RoleProperties): Role {
    if (this.byName(name)) { throw new Error(`Role with name ${name} already exists.`); }
    this.checkManaged(properties.managed);
    const role = new Role(name, stackName, logicalId, properties, this.policies);
    this.roles.set(role.arn, role);
    return role;
  }

  public updateRole(name: string, properties: RoleProperties): Role {
    this.checkManaged(properties.managed);
    const role = this.role(name);
    role.review();
    role.properties = properties;
    return role;
  }

  public deleteRole(name: string): void {
    const role = this.byName(name);
    if (!role) { return; }
    role.retire();
    this.roles.delete(role.arn);
    this.former.push(role);
  }

  /** By name, or by ARN. */
  public role(name: string): Role {
    const role = this.roles.get(name) ?? this.byName(name);
    if (!role) { throw new Error(`The role with name ${name} cannot be found.`); }
    return role;
  }

  public find(name: string): Role | undefined {
    return this.roles.get(name) ?? this.byName(name);
  }

  /** Roles of the stacks, and those that `cdk bootstrap` made. */
  public sees(arn: string): boolean {
    return this.roles.has(arn) || /:role\/cdk-hnb659fds-/.test(arn);
  }

  public generation(arn: string): number {
    return this.sees(arn) ? 1 + this.former.filter(role => role.arn === arn).length : 0;
  }

  /** The role that a service is to run something under, if it trusts that service. */
  public assumable(arn: string, service: string): Role {
    const role = this.roles.get(arn);
    if (!role?.trusts(service)) { throw new Error(`The role defined for the function cannot be assumed by ${service}: ${arn}`); }
    return role;
  }

  public putManagedPolicy(arn: string, document: PolicyDocument): void {
    this.roles.forEach(role => role.review());
    this.policies.set(arn, document);
    this.roles.forEach(role => role.review());
  }

  public deleteManagedPolicy(arn: string): void {
    this.roles.forEach(role => role.review());
    this.policies.delete(arn);
  }

  /** Granted actions that no call needed, by the logical id of the role; without a name, in all stacks together. */
  public unusedActions(stackName?: string): Record<string, string[]> {
    const granted = new Map<string, Set<string>>();
    const roles = [...this.former, ...this.roles.values()].filter(role => stackName === undefined || role.stackName === stackName);
    roles.forEach(role => granted.set(role.logicalId, new Set([...granted.get(role.logicalId) ?? [], ...role.usage().granted])));
    roles.forEach(role => role.usage().used.forEach(action => granted.get(role.logicalId)!.delete(action)));
    return Object.fromEntries([...granted].filter(([, actions]) => actions.size > 0).map(([id, actions]) => [id, [...actions].sort()]));
  }

  private byName(name: string): Role | undefined {
    return [...this.roles.values()].find(role => role.name === name);
  }

  private checkManaged(arns: string[]): void {
    const unknown = arns.find(arn => !this.policies.has(arn) && !MANAGED[arn.split(':policy/')[1]]);
    if (unknown) { throw new Error(`Policy ${unknown} does not exist or is not attachable.`); }
  }
}

function size(document: PolicyDocument): number {
  return JSON.stringify(document).length;
}
