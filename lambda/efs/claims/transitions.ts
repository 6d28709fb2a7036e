import { isNewer, NOTHING, type Claim, type Claims, type NewerClaim } from './claim';

/*
 * How a claim comes and goes. These functions decide; `claimant.ts` reads and writes the tags.
 *
 *     begin     nothing → claiming   nobody holds another value, as far as the claims say before this one is written
 *               held → held          the holder changes the value, if nobody else holds the one before
 *     advance   claiming → taking    the value is in force
 *               taking → held        the claims were read again, some seconds later
 *               claiming, taking → nothing (withdrawn)   another value is held, or wanted by a claimant with a lower digest
 *     leave     any → leaving        the resource is deleted
 *               leaving → nothing    the value was removed, or stays because of another claim or because it was found
 *
 * Two claimants with different values that begin at the same time never both become holders: each writes its claim before it reads those of
 * others. If A reads before B writes, then A is `taking` or `held` when B reads, or A reads again after B has written.
 */

/** How long a claimant waits before it reads the claims again. Changes by claimants that have not read this claim end in that time. */
export const READ_AGAIN_SECONDS = 5;
/** How long a claimant waits for one that leaves, which may be about to remove the value. */
const LEAVING_SECONDS = 300;

/** A claimant in one of its calls. */
export interface Caller {
  readonly call: string;
  readonly sent: number;
  readonly wanted: string;
  /** The current time, in seconds since 1970. */
  readonly now: number;
  /**
   * The digits of the stack, if it goes back. The claims that it had before do not conflict, so a claim of the same stack that does is about
   * to be changed or deleted in this rollback.
   */
  readonly stackGoingBack?: string;
  /** Whether two values may be in force together. */
  agree(one: string, other: string): boolean;
}

export type Decision =
  /** Another call was sent later, or the claim is gone: this call must not change anything any more. */
  | { readonly kind: 'superseded' }
  /** Another claimant has another value. A claim that is not held is withdrawn. */
  | { readonly kind: 'refused'; readonly because: Claim | NewerClaim; readonly withdraw: boolean }
  /** The claim is to be written like this. */
  | { readonly kind: 'write'; readonly state: Claim['state'] }
  /** The value may be brought into force now. */
  | { readonly kind: 'apply' }
  | { readonly kind: 'wait' }
  /** A later release wrote the claim: it stays as it is, and the value is brought into force. */
  | { readonly kind: 'leave alone' };

/** Decides what a call of a Create or an Update does first. */
export function begin(me: Caller, { own, others }: Claims): Decision {
  if (own && isNewer(own)) { return { kind: 'leave alone' }; }
  if (own && own.call !== me.call && own.sent > me.sent) { return { kind: 'superseded' }; }
  if (own?.call === me.call && own.wanted === me.wanted && own.state !== 'leaving') { return { kind: 'apply' }; }
  const isHolder = own?.state === 'held';
  const isInTheWay = (other: Claim | NewerClaim) => isHeld(other) && !isShared(me, other) && !isTakenBack(me, other);
  const because = isHolder && own.wanted === me.wanted ? undefined : others.find(isInTheWay);
  return because ? { kind: 'refused', because, withdraw: false } : { kind: 'write', state: isHolder ? 'held' : 'claiming' };
}

/** Decides what a later step of the call does, before each change. */
export function advance(me: Caller, { own, others }: Claims): Decision {
  if (own && isNewer(own)) { return { kind: 'leave alone' }; }
  if (own?.call !== me.call || own.state === 'leaving') { return { kind: 'superseded' }; }
  const because = others.find(other => isRival(me, own, other));
  if (because) { return { kind: 'refused', because, withdraw: own.state !== 'held' }; }
  if (others.some(other => isLeaving(other) && other.since > me.now - LEAVING_SECONDS)) { return { kind: 'wait' }; }
  if (own.state === 'taking' && me.now < own.since + READ_AGAIN_SECONDS) { return { kind: 'wait' }; }
  return { kind: 'apply' };
}

/** Returns the state that follows when the value is in force; undefined if the resource is complete. */
export function stateInForce({ state }: Claim): Claim['state'] | undefined {
  return state === 'claiming' ? 'taking' : state === 'taking' ? 'held' : undefined;
}

/** Decides how the deletion of a claimant begins. */
export function beginLeaving(me: Pick<Caller, 'call' | 'sent'>, own: Claim): 'superseded' | 'write' | 'go' {
  if (own.call !== me.call && own.sent > me.sent) { return 'superseded'; }
  return own.state === 'leaving' ? 'go' : 'write';
}

/** Returns the claims on a value that do not leave. The value stays in force for them. */
export function stayingIn({ others }: Claims): readonly (Claim | NewerClaim)[] {
  return others.filter(other => !isLeaving(other));
}

/**
 * Returns what a new claimant notes as found: its value, if that is in force without any claim, or if a claim on it says so. `isInForce` must
 * be known from before the claims were read, because a claimant may have written its claim and then the value.
 */
export function foundBy(wanted: string, { own, others }: Claims, isInForce: boolean): string {
  if (own && !isNewer(own)) { return own.found; }
  if (!isInForce) { return NOTHING; }
  return others.length === 0 || others.some(other => !isNewer(other) && other.found === wanted) ? wanted : NOTHING;
}

function isRival(me: Caller, own: Claim, other: Claim | NewerClaim): boolean {
  if (isShared(me, other) || isLeaving(other) || isTakenBack(me, other)) { return false; }
  if (own.state === 'held') { return !isNewer(other) && other.state === 'held'; }
  if (isHeld(other) || other.claimant < own.claimant) { return true; }
  return own.state === 'claiming' && !isNewer(other) && other.state === 'taking';
}

function isHeld(claim: Claim | NewerClaim): boolean {
  return isNewer(claim) || claim.state === 'held';
}

function isLeaving(claim: Claim | NewerClaim): claim is Claim & { state: 'leaving' } {
  return !isNewer(claim) && claim.state === 'leaving';
}

function isTakenBack({ stackGoingBack }: Caller, other: Claim | NewerClaim): boolean {
  return !isNewer(other) && other.stack === stackGoingBack;
}

function isShared(me: Caller, other: Claim | NewerClaim): boolean {
  return !isNewer(other) && me.agree(me.wanted, other.wanted);
}
