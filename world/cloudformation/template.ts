import { evaluateCondition, references, type Scope } from './intrinsics';

export type Policy = 'Delete' | 'Retain' | 'RetainExceptOnCreate';

export interface ResourceDefinition {
  readonly Type: string;
  readonly Properties?: Record<string, unknown>;
  readonly DependsOn?: string | string[];
  readonly Condition?: string;
  readonly DeletionPolicy?: Policy;
  readonly UpdateReplacePolicy?: Policy;
}

export interface OutputDefinition {
  readonly Value: unknown;
  readonly Description?: string;
  readonly Condition?: string;
  readonly Export?: { readonly Name: unknown };
}

export interface TemplateBody {
  readonly Parameters?: Record<string, { readonly Type: string; readonly Default?: unknown }>;
  readonly Mappings?: Record<string, Record<string, Record<string, unknown>>>;
  readonly Conditions?: Record<string, unknown>;
  readonly Resources?: Record<string, ResourceDefinition>;
  readonly Outputs?: Record<string, OutputDefinition>;
  readonly Transform?: unknown;
}

export class TemplateError extends Error {}

/** A template whose parameters have values: which resources there are, and what each one waits for. */
export class Template {
  /** The resources whose condition holds. */
  public readonly resources = new Map<string, ResourceDefinition>();
  public readonly outputs = new Map<string, OutputDefinition>();
  private readonly edges = new Map<string, string[]>();
  private readonly conditions = new Map<string, boolean>();

  constructor(public readonly body: TemplateBody, public readonly parameters: Record<string, unknown>, private readonly pseudo: Scope) {
    if (body.Transform !== undefined) { throw new TemplateError('the player does not know transforms'); }
    for (const [id, resource] of Object.entries(body.Resources ?? {})) {
      if (this.holds(resource.Condition)) { this.resources.set(id, resource); }
    }
    for (const [id, output] of Object.entries(body.Outputs ?? {})) {
      if (this.holds(output.Condition)) { this.outputs.set(id, output); }
    }
    this.resources.forEach((resource, id) => this.edges.set(id, this.findDependencies(id, resource)));
    this.outputs.forEach(({ Value, Export }) => this.check(references([Value, Export?.Name], name => this.condition(name)), 'Outputs'));
    this.refuseCycles();
  }

  /** The resources that must be there before this one is made. */
  public dependencies(logicalId: string): string[] {
    return this.edges.get(logicalId) ?? [];
  }

  public condition(name: string): boolean {
    const known = this.conditions.get(name);
    if (known !== undefined) { return known; }
    const definition = this.body.Conditions?.[name];
    if (definition === undefined) { throw new TemplateError(`unresolved condition dependency ${name}`); }
    const value = evaluateCondition(definition, {
      ...this.pseudo,
      ref: parameter => parameter in this.parameters ? this.parameters[parameter] : this.pseudo.ref(parameter),
      condition: other => this.condition(other),
      mapping: (...path) => this.mapping(...path),
    });
    this.conditions.set(name, value);
    return value;
  }

  public mapping(map: string, key: string, second: string): unknown {
    const value = this.body.Mappings?.[map]?.[key]?.[second];
    if (value === undefined) { throw new TemplateError(`Fn::FindInMap finds nothing at ${map}.${key}.${second}`); }
    return value;
  }

  private holds(condition: string | undefined): boolean {
    return condition === undefined || this.condition(condition);
  }

  private findDependencies(id: string, resource: ResourceDefinition): string[] {
    for (const policy of [resource.DeletionPolicy, resource.UpdateReplacePolicy]) {
      if (![undefined, 'Delete', 'Retain', 'RetainExceptOnCreate'].includes(policy)) {
        throw new TemplateError(`the player does not know the policy ${policy} of ${id}`);
      }
    }
    const explicit = [resource.DependsOn ?? []].flat();
    const missing = explicit.filter(other => !(other in this.body.Resources!));
    if (missing.length > 0) { throw new TemplateError(`unresolved resource dependencies [${missing.join(', ')}] in the Resources block of the template`); }
    const implicit = references(resource.Properties, name => this.condition(name));
    this.check(implicit, 'Resources');
    // DependsOn on a resource whose condition is false is ignored; a reference to it is an error.
    return [...new Set([...explicit, ...implicit])].filter(other => this.resources.has(other));
  }

  private check(names: Set<string>, block: string): void {
    const missing = [...names].filter(name => !name.startsWith('AWS::') && !(name in this.parameters) && !this.resources.has(name));
    if (missing.length > 0) { throw new TemplateError(`unresolved resource dependencies [${missing.join(', ')}] in the ${block} block of the template`); }
  }

  private refuseCycles(): void {
    const settled = new Set<string>();
    const visit = (id: string, path: string[]): void => {
      if (path.includes(id)) { throw new TemplateError(`circular dependency between resources: [${path.slice(path.indexOf(id)).join(', ')}]`); }
      if (settled.has(id)) { return; }
      this.dependencies(id).forEach(other => visit(other, [...path, id]));
      settled.add(id);
    };
    this.resources.forEach((_, id) => visit(id, []));
  }
}
