import type { Tag } from '@aws-sdk/client-efs';
import { callDigits, claimsIn, claimTag, holderOf, isNewer, stackDigits, type Claim, type Claims } from './claim';
import { isGone } from './gone-claims';
import { advance, begin, beginLeaving, stateInForce, type Caller, type Decision } from './transitions';
import { claimKey, type ClaimKind } from '../../../src/contract/claims';
import type { OwnerProperties } from '../../../src/contract/ownership';
import { isCertainlyBack } from '../../shared/direction';
import { OutOfReach } from '../../shared/errors';
import { log } from '../../shared/log';
import { ownerDigest } from '../../shared/ownership';
import type { Context } from '../../shared/resource-lifecycle';
import type { Stacks } from '../../shared/stacks';
import type { Efs } from '../efs';

/** The claim that one call makes for a resource. */
export interface Claiming {
  readonly kind: ClaimKind;
  /** Id of the file system or access point. */
  readonly id: string;
  /** An error names the setting like this: `the policy`. */
  readonly name: string;
  readonly properties: OwnerProperties;
  readonly context: Context;
  readonly wanted: string;
  readonly agree?: Caller['agree'];
}

export interface ClaimServices {
  readonly efs: Efs;
  readonly stacks: Stacks;
}

/** The claim of one resource in one call: reads and writes its tag as `transitions.ts` decides. */
export class Claimant {
  public readonly key: string;
  private readonly digest: string;

  private readonly efs: Efs;

  constructor(private readonly services: ClaimServices, private readonly claiming: Claiming) {
    this.efs = services.efs;
    this.digest = ownerDigest(claiming.properties);
    this.key = claimKey(claiming.kind, this.digest);
  }

  public claimsIn(tags: readonly Tag[]): Claims {
    return claimsIn(tags, this.claiming.id, this.claiming.kind, this.digest);
  }

  /** Returns the claim of the resource, unless a later release wrote it. */
  public ownIn(tags: readonly Tag[]): Claim | undefined {
    const { own } = this.claimsIn(tags);
    return own && !isNewer(own) ? own : undefined;
  }

  /**
   * Begins a Create or Update: writes the claim, or throws. Removes claims in the way whose resources are gone.
   * @param prepare makes the changes that come before the claim, and returns the value that was there
   */
  public async begin(tags: readonly Tag[], prepare: (tags: readonly Tag[]) => Promise<string>): Promise<void> {
    const { kind, id, context } = this.claiming;
    const decision = await this.decide(begin, tags);
    if (decision.kind === 'refused' && await isGone(kind, decision.because, context.stackId, this.services.stacks)) {
      const key = claimKey(kind, decision.because.claimant);
      log({ event: 'removing a claim whose resource is gone: its value counts as there before', id, claim: holderOf(kind, decision.because) });
      await this.efs.untag(id, [key]);
      return this.begin(tags.filter(({ Key }) => Key !== key), prepare);
    }
    if (decision.kind !== 'write') { return void await this.follow(decision, tags); }
    await this.write(decision.state, await prepare(tags));
  }

  /** Returns whether the next change may be made now. Throws if it must never be made. */
  public async mayGoOn(tags: readonly Tag[]): Promise<boolean> {
    return this.follow(await this.decide(advance, tags), tags);
  }

  /** Ends a step after which the value is in force. Returns whether the resource is complete. */
  public async isComplete(tags: readonly Tag[]): Promise<boolean> {
    const own = this.ownIn(tags);
    const next = own && stateInForce(own);
    if (next === undefined) { return true; }
    await this.write(next, own!.found);
    return next === 'held';
  }

  /** Begins a Delete: writes that the claimant leaves. Returns false if there is nothing to do for this call. */
  public async beginLeaving(own: Claim): Promise<boolean> {
    switch (beginLeaving(this.caller, own)) {
      case 'superseded':
        log({ event: 'a later call has claimed this: it stays', id: this.claiming.id, claim: this.key });
        return false;
      case 'write': await this.efs.tag(this.claiming.id, [claimTag(this.claiming.kind, { ...own, ...this.mark, state: 'leaving' })]);
    }
    return true;
  }

  /** Writes anew what was found. */
  public async correctFound({ state }: Claim, found: string): Promise<void> {
    await this.write(state, found);
  }

  public async remove(): Promise<void> {
    await this.efs.untag(this.claiming.id, [this.key]);
  }

  private get caller(): Caller {
    const { wanted, agree = (one, other) => one === other } = this.claiming;
    return { ...this.mark, wanted, now: this.mark.since, agree };
  }

  /** Decides by the rule of `transitions.ts`. Another claim of the stack gives way to a certain rollback only. */
  private async decide(rule: (me: Caller, claims: Claims) => Decision, tags: readonly Tag[]): Promise<Decision> {
    const { context } = this.claiming;
    const claims = this.claimsIn(tags);
    const decision = rule(this.caller, claims);
    if (decision.kind !== 'refused' || !await isCertainlyBack(context)) { return decision; }
    return rule({ ...this.caller, stackGoingBack: stackDigits(context.stackId) }, claims);
  }

  private get mark() {
    const { requestId, deletionBegan: sent } = this.claiming.context;
    return { call: callDigits(requestId), sent, since: Math.floor(Date.now() / 1000) };
  }

  private async write(state: Claim['state'], found: string): Promise<void> {
    const { kind, id, wanted, properties, context } = this.claiming;
    const claim = { ...this.mark, claimant: this.digest, state, stack: stackDigits(context.stackId), wanted, found, id, owner: properties.Owner };
    await this.efs.tag(id, [claimTag(kind, claim)]);
  }

  private async follow(decision: Decision, tags: readonly Tag[]): Promise<boolean> {
    const { kind, id, name } = this.claiming;
    switch (decision.kind) {
      case 'superseded':
        throw new Error(`${name} of ${id} was changed or removed by a later call for the same resource: this one changes nothing more`);
      case 'refused':
        if (decision.withdraw) { await this.remove(); }
        throw new OutOfReach(`${name} of ${id} has another value already, by ${holderOf(kind, decision.because)}: `
          + 'give both the same value, or remove that one in a deployment before this one; if it is gone, remove its tag');
      case 'leave alone':
        log({ event: 'a later release wrote the claim: it stays as it is', id, claim: this.key, tag: tags.find(({ Key }) => Key === this.key)?.Value });
        return true;
      default: return decision.kind === 'apply';
    }
  }
}
