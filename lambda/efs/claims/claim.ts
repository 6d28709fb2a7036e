import { createHash } from 'node:crypto';
import type { Tag } from '@aws-sdk/client-efs';
import { claimKey, type ClaimKind } from '../../../src/contract/claims';

/**
 * The states of a claim. `transitions.ts` has the transitions between them.
 *
 * `claiming`: the claimant is new, and has found no conflicting claim so far. `taking`: the value is in force, and the claims have
 * to be read once more. `held`: the resource was reported as complete, so that new claimants with another value are refused. `leaving`: the
 * resource is being deleted.
 */
export const STATES = ['claiming', 'taking', 'held', 'leaving'] as const;
export type State = (typeof STATES)[number];

/** A resource that wants a value for a setting, or tags: one tag on the file system or access point for each. */
export interface Claim {
  /** Digest of the owner, from the key of the tag. It orders claimants that begin at the same time. */
  readonly claimant: string;
  readonly state: State;
  /** When the state began, in seconds since 1970. */
  readonly since: number;
  /** UUID of the stack, without dashes. */
  readonly stack: string;
  /** Digest of the value, see `digestOf`; the items of a tag set, see `items.ts`. */
  readonly wanted: string;
  /** What was in force before there was any claim, in the form of `wanted`; `-` if nothing was. It stays when the last claimant goes. */
  readonly found: string;
  /** The first digits of the id of the latest call. */
  readonly call: string;
  /** When CloudFormation sent that call, in milliseconds since 1970. */
  readonly sent: number;
  /** Id of the file system or access point. Copies carry copied tags, and restores too, but they have another id. */
  readonly id: string;
  /** `<stack>/<logical ids>`, as far as it fits. */
  readonly owner: string;
}

/** A claim of a later release of this library: it counts, but only that release can read or change it. */
export interface NewerClaim {
  readonly claimant: string;
  readonly version: number;
}

/** Claims on one thing for one kind of setting. */
export interface Claims {
  readonly own: Claim | NewerClaim | undefined;
  readonly others: readonly (Claim | NewerClaim)[];
}

export const NOTHING = '-';
const VERSION = 1;
const LONGEST_VALUE = 256;
const DIGEST_CHARACTERS = 12;
const CALL_CHARACTERS = 8;

export function isNewer(claim: Claim | NewerClaim): claim is NewerClaim {
  return 'version' in claim;
}

/** Returns the claims among the tags of a thing. Those that were copied from another thing are void. */
export function claimsIn(tags: readonly Tag[], id: string, kind: ClaimKind, claimant: string): Claims {
  const prefix = claimKey(kind, '');
  const all = tags.filter(({ Key }) => Key!.startsWith(prefix)).flatMap(tag => parse(tag, prefix) ?? [])
    .filter(claim => isNewer(claim) || claim.id === id);
  return { own: all.find(claim => claim.claimant === claimant), others: all.filter(claim => claim.claimant !== claimant) };
}

/** Returns the tag of a claim. Throws if the wanted value does not fit: see `roomFor`. */
export function claimTag(kind: ClaimKind, claim: Claim): Tag {
  const { state, since, stack, wanted, found, call, sent, id, owner } = claim;
  const words = [VERSION, state, since.toString(36), stack, wanted, found, call, sent.toString(36), id];
  return { Key: claimKey(kind, claim.claimant), Value: `${words.join(' ')} ${owner}`.slice(0, LONGEST_VALUE).trimEnd() };
}

/** Returns how many characters of a claim's tag are left for `wanted` and `found`. */
export function roomFor({ wanted: _wanted, found: _found, owner: _owner, ...rest }: Claim): number {
  const longest = STATES.reduce((one, other) => one.length >= other.length ? one : other);
  return LONGEST_VALUE - claimTag('tags', { ...rest, state: longest, wanted: '', found: '', owner: '' }).Value!.length;
}

/** Whether the tag of a claim has room for the whole owner. */
export function isWhole(kind: ClaimKind, claim: Claim): boolean {
  return claimTag(kind, claim).Value!.length < LONGEST_VALUE;
}

/** Returns a digest of a value, for claims. Values that mean the same must be written in the same way. */
export function digestOf(value: string, characters = DIGEST_CHARACTERS): string {
  return createHash('sha256').update(value).digest('base64url').slice(0, characters);
}

/** Returns the digits of a call's id that a claim has. */
export function callDigits(callId: string): string {
  return callId.slice(0, CALL_CHARACTERS);
}

/** Returns the UUID in a stack id, without dashes. */
export function stackDigits(stackId: string): string {
  return stackId.slice(stackId.lastIndexOf('/') + 1).replaceAll('-', '');
}

/** Whether a former stack of the same name wrote a claim, and CloudFormation retained its resource: what that has set was there before. */
export function isRetained(claim: Claim | NewerClaim | undefined, stackId: string): boolean {
  return claim !== undefined && !isNewer(claim) && claim.stack !== stackDigits(stackId);
}

/** Names the holder of a claim, and the tag, so that somebody can remove it if the holder is gone. */
export function holderOf(kind: ClaimKind, claim: Claim | NewerClaim): string {
  const tag = `tag ${claimKey(kind, claim.claimant)}`;
  if (isNewer(claim)) { return `a resource of a later release of this library (${tag})`; }
  const uuid = claim.stack.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  return `${claim.owner || 'a resource'} of stack ${uuid} (${tag})`;
}

function parse({ Key: key, Value: value }: Tag, prefix: string): Claim | NewerClaim | undefined {
  const claimant = key!.slice(prefix.length);
  const [version, state, since, stack, wanted, found, call, sent, id, owner = ''] = value!.split(' ');
  if (Number(version) > VERSION) { return { claimant, version: Number(version) }; }
  // Somebody else has written this.
  if (Number(version) !== VERSION || id === undefined || !STATES.includes(state as State)) { return undefined; }
  return { claimant, state: state as State, since: parseInt(since, 36), stack, wanted, found, call, sent: parseInt(sent, 36), id, owner };
}
