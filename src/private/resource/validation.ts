import { type Duration, type Size, SizeRoundingBehavior, Token } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** A misuse, with the place where it stands. */
export function misuse(scope: IConstruct, message: string): Error {
  return new Error(`${message} (in ${scope.node.path})`);
}

/** Throws `'prop' must be …, got …` unless the value is absent, only known at deployment, or `holds`. */
export function check<T>(scope: IConstruct, prop: string, value: T | undefined, allowed: string, holds: (value: T) => boolean): void {
  if (value === undefined || Token.isUnresolved(value) || holds(value)) { return; }
  throw misuse(scope, `'${prop}' must be ${allowed}, got ${shown(value)}`);
}

/** For two props that say opposite things. */
export function notBoth(scope: IConstruct, one: string, other: string, both: boolean): void {
  if (both) { throw misuse(scope, `specify ${one} or ${other}, not both`); }
}

/** A whole number of one unit in a range; a fraction of the unit is an error, not something to round. */
export function wholeMebibytes(scope: IConstruct, prop: string, size: Size | undefined, min: number): number | undefined {
  const amount = size && wholeNumber(scope, prop, () => size.toMebibytes());
  check(scope, prop, amount, `a whole number of MiB from ${min}`, value => Number.isInteger(value) && value >= min);
  return amount;
}

export function wholeGibibytes(scope: IConstruct, prop: string, size: Size | undefined, min: number, max: number): number | undefined {
  const amount = size?.toGibibytes({ rounding: SizeRoundingBehavior.NONE });
  check(scope, prop, amount, `a whole number of GiB from ${min} to ${max}`, value => Number.isInteger(value) && value >= min && value <= max);
  return amount;
}

export function wholeSeconds(scope: IConstruct, prop: string, duration: Duration | undefined, max: number): number | undefined {
  const amount = duration && wholeNumber(scope, prop, () => duration.toSeconds());
  check(scope, prop, amount, `a whole number of seconds up to ${max}`, value => Number.isInteger(value) && value <= max);
  return amount;
}

/** Ids of accounts. */
export function validateAccounts(scope: IConstruct, prop: string, accounts: string[] | undefined): void {
  accounts?.forEach(account => check(scope, prop, account, 'ids of accounts, of 12 digits', value => /^\d{12}$/.test(value)));
}

/** The CDK's own error, with prop and place. */
function wholeNumber(scope: IConstruct, prop: string, convert: () => number): number {
  try {
    return convert();
  } catch (error) {
    throw misuse(scope, `'${prop}': ${(error as Error).message.replace(/\.$/, '')}`);
  }
}

const SHOWN_CHARACTERS = 80;

function shown(value: unknown): string {
  if (typeof value !== 'string') { return String(value); }
  const start = value.slice(0, SHOWN_CHARACTERS);
  return start === value ? `'${value}'` : `'${start}…' (${value.length} characters)`;
}
