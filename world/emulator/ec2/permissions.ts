import { refused } from './network';
import type { Parameters, Xml } from './query';
import type { Context } from '../iam';

const KINDS = { UserId: 'userId', Group: 'group', OrganizationArn: 'organizationArn', OrganizationalUnitArn: 'organizationalUnitArn' } as const;
type Kind = keyof typeof KINDS;

/** The condition keys that IAM sees of a request that modifies permissions. `name` as in `modify`. */
export function permissionContext(name: string, parameters: Parameters): Context {
  const context: Context = {};
  for (const verb of ['Add', 'Remove']) {
    for (const [kind, key] of [['Group', 'group'], ['UserId', 'userId']]) {
      const values = parameters.structures(`${name}.${verb}`).flatMap(one => one.text(kind) ?? []);
      if (values.length > 0) { context[`ec2:${verb}/${key}`] = values; }
    }
  }
  return context;
}

/** Who may use an image or a snapshot beside its owner: `UserId 444455556666`. */
export class Permissions {
  private readonly held = new Map<string, { readonly kind: Kind; readonly value: string }>();

  constructor(private readonly kinds: readonly Kind[]) {}

  public get isPublic(): boolean { return this.held.has('Group all'); }
  public get all(): string[] { return [...this.held.keys()]; }

  /** `name`: `LaunchPermission`, as the structure form of a request has it. */
  public modify(name: string, parameters: Parameters): void {
    const add = parameters.structures(`${name}.Add`).map(one => this.parse(one));
    const remove = parameters.structures(`${name}.Remove`).map(one => this.parse(one));
    if (add.length + remove.length === 0) { throw refused('InvalidParameterCombination', 'No attributes specified.'); }
    add.forEach(one => this.held.set(`${one.kind} ${one.value}`, one));
    remove.forEach(one => this.held.delete(`${one.kind} ${one.value}`));
  }

  public show(): Xml {
    return [...this.held.values()].map(({ kind, value }) => ({ [KINDS[kind]]: value }));
  }

  private parse(parameters: Parameters): { kind: Kind; value: string } {
    const given = this.kinds.filter(kind => parameters.text(kind) !== undefined);
    if (given.length !== 1) { throw refused('InvalidParameterCombination', `specify exactly one of ${this.kinds.join(', ')}`); }
    const [kind] = given;
    const value = parameters.required(kind);
    if (kind === 'UserId' && !/^\d{12}$/.test(value)) { throw refused('InvalidAMIAttributeItemValue', `Invalid attribute item value "${value}" for userId item type.`); }
    if (kind === 'Group' && value !== 'all') { throw refused('InvalidAMIAttributeItemValue', `Invalid attribute item value "${value}" for userGroup item type.`); }
    if (kind === 'OrganizationArn' && !/^arn:[^:]+:organizations::\d{12}:organization\/o-[a-z0-9]{10,32}$/.test(value)) {
      throw refused('InvalidAMIAttributeItemValue', `Invalid attribute item value "${value}" for organizationArn item type.`);
    }
    if (kind === 'OrganizationalUnitArn' && !/^arn:[^:]+:organizations::\d{12}:ou\/o-[a-z0-9]{10,32}\/ou-[a-z0-9-]+$/.test(value)) {
      throw refused('InvalidAMIAttributeItemValue', `Invalid attribute item value "${value}" for organizationalUnitArn item type.`);
    }
    return { kind, value };
  }
}
