type Properties = Record<string, any>;

export interface Statement {
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: Record<string, Record<string, unknown>>;
}

/** A policy of a template, be it a resource of its own or a part of a role. */
export interface TemplatePolicy {
  /** The logical id of the policy, or of the role. */
  readonly id: string;
  /** The logical ids of the roles that have it. */
  readonly roles: string[];
  readonly document: { Statement: Statement[] };
}

/** The policies of a template. */
export function policiesIn(template: Properties): TemplatePolicy[] {
  return Object.entries<Properties>(template.Resources).flatMap(([id, { Type, Properties: properties = {} }]) => {
    const { Policies = [], Roles, RoleName, PolicyDocument: document } = properties;
    switch (Type) {
      case 'AWS::IAM::Role': return Policies.map((policy: Properties) => ({ id, roles: [id], document: policy.PolicyDocument }));
      case 'AWS::IAM::Policy':
      case 'AWS::IAM::ManagedPolicy':
      case 'AWS::IAM::RolePolicy': return [{ id, roles: [Roles ?? RoleName ?? []].flat().map(({ Ref }) => String(Ref)), document }];
      default: return [];
    }
  });
}
