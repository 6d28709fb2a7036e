/* eslint-disable no-bitwise */
import type { Fate } from './mortality';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import type { Fault } from '../../../world/emulator/faults';

/** What happens to the world at the so-many-th call of an operation; the import may then fail. */
export const BLOWS = [
  'image replaced', 'image deleted', 'puts denied', 'completion denied', 'objects denied', 'snapshot in error', 'snapshot in error after seal',
  'snapshot deleted', 'execution stopped', 'cancelled', 'refused for good', 'dead service', 'bits rot', 'account encrypts',
] as const;
export type Blow = typeof BLOWS[number];

/** All that goes wrong in one import. The same seed gives the same plan. */
export interface FaultPlan {
  readonly seed: number;
  /** Bytes of the image. */
  readonly size: number;
  readonly rangeBlocks: number;
  readonly ebs: { readonly startWindow: number; readonly seed: number; readonly completionDelay: number; readonly completeAgain: 'refused' | 'answered' };
  readonly rule: boolean;
  readonly encrypted: boolean;
  readonly zeroBlocks: 'WRITE' | 'OMIT';
  readonly verify: 'NONE' | 'SAMPLE' | 'FULL';
  /** Whether the SHA-256 of the image is given. */
  readonly pinned: boolean;
  /** How often act is delivered. */
  readonly deliveries: number;
  /** The part of all calls that fails by chance. */
  readonly noise: number;
  readonly bursts: readonly { readonly operation: string; readonly fault: Fault; readonly skip: number; readonly times: number }[];
  /** What happens to the so-many-th invocation of a function: `copy 2`. */
  readonly fates: ReadonlyMap<string, Fate>;
  /** Milliseconds that a copying function has, for its first invocations. */
  readonly shortTimes: readonly number[];
  readonly blow?: { readonly kind: Blow; readonly operation: string; readonly at: number };
  readonly random: Random;
}

export const PASSING: readonly Fault[] = [
  { kind: 'error', code: 'ThrottlingException', status: 400, message: 'Rate exceeded' },
  { kind: 'error', code: 'InternalServerException', status: 500, message: 'internal error' },
  { kind: 'reset' },
  { kind: 'lost-answer' },
];
const PUT_FAULTS: readonly Fault[] = [
  ...PASSING,
  ...[['INVALID_PARAMETER_VALUE', 'Failed to read block data'], ['WRITE_REQUEST_TIMEOUT', 'too slow'], ['CONFLICTING_BLOCK_UPDATE', 'conflict']].map(
    ([Reason, message]): Fault => ({ kind: 'error', code: 'ValidationException', status: 400, message, members: { Reason } })),
];
const OPERATIONS = [
  's3:HeadObject', 's3:GetObject', 's3:PutObject', 's3:ListObjectsV2', 's3:DeleteObjects', 'ebs:StartSnapshot', 'ebs:PutSnapshotBlock',
  'ebs:CompleteSnapshot', 'ebs:ListSnapshotBlocks', 'ec2:DescribeSnapshots', 'ec2:DeleteSnapshot', 'states:StartExecution', 'states:DescribeExecution',
];
/** The operations of which there are many, and so many moments for a blow. */
const MOMENTS = ['s3:GetObject', 's3:PutObject', 'ebs:PutSnapshotBlock', 'ec2:DescribeSnapshots', 'states:DescribeExecution', 'ebs:CompleteSnapshot'];
const FUNCTIONS = ['plan', 'copy', 'copy', 'copy', 'seal', 'settle', 'verify', 'verify'];

export class Random {
  constructor(private state: number) {}

  /** From 0 to below 1. */
  public next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  public chance(part: number): boolean { return this.next() < part; }
  /** A whole number of both ends. */
  public between(least: number, most: number): number { return least + Math.floor(this.next() * (most - least + 1)); }
  public of<T>(things: readonly T[]): T { return things[this.between(0, things.length - 1)]; }
}

export function faultPlan(seed: number): FaultPlan {
  const random = new Random(seed);
  const large = random.chance(0.03);
  const blocks = random.between(1, large ? 64 : 9);
  const zeroBlocks = random.chance(0.25) ? 'OMIT' : 'WRITE';
  const fates = new Map<string, Fate>();
  for (let left = random.of([0, 0, 1, 2, 3]); left > 0; left--) {
    const name = `${random.of(FUNCTIONS)} ${random.between(1, 3)}`;
    fates.set(name, random.of<Fate>([
      { killAt: random.between(1, 12) },
      { killAt: random.between(1, 12), answered: true },
      { twice: true },
      { unheard: true },
      { twice: true, unheard: true },
    ]));
  }
  return {
    seed,
    size: blocks * BLOCK_SIZE - random.of([0, 1, 511, BLOCK_SIZE - 1]),
    rangeBlocks: random.of([1, 2, 3, 5, 8, 16, 100]) + (large ? 3 : 0),
    ebs: {
      startWindow: random.of([0, 5_000, 60_000, 120_000]),
      seed,
      completionDelay: random.of([0, 8_000, 60_000]),
      completeAgain: random.of(['refused', 'answered']),
    },
    rule: random.chance(0.7),
    encrypted: zeroBlocks === 'WRITE' && random.chance(0.2),
    zeroBlocks,
    verify: random.of(['NONE', 'SAMPLE', 'FULL']),
    pinned: seed % 3 === 0,
    deliveries: random.chance(0.1) ? 2 : 1,
    noise: random.of([0, 0, 0.02, 0.1, 0.2]),
    bursts: Array.from({ length: random.of([0, 0, 1, 2]) }, () => burst(random, blocks)),
    fates,
    shortTimes: Array.from({ length: random.of([0, 0, 0, 1, 3]) }, () => random.between(10_000, 80_000)),
    blow: random.chance(0.4) ? blow(random) : undefined,
    random,
  };
}

function blow(random: Random): FaultPlan['blow'] {
  const kind = random.of(BLOWS);
  // Before anything is read back: what is verified is not looked at again.
  if (kind === 'bits rot') { return { kind, operation: 'ebs:ListSnapshotBlocks', at: 1 }; }
  return { kind, operation: random.of(MOMENTS), at: random.between(1, random.of([3, 8, 20])) };
}

/** At most so many calls in a row that their repetitions still succeed within a minute. */
function burst(random: Random, blocks: number): FaultPlan['bursts'][number] {
  const operation = random.chance(0.5) ? random.of(['ebs:PutSnapshotBlock', 's3:GetObject', 'ebs:GetSnapshotBlock']) : random.of(OPERATIONS);
  const many = operation === 'ebs:PutSnapshotBlock' ? random.between(1, Math.min(40, 4 * blocks)) : random.between(1, 4);
  const skip = random.between(0, 8);
  if (random.chance(0.07)) { return { operation, fault: { kind: 'stall' }, skip, times: 1 }; }
  if (['s3:GetObject', 'ebs:GetSnapshotBlock'].includes(operation) && random.chance(0.4)) { return { operation, fault: { kind: 'truncate' }, skip, times: random.between(1, 3) }; }
  return { operation, fault: faultOf(operation, random), skip, times: many };
}

/** Something that passes by itself, in the words of the service. */
export function faultOf(operation: string, random: Random): Fault {
  const fault = random.of(operation === 'ebs:PutSnapshotBlock' ? PUT_FAULTS : PASSING);
  return fault.kind === 'error' && operation.startsWith('s3:') ? { ...fault, status: 503, code: 'SlowDown' } : fault;
}
