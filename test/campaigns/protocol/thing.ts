import { call, ON_ITS_WAY } from './process';
import { identityOf } from '../../../lambda/shared/identity';
import { UNDER_WAY, type Context, type Created, type Found, type Lifecycle, type ReadyContext } from '../../../lambda/shared/resource-lifecycle';
import type { Stacks } from '../../../lambda/shared/stacks';
import type { OwnerProperties } from '../../../src/contract/ownership';

/** `Kind` is the identity; `Value` changes in place. */
export interface Properties extends OwnerProperties { readonly Kind: string; readonly Value: string }

export interface Thing extends Found { readonly kind: string; value: string; state: Found['state']; readonly begun: number; looks: number; token?: string; isFilled?: boolean }

/** The work that fills a thing. */
export interface Work {
  /** Calls `end` at its end, and returns the token after that. */
  begin(end: () => void, token: () => string | undefined): void;
}

/**
 * The simplest resource: one call makes it, and a token makes that call repeatable. One that `asks` is as a snapshot: before it is
 * handed out, it asks whether the stack rolls back. The other one is as an empty file system, which may be removed at any time.
 */
export class Things implements Lifecycle<Properties, { Id: string }> {
  public readonly identity = ['Kind'] as const;
  public readonly physicalId = /^thing-\d+$/;
  public all: Thing[] = [];
  public readonly isRepeatable: boolean;
  private made = 0;

  /** `polls`: how often somebody has to look until a new thing is ready. `refuses`: the creation fails by the thing's own error, before or after it is made. */
  constructor(
    private readonly stacks: Stacks, private readonly asks: boolean, private readonly polls: number, private readonly refuses?: 'before' | 'after',
    private readonly work?: Work,
  ) {
    this.isRepeatable = asks;
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

  public async ready(id: string, { Value }: Properties, context: ReadyContext<Properties>): Promise<{ Id: string } | typeof UNDER_WAY | undefined> {
    const { state, value, begun, looks } = await call('looks', () => ({ ...this.get(id), looks: this.get(id).looks++ }));
    if (state === 'unfinished' && looks < this.polls) { return undefined; }
    if (this.work && state === 'unfinished' && !await call('looks whether it is filled', () => this.isFilled(id))) { return UNDER_WAY; }
    if (value !== Value) { await call('changes the value', () => { this.get(id).value = Value; }); }
    if (state === 'unfinished') {
      if (this.asks && !await this.stacks.isAwaited(context, { id, begun, remove: () => this.delete(id) })) { return undefined; }
      await call('finishes', () => { this.get(id).state = 'usable'; });
    }
    return { Id: id };
  }

  public async leaveToken(id: string, token: string): Promise<boolean> {
    await call('leaves the token', () => { this.get(id).token = token; });
    return !await call('looks whether it is filled', () => this.isFilled(id));
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

  /** Begins the work when somebody looks for the first time. */
  private isFilled(id: string): boolean {
    const thing = this.get(id);
    if (thing.isFilled === undefined) {
      thing.isFilled = false;
      this.work!.begin(() => { thing.isFilled = true; }, () => thing.token);
    }
    return thing.isFilled;
  }

  private get(id: string): Thing {
    const thing = this.all.find(other => other.id === id);
    if (!thing) { throw new Error(`${id} disappeared`); }
    return thing;
  }
}
