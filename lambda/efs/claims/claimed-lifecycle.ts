import type { Tag } from '@aws-sdk/client-efs';
import { callDigits, isNewer, type Claim, type Claims, type NewerClaim } from './claim';
import { Claimant, type Claiming, type ClaimServices } from './claimant';
import { stayingIn } from './transitions';
import type { OwnerProperties } from '../../../src/contract/ownership';
import { OutOfReach } from '../../shared/errors';
import { identityOf } from '../../shared/identity';
import { log } from '../../shared/log';
import { ownerDigest } from '../../shared/ownership';
import type { Context, CreateContext, Created, Found, Lifecycle, ReadyContext } from '../../shared/resource-lifecycle';
import type { Efs } from '../efs';

/** Tags that EFS allows on a file system or access point. */
const MOST_TAGS = 50;

/** A file system or access point. */
export interface Thing {
  readonly id: string;
  readonly tags: readonly Tag[];
}

/**
 * Something on a file system or access point as a resource of its own: a setting, or a set of tags. It does not matter who made the thing.
 * The physical id names the thing and the construct, so that another thing means a replacement.
 *
 * Several resources may want the same: each claims it by a tag on the thing, and what they want goes with the last claim. It stays if it was
 * there before the first one, or if somebody else has changed it since.
 */
export abstract class ClaimedLifecycle<P extends OwnerProperties, A extends object, T extends Thing> implements Lifecycle<P, A> {
  public abstract readonly identity: readonly (keyof P & string)[];
  public abstract readonly physicalId: RegExp;
  protected abstract readonly kind: Claiming['kind'];
  /** What is claimed, in errors: `the policy`. */
  protected abstract readonly name: string;

  protected readonly efs: Efs;

  constructor(private readonly services: ClaimServices) {
    this.efs = services.efs;
  }

  public async create(properties: P, context: CreateContext<P>): Promise<Created> {
    if (await this.isTakenBack(properties, context.old, context)) { throw this.takenBack(properties); }
    await this.claim(properties, undefined, context);
    return { id: `${this.thingOf(properties)}/${ownerDigest(properties)}` };
  }

  public async update(_id: string, properties: P, old: P, context: Context): Promise<void> {
    const before = this.ofSameThing(properties, old);
    await this.claim(properties, before, context);
    if (before) { await this.beginChange(await this.existing(properties), properties, before); }
  }

  public async ready(id: string, properties: P, context: ReadyContext<P>): Promise<A | undefined> {
    if (await this.isTakenBack(properties, context.old, context)) {
      await this.delete(id, properties, context);
      await this.gone(id, properties, context);
      throw this.takenBack(properties);
    }
    if (context.old && !await this.isGivenUp(properties, context.old, context)) { return undefined; }
    const thing = await this.existing(properties);
    const claimant = this.claimant(thing, properties, context);
    const own = claimant.ownIn(thing.tags);
    if (!this.isAvailable(thing) || !await claimant.mayGoOn(thing.tags)) { return undefined; }
    const found = own?.state === 'claiming' ? await this.stillFound(thing, properties, own) : undefined;
    if (found !== undefined && found !== own!.found) {
      // Somebody has removed or changed it since, so this resource sets it.
      await claimant.correctFound(own!, found);
      return undefined;
    }
    if (!await this.apply(thing, properties, context.old && this.ofSameThing(properties, context.old), context)) { return undefined; }
    return await claimant.isComplete(thing.tags) ? this.attributes(thing.id) : undefined;
  }

  public withoutReach(id: string): A {
    return this.attributes(thingIn(id));
  }

  /** Removes values that no other resource claims. A later step removes the claim, because a repeated step reads in it what was found. */
  public async delete(id: string, properties: P, context: Context): Promise<void> {
    const thing = await this.read(thingIn(id));
    if (!thing) { return; }
    const claimant = this.claimant(thing, properties, context);
    const { own } = claimant.claimsIn(thing.tags);
    if (own === undefined) {
      // An earlier call or somebody else has removed the claim, and with it the record of what was found.
      log({ event: 'no claim is left: nothing is removed', id, claim: claimant.key });
    } else if (isNewer(own)) {
      log({ event: 'a later release wrote the claim: nothing is removed', id, claim: claimant.key });
    } else if (await claimant.beginLeaving(own)) {
      if (await this.leave(thing, properties, own, claimant) && own.state === 'leaving') { await claimant.remove(); }
    }
  }

  public async gone(id: string, properties: P, context: Context): Promise<boolean> {
    const thing = await this.read(thingIn(id));
    const claimant = thing && this.claimant(thing, properties, context);
    const own = claimant?.ownIn(thing!.tags);
    if (own?.state !== 'leaving' || isLater(own, context)) { return true; }
    if (!await this.leave(thing!, properties, own, claimant!)) { return false; }
    await claimant!.remove();
    return true;
  }

  public async find(candidates: readonly P[], context: Context): Promise<Found[]> {
    const found: Found[] = [];
    for (const candidate of candidates) {
      const id = this.thingOf(candidate);
      const thing = await this.read(id);
      const own = thing && this.claimant(thing, candidate, context).ownIn(thing.tags);
      if (own) { found.push(foundClaim(own, `${id}/${ownerDigest(candidate)}`, identityOf(this, candidate), context)); }
    }
    return found;
  }

  /** Returns the id of the thing. */
  protected abstract thingOf(properties: P): string;

  /** Reads a thing. Returns undefined if there is none, or if it is being deleted. */
  protected abstract read(id: string): Promise<T | undefined>;

  /** Whether the thing can be changed now. Throws if it will never be. */
  protected isAvailable(_thing: T): boolean {
    return true;
  }

  /** Returns what is wanted, as claims have it, and whether it may be in force beside what another claim wants. */
  protected abstract wants(thing: T, properties: P): Pick<Claiming, 'wanted' | 'agree'>;

  /**
   * Throws if something is in the way that nobody has claimed, and makes room for what is wanted. Returns what was found.
   * @param old the properties before an update of the same thing
   */
  protected abstract prepare(thing: T, properties: P, old: P | undefined, claims: Claims, context: Context): Promise<string>;

  /** Makes the first change of an update of the same thing, in the step of the event. */
  protected async beginChange(_thing: T, _properties: P, _old: P): Promise<void> {}

  /** Returns which part of what a new claim found is still there. */
  protected abstract stillFound(thing: T, properties: P, own: Claim): Promise<string>;

  /** Brings the wanted into force. Returns false if it is not in force yet. */
  protected abstract apply(thing: T, properties: P, old: P | undefined, context: Context): Promise<boolean>;

  /**
   * Removes what this resource has set, except what was found, what other claims want, and what somebody else has changed since. Returns
   * false if something is not gone yet.
   */
  protected abstract remove(thing: T, properties: P, own: Claim, staying: readonly (Claim | NewerClaim)[]): Promise<boolean>;

  protected abstract attributes(id: string): A;

  protected async existing(properties: P): Promise<T> {
    const thing = await this.read(this.thingOf(properties));
    if (!thing) {
      const id = this.thingOf(properties);
      throw new OutOfReach(`'${id.startsWith('fsap-') ? 'accessPoint' : 'fileSystem'}' is ${id}, which does not exist`);
    }
    return thing;
  }

  /** Throws if so many tags cannot be on the thing. */
  protected refuseTooMany(count: number, id: string): void {
    if (count <= MOST_TAGS) { return; }
    throw new Error(`${this.name} of ${id} would bring it to ${count} tags, with one that records who set what, `
      + `and EFS allows ${MOST_TAGS}: remove ${count - MOST_TAGS}`);
  }

  private async claim(properties: P, old: P | undefined, context: Context): Promise<void> {
    const thing = await this.existing(properties);
    const claimant = this.claimant(thing, properties, context);
    await claimant.begin(thing.tags, tags => this.prepare({ ...thing, tags }, properties, old, claimant.claimsIn(tags), context));
  }

  private async leave(thing: T, properties: P, own: Claim, claimant: Claimant): Promise<boolean> {
    const now = await this.read(thing.id);
    return !now || this.remove(now, properties, own, stayingIn(claimant.claimsIn(now.tags)));
  }

  /** Whether a later call has taken back the replacement that this call makes. */
  private async isTakenBack(properties: P, old: P | undefined, context: Context): Promise<boolean> {
    if (!old || this.ofSameThing(properties, old)) { return false; }
    const before = await this.read(this.thingOf(old));
    const own = before && this.claimant(before, old, context).ownIn(before.tags);
    return own !== undefined && isLater(own, context);
  }

  /** Goes on removing what a replacement left on its thing, if this call has gone back from it. Returns false if that is not gone yet. */
  private async isGivenUp(properties: P, old: P, context: Context): Promise<boolean> {
    const [left] = this.ofSameThing(properties, old) ? [] : await this.find([old], context);
    return left?.state !== 'unfinished' || left.requestId !== context.requestId || this.gone(left.id, old, context);
  }

  private takenBack(properties: P): Error {
    return new Error(`${this.name} of ${this.thingOf(properties)} is not wanted any more: a later call for the same resource has gone back`);
  }

  private claimant(thing: T, properties: P, context: Context): Claimant {
    const { kind, name } = this;
    return new Claimant(this.services, { kind, name, id: thing.id, properties, context, ...this.wants(thing, properties) });
  }

  /** Returns the old properties if they are of the same thing. */
  private ofSameThing(properties: P, old: P): P | undefined {
    return this.thingOf(properties) === this.thingOf(old) ? old : undefined;
  }
}

/** Returns a claim as a resource that exists. */
function foundClaim({ call, state, sent }: Claim, id: string, identity: string, { requestId }: Context): Found {
  const isOwn = call === callDigits(requestId);
  return { id, identity, requestId: isOwn ? requestId : call, state: isOwn && state !== 'held' ? 'unfinished' : 'usable', sent, holdsNoData: true };
}

/** Whether a later call than that of the context has written the claim. */
function isLater({ call, sent }: Claim, { requestId, deletionBegan }: Context): boolean {
  return call !== callDigits(requestId) && sent > deletionBegan;
}

function thingIn(physicalId: string): string {
  return physicalId.slice(0, physicalId.indexOf('/'));
}
