import * as fc from 'fast-check';
import type { Trouble } from '../../../harness/handled-stacks';
import { seldom, trouble } from '../../trouble';

/** The declaration of one construct. */
export type Wish = { readonly policy: Policy } & (
  | { readonly kind: 'disk'; readonly image: Name; readonly pinned: boolean }
  | { readonly kind: 'machine'; readonly of: 'disk' | 'given'; readonly name: Name }
  | { readonly kind: 'export'; readonly key: Name }
);

export type Kind = Wish['kind'];
export type Name = 'one' | 'two';
/** Both of the removal policy and of the policy for replacements. */
export type Policy = 'Delete' | 'Retain';
export type StackName = 'One' | 'Two';

/** The constructs of a stack by their logical ids. */
export type Wishes = Readonly<Record<string, Wish>>;

export type Step =
  | Trouble & { readonly kind: 'deploy'; readonly stack: StackName; readonly wishes: Wishes }
  | { readonly kind: 'destroy'; readonly stack: StackName };

export interface Program {
  readonly steps: readonly Step[];
}

/** The logical ids that a construct of a kind may have: a change from one to the other is a rename. */
const IDS: Record<Kind, readonly string[]> = { disk: ['DiskA', 'DiskB'], machine: ['MachineA', 'MachineB'], export: ['ExportA', 'ExportB'] };

const name = fc.constantFrom<Name>('one', 'two');
const policy = fc.constantFrom<Policy>('Delete', 'Delete', 'Retain');

const disk = fc.record({ kind: fc.constant('disk' as const), image: name, pinned: fc.boolean(), policy });
const machine = fc.record({ kind: fc.constant('machine' as const), of: fc.constantFrom('disk' as const, 'given' as const), name, policy });
const exported = fc.record({ kind: fc.constant('export' as const), key: name, policy });

const wish: fc.Arbitrary<Wish> = fc.oneof({ weight: 3, arbitrary: disk }, { weight: 2, arbitrary: machine }, exported);

/** A machine image is made of a disk of the same template, or of a snapshot that somebody gave. */
const wishes: fc.Arbitrary<Wishes> = fc.record({
  all: fc.array(fc.record({ wish, isRenamed: seldom }), { minLength: 1, maxLength: 3 }),
}).map(({ all }) => Object.fromEntries(all.map(({ wish: one, isRenamed }) => [IDS[one.kind][Number(isRenamed)], one] as const)))
  .filter(all => 'DiskA' in all || 'DiskB' in all || !Object.values(all).some(one => one.kind === 'machine' && one.of === 'disk'));

const stack = fc.constantFrom<StackName>('One', 'One', 'One', 'Two');

/** A creation that CloudFormation has given up stays where its policy retains it, because no Delete comes. */
const withoutLeaving = ({ cancel, ...rest }: Extract<Step, { kind: 'deploy' }>) =>
  ({ ...rest, ...rest.wishes[cancel?.id ?? '']?.policy !== 'Retain' && { cancel } });

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('deploy' as const), stack, wishes, goesWrong: trouble(Object.values(IDS).flat()) })
      .map(({ goesWrong, ...deployment }) => withoutLeaving({ ...deployment, ...goesWrong })),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('destroy' as const), stack }) },
);

/** Replacements, renames, and ways back to something retained come from two random deployments in a row. */
export const programs: fc.Arbitrary<Program> = fc.record({ steps: fc.array(step, { minLength: 2, maxLength: 6 }) });
