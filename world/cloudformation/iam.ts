import { Late, NotYet } from './late';
import type { Clock } from '../emulator/clock';
import { ACCOUNT, PARTITION } from '../emulator/environment';
import { Principal, type Statement } from '../emulator/iam';
import type { Lateness } from '../emulator/lateness';
import type { PrincipalDirectory } from '../emulator/principals';

export interface PolicyDocument {
  readonly Statement: Statement | Statement[];
}

const NETWORK_INTERFACES = [
  'ec2:CreateNetworkInterface', 'ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets', 'ec2:DeleteNetworkInterface',
  'ec2:AssignPrivateIpAddresses', 'ec2:UnassignPrivateIpAddresses',
];

/** AWS's own policies that templates of this library attach. */
const MANAGED: Record<string, PolicyDocument> = {
  'service-role/AWSLambdaBasicExecutionRole': allowing('logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'),
  'service-role/AWSLambdaVPCAccessExecutionRole': allowing('logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents', ...NETWORK_INTERFACES),
  'service-role/AWSLambdaENIManagementAccess': allowing(...NETWORK_INTERFACES),
};

/** IAM allows a role that many characters of inline policies, white space not counted. */
const INLINE_LIMIT = 10_240;
/** A managed policy may have that many, and a role that many managed policies. */
const MANAGED_LIMIT = 6144;
const ATTACHED_LIMIT = 10;

export interface RoleProperties {
  readonly trust: PolicyDocument;
  readonly managed: string[];
  readonly path: string;
}

/** A role as the template's resources have made it so far. Services see each change late, so that what was granted before stays in effect for a while. */
export class Role {
  /** Policies that stand in the role itself, and those attached by AWS::IAM::Policy. */
  private readonly inline = new Map<string, Late<PolicyDocument | undefined>>();
  /** By ARN. */
  private readonly managed = new Map<string, Late<boolean>>();
  /** undefined: there is no such role. */
  private readonly trust: Late<PolicyDocument | undefined>;
  private readonly sessions = new Map<string, Principal>();
  /** Actions that the template ever granted. AWS's own policies do not count as granted by the template. */
  private readonly granted = new Set<string>();
  public properties: RoleProperties;

  constructor(
    public readonly name: string,
    public readonly stackName: string,
    public readonly logicalId: string,
    properties: RoleProperties,
    private readonly policies: ManagedPolicies,
    private readonly late: <T>(thing: string, initial: T) => Late<T>,
  ) {
    this.trust = late<PolicyDocument | undefined>(`${name}/trust`, undefined);
    this.properties = properties;
    this.change(properties);
  }

  public get arn(): string {
    return `arn:${PARTITION}:iam::${ACCOUNT}:role${this.properties.path}${this.name}`;
  }

  public change(properties: RoleProperties): void {
    this.properties = properties;
    this.trust.set(properties.trust);
    for (const arn of new Set([...this.managed.keys(), ...properties.managed])) {
      const attached = properties.managed.includes(arn);
      const before = getOrMake(this.managed, arn, () => this.late(`${this.name}/${arn}`, false));
      if (attached !== before.latest) { before.set(attached); }
      if (attached) { this.note(this.policies.get(arn)?.latest); }
    }
  }

  public putPolicy(name: string, document: PolicyDocument): void {
    const sizes = [...this.inline].filter(([other]) => other !== name).map(([, other]) => other.latest === undefined ? 0 : size(other.latest));
    const total = sizes.reduce((sum, one) => sum + one, size(document));
    if (total > INLINE_LIMIT) { throw new Error(`Maximum policy size of ${INLINE_LIMIT} bytes exceeded for role ${this.name}: ${total}`); }
    getOrMake(this.inline, name, () => this.late<PolicyDocument | undefined>(`${this.name}/${name}`, undefined)).set(document);
    this.note(document);
  }

  public removePolicy(name: string): void {
    this.inline.get(name)?.set(undefined);
  }

  /** Counts the actions of a managed policy of this template as granted, if the role has it. */
  public noteManagedPolicy(arn: string): void {
    if (this.properties.managed.includes(arn)) { this.note(this.policies.get(arn)?.latest); }
  }

  /** Whether services see that there is such a role. */
  public get isSeen(): boolean {
    return this.trust.seen !== undefined;
  }

  /** Whether a service that wants to run something under this role sees that it may. */
  public trusts(service: string): boolean {
    return this.trust.seen !== undefined && [this.trust.seen.Statement].flat().some(statement => statement.Effect === 'Allow'
      && [(statement as { Principal?: { Service?: string | string[] } }).Principal?.Service ?? []].flat().includes(service));
  }

  /** The error of a service that refuses something because of this role: `NotYet` while it does not see all of its changes. */
  public refusal(message: string): Error {
    const changes = [this.trust, ...this.inline.values(), ...this.managed.values()].flatMap(({ nextChange }) => nextChange ?? []);
    return changes.length > 0 ? new NotYet(message, Math.min(...changes)) : new Error(message);
  }

  /** The role as a function or a state machine of that name assumes it. */
  public session(name: string): Principal {
    const arn = `arn:${PARTITION}:sts::${ACCOUNT}:assumed-role/${this.name}/${name}`;
    return getOrMake(this.sessions, name, () => new Principal(arn, () => this.statements()));
  }

  /** What was ever granted, and what calls have needed. */
  public usage(): { granted: Set<string>; used: Set<string> } {
    return { granted: this.granted, used: new Set([...this.sessions.values()].flatMap(({ used }) => [...used])) };
  }

  /** Deletes the role: its sessions may still do for a while what they could do. */
  public retire(): void {
    this.inline.forEach(policy => policy.set(undefined));
    this.managed.forEach(attached => attached.set(false));
    this.trust.set(undefined);
    this.properties = { ...this.properties, managed: [] };
  }

  /** What services see at this moment. */
  private statements(): Statement[] {
    const inline = [...this.inline.values()].flatMap(({ seen }) => seen ?? []);
    const attached = [...this.managed].filter(([, late]) => late.seen).map(([arn]) => arn);
    const managed = attached.flatMap(arn => this.policies.get(arn)?.seen ?? MANAGED[nameIn(arn)] ?? []);
    return [...inline, ...managed].flatMap(document => document.Statement);
  }

  private note(document: PolicyDocument | undefined): void {
    [document?.Statement ?? []].flat().filter(({ Effect }) => Effect === 'Allow').flatMap(({ Action }) => Action ?? [])
      .forEach(action => this.granted.add(action));
  }
}

type ManagedPolicies = Map<string, Late<PolicyDocument | undefined>>;

export class Iam implements PrincipalDirectory {
  /** By ARN. What is gone grants nothing, but is still asked what it never used. */
  private readonly roles = new Map<string, Role>();
  private readonly former: Role[] = [];
  private readonly policies: ManagedPolicies = new Map();

  constructor(private readonly clock: Clock, private readonly lateness: Lateness) {}

  public createRole(name: string, stackName: string, logicalId: string, properties: RoleProperties): Role {
    if (this.byName(name)) { throw new Error(`Role with name ${name} already exists.`); }
    this.checkManaged(properties.managed);
    const late = <T>(thing: string, initial: T) => this.late(thing, initial);
    const role = new Role(name, stackName, logicalId, properties, this.policies, late);
    this.roles.set(role.arn, role);
    return role;
  }

  public updateRole(name: string, properties: RoleProperties): Role {
    this.checkManaged(properties.managed);
    const role = this.role(name);
    role.change(properties);
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
    const role = this.find(name);
    if (!role) { throw new Error(`The role with name ${name} cannot be found.`); }
    return role;
  }

  public find(name: string): Role | undefined {
    return this.roles.get(name) ?? this.byName(name);
  }

  /** Roles of the stacks, and those that `cdk bootstrap` made. */
  public sees(arn: string): boolean {
    return [...this.roles.values(), ...this.former].some(role => role.arn === arn && role.isSeen) || /:role\/cdk-hnb659fds-/.test(arn);
  }

  public generation(arn: string): number {
    return this.sees(arn) ? 1 + this.former.filter(role => role.arn === arn).length : 0;
  }

  /** The role that a service is to run something under. Throws if the service does not see that it may: `NotYet` if that will pass. */
  public assumable(arn: string, service: string): Role {
    const role = this.roles.get(arn);
    if (role?.trusts(service)) { return role; }
    const message = `The role defined for the function cannot be assumed by ${service}: ${arn}`;
    throw role ? role.refusal(message) : new Error(message);
  }

  public putManagedPolicy(arn: string, document: PolicyDocument): void {
    if (size(document) > MANAGED_LIMIT) { throw new Error(`Cannot exceed quota for PolicySize: ${MANAGED_LIMIT} (${arn}: ${size(document)})`); }
    getOrMake(this.policies, arn, () => this.late<PolicyDocument | undefined>(arn, undefined)).set(document);
    this.roles.forEach(role => role.noteManagedPolicy(arn));
  }

  public deleteManagedPolicy(arn: string): void {
    this.policies.get(arn)?.set(undefined);
  }

  /** Granted actions that no call needed, by the logical id of the role; without a name, in all stacks together. */
  public unusedActions(stackName?: string): Record<string, string[]> {
    const granted = new Map<string, Set<string>>();
    const roles = [...this.former, ...this.roles.values()].filter(role => stackName === undefined || role.stackName === stackName);
    roles.forEach(role => granted.set(role.logicalId, new Set([...granted.get(role.logicalId) ?? [], ...role.usage().granted])));
    roles.forEach(role => role.usage().used.forEach(action => granted.get(role.logicalId)!.delete(action)));
    return Object.fromEntries([...granted].filter(([, actions]) => actions.size > 0).map(([id, actions]) => [id, [...actions].sort()]));
  }

  private late<T>(thing: string, initial: T): Late<T> {
    return new Late(this.clock, initial, () => this.lateness.delay('iam', thing));
  }

  private byName(name: string): Role | undefined {
    return [...this.roles.values()].find(role => role.name === name);
  }

  private checkManaged(arns: string[]): void {
    if (arns.length > ATTACHED_LIMIT) { throw new Error(`Cannot exceed quota for PoliciesPerRole: ${ATTACHED_LIMIT}`); }
    const unknown = arns.find(arn => this.policies.get(arn)?.latest === undefined && !MANAGED[nameIn(arn)]);
    if (unknown) { throw new Error(`Policy ${unknown} does not exist or is not attachable.`); }
  }
}

function allowing(...actions: string[]): PolicyDocument {
  return { Statement: { Effect: 'Allow', Action: actions, Resource: '*' } };
}

/** `service-role/AWSLambdaBasicExecutionRole`, say. */
function nameIn(policyArn: string): string {
  return policyArn.split(':policy/')[1];
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}

function size(document: PolicyDocument): number {
  return JSON.stringify(document).length;
}
