import { createHash } from 'crypto';
import { CfnResource, Lazy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Construct, type IConstruct } from 'constructs';
import { acknowledgeWildcards } from './acknowledge';
import { rootStackOf } from './owner';
import { longestForm, referencesIn, typeOf } from './token-forms';

/** IAM's limit on the characters of a managed policy, without white space. */
const MOST_CHARACTERS = 6144;
const EMPTY_DOCUMENT = '{"Version":"2012-10-17","Statement":[]}'.length;
/** Things that refer to no other resource of ours, so that a policy that names many of them makes no circle. */
const SETTLED_TYPES = ['AWS::KMS::Key', 'AWS::S3::Bucket'];

/** How stacks refer to each other unless they say otherwise; of newer versions of aws-cdk-lib. */
const REFERENCES_BY_DEFAULT = '@aws-cdk/core:defaultCrossStackReferences';

export interface MergedPoliciesProps {
  readonly roles: iam.IRole[];
  /** A name of the things in the statements, which an error shows: `keys of file systems`. */
  readonly things: string;
  /**
   * The step that needs the permissions.
   *
   * `creation`: nothing else, so that the policies are changed in place. `clean-up`: a Delete too. CloudFormation updates policies before
   * it sends the Deletes of what an update removes or replaces, so these policies are replaced: the former ones go after those Deletes.
   */
  readonly neededBy: 'creation' | 'clean-up';
  /** The number of policies that there may be. @default 1 */
  readonly most?: number;
}

interface Part {
  readonly policy: iam.ManagedPolicy;
  /** By actions and conditions. */
  readonly statements: Map<string, { readonly statement: iam.PolicyStatement; readonly resources: Set<string> }>;
  size: number;
}

/**
 * Managed policies in which all constructs of a stack have the permissions of one kind for some roles, with each thing named once.
 * Inline policies for each construct would not fit into a role: IAM allows a role 10,240 characters of them.
 */
export class MergedPolicies extends Construct {
  public static of(scope: Construct, id: string, props: MergedPoliciesProps): MergedPolicies {
    return scope.node.tryFindChild(id) as MergedPolicies | undefined ?? new MergedPolicies(scope, id, props);
  }

  private readonly parts: Part[] = [];
  private readonly granted = new Map<string, Part>();
  /** The number of grants that fit. */
  private fitting = 0;

  private constructor(scope: Construct, id: string, private readonly props: MergedPoliciesProps) {
    super(scope, id);
    this.node.addValidation({ validate: () => this.faults() });
  }

  /** Returns how many policies the roles may have of these at the same time. */
  public get attached(): number {
    return this.parts.length * (this.props.neededBy === 'clean-up' ? 2 : 1);
  }

  public isFor(role: iam.IRole): boolean {
    return this.props.roles.includes(role);
  }

  /**
   * Whether statements can stand in these policies. They can if no resource that they name may itself depend on the policies, and, for
   * a clean-up, if none may be replaced behind a reference that stays the same.
   */
  public canName(statements: iam.PolicyStatementProps[]): boolean {
    const root = rootStackOf(this);
    return referencesIn(this, statements).every(reference => {
      const type = typeOf(reference);
      if (rootStackOf(reference.target) !== root) { return type !== undefined && (this.props.neededBy === 'creation' || this.isStrong); }
      if (Stack.of(reference.target) !== Stack.of(this)) { return false; }
      return type === undefined ? this.props.neededBy === 'creation' : SETTLED_TYPES.includes(type) && isSettled(reference.target as CfnResource);
    });
  }

  /** Whether a reference to another stack changes with the value behind it. Weak ones do not. */
  private get isStrong(): boolean {
    return (this.node.tryGetContext(REFERENCES_BY_DEFAULT) ?? 'strong') === 'strong';
  }

  /** Grants what only creations need, by a policy of the construct's own where that must be. The custom resource must depend on the returned policy. */
  public grantFor(scope: Construct, id: string, statements: iam.PolicyStatementProps[]): IConstruct {
    return this.canName(statements) ? this.grant(statements) : ownPolicy(scope, id, this.props.roles, statements);
  }

  /** Grants what is not granted yet. The custom resource must depend on the returned policy. */
  public grant(statements: iam.PolicyStatementProps[]): iam.ManagedPolicy {
    const key = JSON.stringify(statements);
    const part = this.granted.get(key) ?? this.add(statements);
    this.granted.set(key, part);
    return part.policy;
  }

  private add(statements: iam.PolicyStatementProps[]): Part {
    const most = this.props.most ?? 1;
    const last = this.parts.at(-1);
    const fits = (part: Part) => part.size + this.growth(part, statements) <= MOST_CHARACTERS;
    const part = last && (fits(last) || this.parts.length === most) ? last : this.start();
    if (fits(part)) { this.fitting++; }
    part.size += this.growth(part, statements);
    statements.forEach(({ resources = [], ...statement }) => {
      const key = JSON.stringify(statement);
      const found = part.statements.get(key);
      const added = resources.filter(resource => !found?.resources.has(resource));
      if (found) {
        found.statement.addResources(...added);
        added.forEach(resource => found.resources.add(resource));
      } else {
        const made = new iam.PolicyStatement({ ...statement, resources });
        part.policy.addStatements(made);
        part.statements.set(key, { statement: made, resources: new Set(resources) });
      }
    });
    return part;
  }

  /** Returns the characters that statements add to a policy. */
  private growth(part: Part, statements: iam.PolicyStatementProps[]): number {
    return statements.reduce((sum, { resources = [], ...statement }) => {
      const found = part.statements.get(JSON.stringify(statement));
      const added = resources.filter(resource => !found?.resources.has(resource));
      const frame = found ? 0 : longestForm(this, new iam.PolicyStatement({ ...statement, resources: [''] }).toStatementJson()) + ',[]'.length;
      return sum + frame + added.reduce((all, resource) => all + longestForm(this, resource) + ','.length, 0);
    }, 0);
  }

  private start(): Part {
    const document = new iam.PolicyDocument();
    const policy = new iam.ManagedPolicy(this, `Policy${this.parts.length || ''}`, {
      roles: this.props.roles,
      document,
      // Another description is another policy. AWS::IAM::ManagedPolicy has no other property with that effect that leaves its name open.
      // Not cached, because the first value is read before references to other stacks name these.
      description: this.props.neededBy === 'clean-up' ? Lazy.uncachedString({ produce: () => this.describe(document) }) : undefined,
    });
    const part = { policy, statements: new Map(), size: EMPTY_DOCUMENT };
    this.parts.push(part);
    return part;
  }

  private describe(document: iam.PolicyDocument): string {
    const digest = createHash('sha256').update(JSON.stringify(Stack.of(this).resolve(document))).digest('hex').slice(0, 16);
    return `cdk-durable-storage: ${this.props.things}, ${digest}`;
  }

  private faults(): string[] {
    const { things } = this.props;
    return this.fitting === this.granted.size ? []
      : [`the policies of a role have room for ${this.fitting} ${things}, got ${this.granted.size}: split the stack`];
  }
}

/** Returns a policy of one construct for what no shared policy can name. */
export function ownPolicy(scope: Construct, id: string, roles: iam.IRole[], statements: iam.PolicyStatementProps[]): iam.Policy {
  const policy = new iam.Policy(scope, id, { roles, statements: statements.map(statement => new iam.PolicyStatement(statement)) });
  acknowledgeWildcards(policy, 'A wildcard stands for what a policy cannot spell, and for what is known at deployment only');
  return policy;
}

/** Whether a resource is always there, and neither refers to a custom resource nor to one that does: that may depend on the policies. */
function isSettled(resource: CfnResource, seen = new Set<CfnResource>()): boolean {
  if (seen.has(resource)) { return true; }
  seen.add(resource);
  if (resource.cfnOptions.condition !== undefined || resource.cfnResourceType.startsWith('Custom::')) { return false; }
  const template = (resource as unknown as { _toCloudFormation(): object })._toCloudFormation();
  return referencesIn(resource, template).every(({ target }) => !CfnResource.isCfnResource(target) || isSettled(target, seen));
}
