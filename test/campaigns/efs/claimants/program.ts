import * as fc from 'fast-check';
import type { Trouble } from '../../../harness/handled-stacks';
import { seldom, trouble } from '../../trouble';

/** What a construct declares on a file system of others. */
export type Wish =
  | { readonly kind: 'policy' | 'transitions' | 'backup'; readonly on: Place; readonly value: Value }
  | { readonly kind: 'tags'; readonly on: Place; readonly tags: Readonly<Record<string, Value>> }
  | { readonly kind: 'targets'; readonly on: Place; readonly subnets: readonly SubnetName[] };

export type Kind = Wish['kind'];
export type Value = 'one' | 'two';
/** One of the two file systems. */
export type Place = 0 | 1;
export type SubnetName = 'a1' | 'a2' | 'b1';
export type StackName = 'One' | 'Two';

/** The constructs of a stack by their logical ids. */
export type Wishes = Readonly<Record<string, Wish>>;

/** Somebody sets it by hand before any stack is deployed. */
export interface Found {
  readonly policy?: Value;
  readonly transitions?: Value;
  readonly tags: Readonly<Record<string, Value>>;
  /** Claims that are none: one that was copied from another file system, and one that somebody else wrote. They must change nothing. */
  readonly planted: boolean;
}

export type Step =
  | Trouble & { readonly kind: 'deploy'; readonly stack: StackName; readonly wishes: Wishes }
  | { readonly kind: 'destroy'; readonly stack: StackName };

export interface Program {
  readonly found: readonly [Found, Found];
  readonly steps: readonly Step[];
}

export const ZONES: Record<SubnetName, string> = { a1: 'a', a2: 'a', b1: 'b' };

/** The logical ids that a construct of a kind may have: a change from one to the other is a rename. */
const IDS: Record<Kind, readonly string[]> = {
  policy: ['PolicyA', 'PolicyB'], transitions: ['TransitionsA', 'TransitionsB'], backup: ['BackupA', 'BackupB'], tags: ['TagsA', 'TagsB'], targets: ['TargetsA', 'TargetsB'],
};

/** Mostly one value and one place, so that constructs meet each other. */
const value = fc.constantFrom<Value>('one', 'one', 'one', 'two');
const on = fc.constantFrom<Place>(0, 0, 0, 1);

const wish: fc.Arbitrary<Wish> = fc.oneof(
  fc.record({ kind: fc.constantFrom('policy' as const, 'policy' as const, 'transitions' as const, 'backup' as const), on, value }),
  fc.record({ kind: fc.constant('tags' as const), on, tags: fc.dictionary(fc.constantFrom('k1', 'k2'), value, { minKeys: 1, noNullPrototype: true }) }),
  fc.record({ kind: fc.constant('targets' as const), on, subnets: fc.constantFrom<SubnetName[]>(['a1'], ['a1', 'b1'], ['b1'], ['a1', 'b1'], ['a2']) }),
);

const wishes: fc.Arbitrary<Wishes> = fc.array(fc.record({ wish, place: fc.nat(1) }), { maxLength: 5 })
  .map(all => Object.fromEntries(all.map(({ wish: one, place }) => [IDS[one.kind][place], one])));

const stack = fc.constantFrom<StackName>('One', 'One', 'Two');

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('deploy' as const), stack, wishes, goesWrong: trouble(Object.values(IDS).flat()) })
      .map(({ goesWrong, ...deployment }) => ({ ...deployment, ...goesWrong })),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('destroy' as const), stack }) },
);

const found: fc.Arbitrary<Found> = fc.record({
  policy: fc.option(value, { nil: undefined, freq: 1 }),
  transitions: fc.option(value, { nil: undefined, freq: 1 }),
  tags: fc.dictionary(fc.constantFrom('k1', 'k2', 'k3'), value, { noNullPrototype: true }),
  planted: seldom,
});

/** Renames, moves between stacks and between file systems are what two random deployments in a row come to. */
export const programs: fc.Arbitrary<Program> = fc.record({
  found: fc.tuple(found, found),
  steps: fc.array(step, { minLength: 2, maxLength: 6 }),
});
