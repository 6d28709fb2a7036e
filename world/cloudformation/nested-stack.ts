import { ResourceFailure, type Delivery, type Handler, type Made, type Request } from './handler';
import type { Resource, Stack } from './stack';
import type { TemplateBody } from './template';

/** What nested stacks need of the player. */
export interface Nesting {
  readonly templateAt: (url: string) => string;
  create(parent: Stack, logicalId: string, body: TemplateBody, parameters: Record<string, unknown>, delivery: Delivery): Promise<Stack>;
  update(id: string, body: TemplateBody, parameters: Record<string, unknown>, delivery: Delivery): Promise<Stack>;
  /** Rolls back a nested stack that was left as it failed, where its parent rolls back; returns undefined otherwise. */
  rollBack(id: string, delivery: Delivery): Promise<Stack> | undefined;
  delete(id: string, delivery: Delivery): Promise<Stack>;
}

/**
 * A stack as a resource of another. Unlike CloudFormation, which keeps the
 * clean-up of nested stacks for that of their parent, it is updated whole.
 */
export class NestedStacks implements Handler {
  public readonly waits = true;
  public readonly resumes = true;

  constructor(private readonly nesting: Nesting) {}

  public async create({ stack, logicalId, properties, delivery }: Request): Promise<Made> {
    return made(await this.nesting.create(stack, logicalId, this.body(properties.TemplateURL), properties.Parameters ?? {}, delivery), 'CREATE_COMPLETE');
  }

  public async update({ properties, delivery }: Request, before: Resource): Promise<Made> {
    const back = await this.nesting.rollBack(before.physicalId!, delivery);
    if (back) { return made(back, 'UPDATE_ROLLBACK_COMPLETE'); }
    const nested = await this.nesting.update(before.physicalId!, this.body(properties.TemplateURL), properties.Parameters ?? {}, delivery);
    return made(nested, 'CREATE_COMPLETE', 'UPDATE_COMPLETE');
  }

  public async delete({ physicalId }: Resource, _: Stack, delivery: Delivery): Promise<void> {
    made(await this.nesting.delete(physicalId!, delivery), 'DELETE_COMPLETE');
  }

  private body(url: string): TemplateBody {
    return JSON.parse(this.nesting.templateAt(url)) as TemplateBody;
  }
}

function made({ id, status, reason, outputs }: Stack, ...good: string[]): Made {
  if (!good.includes(status)) { throw new ResourceFailure(`Embedded stack ${id} was not successfully ${good[0].split('_')[0].toLowerCase()}d: ${status} ${reason ?? ''}`, id); }
  return { physicalId: id, attributes: Object.fromEntries(Object.entries(outputs).map(([name, { value }]) => [`Outputs.${name}`, value])) };
}
