import * as fc from 'fast-check';

/** What a deployment may ask for, in few words and out of few values, so that random ones meet each other. */
export interface Template {
  readonly files?: Files;
  readonly targets?: Targets;
  readonly tags?: Tags;
  readonly policy?: Setting;
  readonly transitions?: Setting;
  readonly backup?: Setting;
}

export interface Files {
  readonly encrypted: boolean;
  readonly maxIo: boolean;
  readonly elastic: boolean;
  readonly token?: string;
  readonly tags: Readonly<Record<string, string>>;
  /** `bad` is refused by EFS, when the file system exists already. */
  readonly policy: 'none' | 'good' | 'bad';
  readonly removal: 'Delete' | 'Retain' | 'RetainExceptOnCreate';
}

export type SubnetName = 'a1' | 'a2' | 'b1' | 'c1' | 'x1' | 'y1';
export type GroupName = 'one' | 'two' | 'other';

export interface Targets {
  /** On the file system of the stack, if the template has one. */
  readonly own: boolean;
  readonly subnets: readonly SubnetName[];
  readonly groups: readonly GroupName[];
  /** The last number of every address, where there are addresses. */
  readonly host?: number;
  /** IPv4 only, if absent. */
  readonly addresses?: 'IPV6_ONLY' | 'DUAL_STACK';
  /** They may not be replaced. */
  readonly fixed: boolean;
  /** Until DNS names are known. */
  readonly patient: boolean;
}

export interface Tags {
  readonly own: boolean;
  readonly tags: Readonly<Record<string, string>>;
  readonly overwrite: boolean;
}

/** A setting that is a resource of its own. */
export interface Setting {
  readonly own: boolean;
  readonly value: 'one' | 'two';
  /** A policy of somebody else. */
  readonly overwrite: boolean;
}

export const TAG_SET_KEYS = ['t1', 't2', 't3'];

export const ZONES: Record<SubnetName, string> = { a1: 'a', a2: 'a', b1: 'b', c1: 'c', x1: 'a', y1: 'b' };

/** The first of the choices is what a failure is reduced to. */
const seldom = fc.constantFrom(false, false, false, true);

const rarely = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });

const some = (...keys: string[]) =>
  fc.dictionary(fc.constantFrom(...keys), fc.constantFrom('x', 'y'), { minKeys: 1, noNullPrototype: true });

const files: fc.Arbitrary<Files> = fc.record({
  encrypted: fc.boolean(),
  maxIo: seldom,
  elastic: seldom,
  token: fc.option(fc.constantFrom('mine', 'yours'), { nil: undefined, freq: 3 }),
  tags: some('f1', 'f2', 'f3'),
  policy: fc.constantFrom('none', 'none', 'good', 'good', 'bad'),
  removal: fc.constantFrom('Delete', 'Delete', 'Retain', 'RetainExceptOnCreate'),
}).map(one => ({ ...one, elastic: one.elastic && !one.maxIo }) as Files);

const targets: fc.Arbitrary<Targets> = fc.record({
  own: fc.integer({ max: 2, min: 0 }).map(n => n > 0),
  first: fc.integer({ max: 4, min: 0 }).map(n => n > 0),
  inFirst: fc.shuffledSubarray<SubnetName>(['a1', 'a2', 'b1', 'c1'], { minLength: 1 }),
  inOther: fc.shuffledSubarray<SubnetName>(['x1', 'y1'], { minLength: 1 }),
  groups: fc.constantFrom<GroupName[]>(['one'], ['one'], ['two'], ['one', 'two'], ['other']),
  host: fc.option(fc.constantFrom(50, 51), { nil: undefined, freq: 3 }),
  addresses: rarely(fc.constantFrom<'IPV6_ONLY' | 'DUAL_STACK'>('DUAL_STACK', 'IPV6_ONLY')),
  fixed: seldom,
  patient: seldom,
}).map(({ own, first, inFirst, inOther, groups, host, addresses, fixed, patient }) => {
  const subnets = first ? inFirst : inOther;
  const alone = new Set(subnets.map(name => ZONES[name])).size === subnets.length;
  return {
    own,
    subnets,
    groups: first ? groups : ['other'],
    ...alone && host !== undefined && { host },
    ...first && !subnets.includes('c1') && { addresses },
    fixed,
    patient,
  };
});

const tags: fc.Arbitrary<Tags> = fc.record({ own: fc.boolean(), tags: some(...TAG_SET_KEYS), overwrite: seldom });

const setting: fc.Arbitrary<Setting | undefined> = fc.oneof(
  { weight: 2, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.record({ own: fc.boolean(), value: fc.constantFrom('one' as const, 'two' as const), overwrite: seldom }) },
);

const template: fc.Arbitrary<Template> = fc.record({
  files: fc.option(files, { nil: undefined, freq: 5 }),
  targets: fc.option(targets, { nil: undefined, freq: 3 }),
  tags: fc.option(tags, { nil: undefined, freq: 2 }),
  policy: setting,
  transitions: setting,
  backup: setting,
});

/** What people do who know nothing of the stack. */
export type Interference =
  | { readonly kind: 'tag'; readonly own: boolean; readonly key: string }
  /** A key that a template may want. */
  | { readonly kind: 'overwrite'; readonly own: boolean; readonly key: string }
  /** The life cycle of the files. */
  | { readonly kind: 'change transitions'; readonly own: boolean }
  | { readonly kind: 'add target'; readonly own: boolean; readonly subnet: SubnetName }
  | { readonly kind: 'delete target'; readonly number: number }
  | { readonly kind: 'remove theirs' }
  /** Of the stack, as the rest. */
  | { readonly kind: 'change policy' }
  | { readonly kind: 'remove tag'; readonly key: string }
  | { readonly kind: 'change throughput' }
  | { readonly kind: 'delete file system' };

const harmless: fc.Arbitrary<Interference> = fc.oneof(
  fc.record({ kind: fc.constant('tag' as const), own: fc.boolean(), key: fc.constantFrom('z1', 'z2') }),
  fc.record({
    kind: fc.constant('add target' as const), own: fc.boolean(), subnet: fc.constantFrom<SubnetName>('a1', 'a2', 'b1', 'c1', 'c1', 'x1'),
  }),
  fc.record({ kind: fc.constant('delete target' as const), number: fc.nat(5) }),
);

export interface Deploy {
  readonly kind: 'deploy';
  readonly template: Template;
  /** Another resource of the stack fails when all of these are there. */
  readonly failAfter: boolean;
  /** The physical id in the Update of a rollback, where the replacement had failed. */
  readonly rollbackWith: 'old' | 'new';
  readonly duplicates: boolean;
  /** CloudFormation gives up on the resource with this number, after that many polls; before its `act` has run if negative. */
  readonly cancel?: { readonly resource: number; readonly polls: number };
  readonly meanwhile?: { readonly resource: number; readonly polls: number; readonly what: Interference };
  /** The call with this number is refused, for a reason that does not pass by itself. */
  readonly refuse?: number;
  /** Parameters of the operation, as in the player. */
  readonly disableRollback: boolean;
  readonly express: boolean;
  /** A rollback that got stuck goes on without the resources that failed, instead of after what was in their way is gone. */
  readonly skips: boolean;
  readonly failedCreations: 'before' | 'clean-up';
  readonly retainExceptOnCreate: boolean;
}

export type Step =
  | Deploy
  | { readonly kind: 'interfere'; readonly what: Interference }
  | { readonly kind: 'destroy' }
  /** RollbackStack, where the stack was left as it failed. */
  | { readonly kind: 'roll back' }
  | { readonly kind: 'late poll'; readonly number: number }
  | { readonly kind: 'wait a day' };

const when = { resource: fc.constantFrom(0, 0, 1, 1, 2, 2, 3, 4, 5), polls: fc.integer({ min: -1, max: 4 }) };

const deploy: fc.Arbitrary<Deploy> = fc.record({
  kind: fc.constant('deploy' as const),
  template,
  failAfter: seldom,
  rollbackWith: fc.constantFrom('old' as const, 'new' as const),
  duplicates: seldom,
  cancel: rarely(fc.record(when)),
  meanwhile: rarely(fc.record({ ...when, what: harmless })),
  refuse: rarely(fc.nat(40)),
  disableRollback: fc.constantFrom(false, false, true),
  express: seldom,
  skips: fc.boolean(),
  failedCreations: fc.constantFrom('before' as const, 'clean-up' as const),
  retainExceptOnCreate: seldom,
}).map(one => ({
  ...one,
  cancel: one.cancel && one.cancel.resource === one.meanwhile?.resource ? undefined : one.cancel,
  // A refusal for good meets both deliveries of an event. If only the second one failed, nobody would undo the first.
  refuse: one.duplicates ? undefined : one.refuse,
}));

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 7, arbitrary: deploy },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('interfere' as const),
      what: fc.oneof(
        harmless,
        fc.record({ kind: fc.constant('overwrite' as const), own: fc.boolean(), key: fc.constantFrom('f1', 'f2', 't1', 't2', 't3') }),
        fc.record({ kind: fc.constant('change transitions' as const), own: fc.boolean() }),
        fc.record({ kind: fc.constantFrom('remove theirs' as const, 'change policy' as const, 'change throughput' as const) }),
        fc.record({ kind: fc.constant('remove tag' as const), key: fc.constantFrom('f1', 'f2', 't1', 't2') }),
        rarely(fc.record({ kind: fc.constant('delete file system' as const) })).map(what => what ?? { kind: 'remove theirs' as const }),
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('destroy' as const, 'roll back' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('late poll' as const), number: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait a day' as const) }) },
);

export interface Sequence {
  /** The kind of resource that sets policies of file systems. */
  readonly policies: 'file system' | 'resource';
  /** Of the faults. */
  readonly seed: number;
  /** The part of all calls that fail. */
  readonly faults: number;
  /** The longest time in seconds for which CloudFormation shows the statuses from before a change. */
  readonly late: number;
  /** The longest time in seconds after which IAM applies a policy that an operation changes. */
  readonly lateIam: number;
  readonly steps: readonly Step[];
}

/** A file system has one policy, so one kind of resource has to set it, as the constructs make sure. */
function policiesBy(kind: Sequence['policies'], one: Step): Step {
  if (one.kind !== 'deploy') { return one; }
  const { template: all } = one;
  const withoutPolicy: Template = { ...all, files: all.files?.policy === 'good' ? { ...all.files, policy: 'none' } : all.files };
  return { ...one, template: kind === 'file system' ? { ...all, policy: undefined } : withoutPolicy };
}

export const sequences: fc.Arbitrary<Sequence> = fc.record({
  policies: fc.constantFrom('file system' as const, 'resource' as const),
  seed: fc.nat(),
  faults: fc.constantFrom(0, 0.05, 0.15),
  // While its status is late, a rollback cannot be told from a change: what is RetainExceptOnCreate is not deleted, a file system that it
  // returns to counts as adopted, and the throughput window is an error (deployed-behaviour 1, stale answers). With 5 s: ROLLBACK_FAILED.
  late: fc.constantFrom(0),
  lateIam: fc.constantFrom(0, 20, 20),
  steps: fc.array(step, { minLength: 2, maxLength: 6 }),
}).map(({ policies, steps, ...sequence }) => ({ ...sequence, policies, steps: steps.map(one => policiesBy(policies, one)) }));
