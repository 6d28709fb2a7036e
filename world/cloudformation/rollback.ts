import { why } from './application';
import type { Change, Changes } from './changes';
import { visitInOrder } from './graph';
import { resolve, type Scope } from './intrinsics';
import { complete, Operation, same, type OperationOptions, type Surroundings } from './operation';
import type { Properties, Resource, Stack } from './stack';
import type { Template } from './template';

/** Returns the resources of a stack to its last stable template. What is undone is settled, so that the rollback can be continued. */
export class Rollback extends Operation {
  public reason = '';
  private readonly failures: { readonly verb: string; readonly logicalId: string }[] = [];

  constructor(
    around: Surroundings, stack: Stack, options: OperationOptions,
    private readonly changes: Changes, private readonly skip: readonly string[] = [],
  ) {
    super(around, stack, options);
  }

  /** Undoes the changes in the order of the stable template. Returns whether all are undone. */
  public async run(template: Template): Promise<boolean> {
    const scope = this.scope(template);
    const done = await visitInOrder(template.resources.keys(), id => template.dependencies(id), id => this.revert(template, id, scope));
    this.reason = why(this.failures);
    return done;
  }

  private async revert(template: Template, id: string, scope: Scope): Promise<boolean> {
    const change = this.changes.get(id);
    const old = change?.before ?? this.stack.resources.get(id)!;
    if (this.skip.includes(id)) {
      if (change) { this.changes.superseded.push(change.after); }
      return this.settle(old, 'Resource was skipped during the rollback.');
    }
    if (change?.kind === 'replace') {
      this.changes.superseded.push(change.after);
      this.stack.setResourceStatus(old, 'UPDATE_IN_PROGRESS');
      this.settle(old);
    }
    // Properties are resolved again: what they refer to may have got another physical id on the way back.
    const properties = resolve(template.resources.get(id)!.Properties ?? {}, scope) as Properties;
    if (change?.kind !== 'update' && same(properties, old.properties)) {
      // It was taken back in the operation that failed.
      return old.status === 'UPDATE_FAILED' ? this.settle(old) : true;
    }
    return this.update(change, old, properties);
  }

  private async update(change: Change | undefined, old: Resource, properties: Properties): Promise<boolean> {
    const handler = this.around.handler(old.type);
    const now = change?.kind === 'update' ? change.after : old;
    const called = this.options.rollbackPhysicalId === 'new' && now.physicalId !== undefined ? now.physicalId : old.physicalId;
    const reverted: Resource = { ...old, properties, attributes: {} };
    this.stack.setResourceStatus({ ...reverted, physicalId: called }, 'UPDATE_IN_PROGRESS');
    try {
      const request = this.request(reverted);
      complete(reverted, await this.working(handler, () => handler.update(request, { ...now, physicalId: called })));
    } catch (error) {
      this.failures.push({ verb: 'rollback', logicalId: old.logicalId });
      const present = this.stack.resources.get(old.logicalId) ?? old;
      this.stack.setResourceStatus(present, 'UPDATE_FAILED', (error as Error).message);
      return false;
    }
    this.changes.superseded.push({ ...old, deletionPolicy: old.updateReplacePolicy }, now);
    return this.settle(reverted);
  }

  /** The resource is as the stable template says. */
  private settle(resource: Resource, reason?: string): true {
    this.changes.settle(resource.logicalId);
    this.stack.resources.set(resource.logicalId, resource);
    this.stack.setResourceStatus(resource, 'UPDATE_COMPLETE', reason);
    return true;
  }
}
