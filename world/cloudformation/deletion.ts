import { insisting } from './express';
import { visitInOrder } from './graph';
import { Operation } from './operation';
import type { Resource } from './stack';

export interface DeletionRules {
  /** Of these resources, the ones that were made by an operation that is being undone, or that failed. */
  readonly undone?: readonly Resource[];
  /** A resource that cannot be deleted is left behind, as in a clean-up, and does not keep those that it depends on. */
  readonly carryOn: boolean;
  /** Logical ids of resources that stay, as RetainResources of DeleteStack. */
  readonly retain?: readonly string[];
}

/** Deletes resources in the reverse order of their dependencies, as far as their policies let it. */
export class Deletion extends Operation {
  /** Returns false if something could not be deleted. */
  public run(resources: readonly Resource[], rules: DeletionRules): Promise<boolean> {
    const dependents = (resource: Resource) => resources.filter(other => other !== resource && other.dependencies.includes(resource.logicalId));
    return visitInOrder(resources, dependents, resource => this.delete(resource, rules));
  }

  private async delete(resource: Resource, rules: DeletionRules): Promise<boolean> {
    if (resource.physicalId === undefined) {
      this.forget(resource);
      return true;
    }
    if (this.isRetained(resource, rules)) {
      this.stack.setResourceStatus(resource, 'DELETE_SKIPPED');
      this.forget(resource);
      return true;
    }
    this.stack.setResourceStatus(resource, 'DELETE_IN_PROGRESS');
    try {
      const handler = this.around.handler(resource.type);
      const act = () => handler.delete(resource, this.stack, this.options);
      await this.working(handler, () => this.options.express && !handler.custom ? insisting(this.around.clock, act) : act());
      this.forget(resource);
      this.stack.setResourceStatus(resource, 'DELETE_COMPLETE');
      return true;
    } catch (error) {
      this.stack.setResourceStatus(resource, 'DELETE_FAILED', (error as Error).message);
      return rules.carryOn;
    }
  }

  private isRetained(resource: Resource, { undone = [], retain }: DeletionRules): boolean {
    const { logicalId, deletionPolicy } = resource;
    if (retain?.includes(logicalId)) { return true; }
    const undoingCreate = undone.includes(resource);
    const deletesNew = undoingCreate && this.options.retainExceptOnCreate;
    return deletionPolicy === 'Retain' && !deletesNew || deletionPolicy === 'RetainExceptOnCreate' && !undoingCreate;
  }

  private forget(resource: Resource): void {
    this.stack.changes?.noteDeletion(resource, true);
    if (this.stack.resources.get(resource.logicalId) === resource) { this.stack.resources.delete(resource.logicalId); }
  }
}
