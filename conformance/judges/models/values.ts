import type { Model, Shape } from '../../../world/emulator/rest-json';

/** What may stand in the place of a value, and what the model says of it. */
export interface Variation {
  readonly what: string;
  readonly value: unknown;
  readonly valid: boolean;
}

const hex = (length: number) => 'a'.repeat(length);
const id = (prefix: string, kind: string) => (length: number) => length <= prefix.length + 40
  ? `${prefix}${hex(length - prefix.length)}`
  : `arn:aws:elasticfilesystem:${'a'.repeat(length - `arn:aws:elasticfilesystem::${kind}/${prefix}01234567`.length)}:${kind}/${prefix}01234567`;
const fill = (prefix: string) => (length: number) => prefix.padEnd(length, 'a');

/** Strings of a given length that fit the pattern, where a row of letters does not. */
const FITTING: Record<string, (length: number) => string> = {
  AccessPointId: id('fsap-', 'access-point'),
  AwsAccountId: length => length === 14 ? '1111-2222-3333' : '111122223333',
  FileSystemId: id('fs-', 'file-system'),
  IpAddress: length => length === 7 ? '1.1.1.1' : '111.111.111.111',
  KmsKeyArn: fill('arn:aws:kms:eu-west-1:111122223333:key/'),
  KmsKeyId: fill('alias/'),
  MountTargetId: fill('fsmt-'),
  Path: fill('/'),
  Permissions: length => '0700'.slice(4 - length),
  Policy: length => length < 80 ? 'x'.repeat(length) : `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*"}]}${' '.repeat(length)}`.slice(0, length),
  RegionName: fill('eu-'),
  ResourceId: id('fs-', 'file-system'),
  RoleArn: fill('arn:aws:iam::111122223333:role/'),
  SecurityGroup: fill('sg-'),
  SnapshotId: fill('snap-'),
  SubnetId: fill('subnet-'),
};
/** The least length that the pattern allows, where the model's own is lower. */
const LEAST: Record<string, number> = {
  AccessPointId: 13, AwsAccountId: 12, FileSystemId: 11, KmsKeyArn: 40, KmsKeyId: 7, RegionName: 4, ResourceId: 11, RoleArn: 32, SnapshotId: 6,
};

/** Values at and beyond each bound of a shape that is not a structure. */
export function* variations(model: Model, name: string, inner: () => unknown): Generator<Variation> {
  const shape = model.shapes[name];
  switch (shape.type) {
    case 'string': return yield* strings(name, shape);
    case 'integer': case 'long': case 'double': return yield* numbers(shape);
    case 'list': return yield* lists(shape, inner);
    case 'boolean':
      yield { what: 'true', value: true, valid: true };
      yield { what: 'false', value: false, valid: true };
      yield { what: 'another type', value: 'perhaps', valid: false };
      return;
    default: return;
  }
}

function* strings(name: string, shape: Shape): Generator<Variation> {
  if (shape.enum) {
    yield* shape.enum.map(value => ({ what: `${value}`, value, valid: true }));
    yield { what: 'not in the enumeration', value: 'NONE_OF_THESE', valid: false };
    yield { what: 'in another case', value: shape.enum[0] === shape.enum[0].toLowerCase() ? shape.enum[0].toUpperCase() : shape.enum[0].toLowerCase(), valid: false };
    return;
  }
  const make = FITTING[name] ?? (length => 'a'.repeat(length));
  const least = Math.max(shape.min ?? 1, LEAST[name] ?? 0);
  yield { what: `length ${least}`, value: make(least), valid: true };
  if (shape.min !== undefined && shape.min > 1) { yield { what: `length ${shape.min - 1}`, value: make(shape.min).slice(0, -1), valid: false }; }
  if (shape.min === 1) { yield { what: 'empty', value: '', valid: false }; }
  if (shape.max !== undefined) {
    yield { what: `length ${shape.max}`, value: make(shape.max), valid: true };
    yield { what: `length ${shape.max + 1}`, value: `${make(shape.max)}a`, valid: false };
  }
  const unfit = misfit(shape, least);
  if (unfit !== undefined) { yield { what: `'${unfit.replace(/\n/g, '\\n')}', which does not fit the pattern`, value: unfit, valid: false }; }
  yield { what: 'another type', value: { a: 1 }, valid: false };
}

/** Of allowed length, but of characters that the pattern has not. */
function misfit({ pattern, max = Infinity }: Shape, length: number): string | undefined {
  if (pattern === undefined) { return undefined; }
  const fits = new RegExp(`^(?:${pattern})$`, pattern.includes('\\p{') ? 'u' : '');
  return ['~', 'z', '*', '\n', ' '].map(character => character.repeat(Math.min(length, max))).find(text => !fits.test(text));
}

function* numbers({ type, min, max }: Shape): Generator<Variation> {
  if (min !== undefined) {
    yield { what: `${min}`, value: min, valid: true };
    yield { what: `${min - 1}`, value: min - 1, valid: false };
  }
  if (max !== undefined) {
    yield { what: `${max}`, value: max, valid: true };
    yield { what: `${max + 1}`, value: max + 1, valid: false };
  }
  if (type === 'integer') { yield { what: 'more than 32 bits', value: 2 ** 31, valid: false }; }
  if (type !== 'double') { yield { what: 'a fraction', value: (min ?? 0) + 0.5, valid: false }; }
  yield { what: 'another type', value: 'many', valid: false };
}

function* lists({ min, max }: Shape, inner: () => unknown): Generator<Variation> {
  const many = (length: number) => Array.from({ length }, inner);
  if (max !== undefined) {
    yield { what: `${max} members`, value: many(max), valid: true };
    yield { what: `${max + 1} members`, value: many(max + 1), valid: false };
  }
  if (min !== undefined && min > 0) { yield { what: `${min - 1} members`, value: many(min - 1), valid: false }; }
  yield { what: 'another type', value: 'one', valid: false };
}
