import { call, ON_ITS_WAY } from './process';
import { identityOf } from '../../../lambda/shared/identity';
import type { Context, Created, Found, Lifecycle, ReadyContext } from '../../../lambda/shared/resource-lifecycle';
import type { Stacks } from '../../../lambda/shared/stacks';
import type { OwnerProperties } from '../../../src/contract/ownership';

/** `Kind` is the identity; `Value` changes in place. */
export interface Properties extends OwnerProperties { readonly Kind: string; readonly Value: string }

export interface Thing extends Found { readonly kind: string; value: string; state: Found['state']; readonly begun: number; looks: number }

/**
 * The simplest resource: one call makes it, and a token makes that call repeatable. One that `asks` is as a snapshot: before it is
 * handed out, it asks whether the stack rolls back. The other one is as an empty file system, which may be removed at any time.
 */
export class Things implements Lifecycle<Properties, { Id: string }> {
  public readonly identity = ['Kind'] as const;
  public readonly physicalId = /^thing-\d+$/;
  public all: Thing[] = [];
  public readonly inRollback?: (stackId: string) => Promise<boolean>;
  private made = 0;

  /** `polls`: how often somebody has to look until a new thing is ready. `refuses`: the creation fails by the thing's own error, before or after it is made. */
  constructor(
    private readonly stacks: Stacks, private readonly asks: boolean, private readonly polls: number, private readonly refuses?: 'before' | 'after',
  ) {
    if (asks) { this.inRollback = stackId => stacks.isRollingBack(stackId, false); }
  }

  public add(properties: Properties, requestId: string, state: Thing['state']): Thing {
    const thing: Thing = {
      id: `thing-${++this.made}`, identity: identityOf<Properties>(this, properties), requestId, state, kind: properties.Kind, value: properties.Value, begun: Date.now(), looks: 0, holdsNoData: !this.asks,
    };
    this.all.push(thing);
    return thing;
  }

  public async create(properties: Properties, { requestId }: Context): Promise<Created> {
    if (this.refuses === 'before') { throw new Error('refused'); }
    const { id } = await call('makes the thing', () => this.all.find(thing => thing.requestId === requestId) ?? this.add(properties, requestId, 'unfinished'), [ON_ITS_WAY]);
    if (this.refuses === 'after') { throw new Error('refused'); }
    return { id };
  }

  public async ready(id: string, { Value }: Properties, context: ReadyContext<Properties>): Promise<{ Id: string } | undefined> {
    const { state, value, begun, looks } = await call('looks', () => ({ ...this.get(id), looks: this.get(id).looks++ }));
    if (state === 'unfinished' && looks < this.polls) { return undefined; }
    if (value !== Value) { await call('changes the value', () => { this.get(id).value = Value; }); }
    if (state === 'unfinished') {
      if (this.asks && !await this.stacks.isAwaited(context, { id, begun, remove: () => this.delete(id) })) { return undefined; }
      await call('finishes', () => { this.get(id).state = 'usable'; });
    }
    return { Id: id };
  }

  public delete(id: string): Promise<void> {
    return call('deletes', () => { this.all = this.all.filter(thing => thing.id !== id); });
  }

  public gone(id: string): Promise<boolean> {
    return call('looks whether it is gone', () => !this.all.some(thing => thing.id === id));
  }

  public find(candidates: readonly Properties[]): Promise<Found[]> {
    return call('lists', () => this.all.filter(({ kind }) => candidates.some(({ Kind }) => Kind === kind)).map(thing => ({ ...thing })));
  }

  private get(id: string): Thing {
    const thing = this.all.find(other => other.id === id);
    if (!thing) { throw new Error(`${id} disappeared`); }
    return thing;
  }
}
