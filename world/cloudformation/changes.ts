import type { Resource } from './resource';
import type { Policy } from './template';

/** The difference that operations made to one resource since the stack was last stable, so that it can be undone. */
export interface Change {
  readonly before?: Resource;
  /** The resource as it is now, or as far as it got. */
  readonly after: Resource;
  readonly kind: 'create' | 'update' | 'replace';
}

/** All changes since the stack was last stable. Without a rollback, one operation after another adds to them. */
export class Changes {
  private readonly byLogicalId = new Map<string, Change>();
  /** Things that were resources of the stack for a while. */
  public readonly superseded: Resource[] = [];
  private readonly deleted = new Set<string>();
  /** Without a rollback, a thing may be updated before the resource becomes another thing. */
  private readonly latest = new Map<string, Resource>();

  public get(logicalId: string): Change | undefined {
    return this.byLogicalId.get(logicalId);
  }

  /** Notes a change that begins. Returns what takes the note back, for a change that never reached the resource. */
  public begin(logicalId: string, change: Change): () => void {
    const earlier = this.byLogicalId.get(logicalId);
    if (change.before) { this.latest.set(keyOf(change.before), change.before); }
    this.byLogicalId.set(logicalId, earlier ? { ...change, before: earlier.before, kind: earlier.before ? change.kind : 'create' } : change);
    if (earlier) { this.superseded.push(earlier.after); }
    return () => {
      if (!earlier) { return this.settle(logicalId); }
      this.byLogicalId.set(logicalId, earlier);
      this.superseded.splice(this.superseded.lastIndexOf(earlier.after), 1);
    };
  }

  /** Forgets the change of a resource that is as it was before. */
  public settle(logicalId: string): void {
    this.byLogicalId.delete(logicalId);
  }

  /** Notes that a thing is deleted, or that there is one of this id again. */
  public noteDeletion(resource: Resource, deleted: boolean): void {
    if (deleted) { this.deleted.add(keyOf(resource)); } else { this.deleted.delete(keyOf(resource)); }
  }

  /**
   * Returns what the changed resources were before, where they have become another thing, with the policy that holds for them now, and
   * with the properties that they had last.
   */
  public replaced(current: ReadonlyMap<string, Resource>, policy: (change: Change) => Policy): Resource[] {
    return [...this.byLogicalId.values()]
      .flatMap(change => change.before === undefined ? [] : [{ ...this.lastOf(change.before), deletionPolicy: policy(change) }])
      .filter(before => !isCurrent(before, current) && !this.deleted.has(keyOf(before)));
  }

  private lastOf(resource: Resource): Resource {
    return this.latest.get(keyOf(resource)) ?? resource;
  }

  /** Returns all else that operations made and that is no resource of the stack, each thing once. */
  public leftovers(current: ReadonlyMap<string, Resource>): Resource[] {
    const changes = [...this.byLogicalId.values()];
    const spared = new Set(changes.map(({ before }) => before?.physicalId));
    const made = [...this.superseded, ...changes.map(({ after }) => after)]
      .filter(resource => resource.physicalId !== undefined && !spared.has(resource.physicalId)
        && !isCurrent(resource, current) && !this.deleted.has(keyOf(resource)));
    return [...new Map(made.map(resource => [keyOf(resource), resource])).values()];
  }
}

function keyOf({ logicalId, physicalId }: Resource): string {
  return `${logicalId}/${physicalId}`;
}

function isCurrent({ logicalId, physicalId }: Resource, current: ReadonlyMap<string, Resource>): boolean {
  return current.get(logicalId)?.physicalId === physicalId;
}
