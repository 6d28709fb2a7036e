import { type Duration, type Size, SizeRoundingBehavior, Token } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** Returns an error with the path of the construct that was misused. */
export function misuse(scope: IConstruct, message: string): Error {
  return new Error(`${message} (in ${scope.node.path})`);
}

/** Throws `'prop' must be …, got …` unless the value is absent, known only at deployment, or `holds`. */
export function check<T>(scope: IConstruct, prop: string, value: T | undefined, allowed: string, holds: (value: T) => boolean): void {
  if (value === undefined || Token.isUnresolved(value) || holds(value)) { return; }
  throw misuse(scope, `'${prop}' must be ${allowed}, got ${shown(value)}`);
}

/** Checks a plain number: whole, and from `min` to `max`. */
export function checkWhole(scope: IConstruct, prop: string, value: number | undefined, min: number, max: number): void {
  check(scope, prop, value, `a whole number from ${min} to ${max}`, amount => Number.isInteger(amount) && amount >= min && amount <= max);
}

/** Throws if both of two props that contradict each other are given. */
export function notBoth(scope: IConstruct, one: string, other: string, both: boolean): void {
  if (both) { throw misuse(scope, `specify ${one} or ${other}, not both`); }
}

/** Returns a size in whole MiB. A fraction of a MiB is an error and is not rounded. */
export function wholeMebibytes(scope: IConstruct, prop: string, size: Size | undefined, min: number): number | undefined {
  const amount = size && converted(scope, prop, () => size.toMebibytes());
  check(scope, prop, amount, `a whole number of MiB from ${min}`, value => Number.isInteger(value) && value >= min);
  return amount;
}

/** Returns a size in whole GiB. A fraction of a GiB is an error and is not rounded. */
export function wholeGibibytes(scope: IConstruct, prop: string, size: Size | undefined, min: number, max: number): number | undefined {
  const amount = size?.toGibibytes({ rounding: SizeRoundingBehavior.NONE });
  check(scope, prop, amount, `a whole number of GiB from ${min} to ${max}`, value => Number.isInteger(value) && value >= min && value <= max);
  return amount;
}

/** Returns a duration in whole seconds. A fraction of a second is an error and is not rounded. */
export function wholeSeconds(scope: IConstruct, prop: string, duration: Duration | undefined, max: number): number | undefined {
  const amount = duration && converted(scope, prop, () => duration.toSeconds());
  check(scope, prop, amount, `a whole number of seconds up to ${max}`, value => Number.isInteger(value) && value <= max);
  return amount;
}

/** Checks the ids of accounts. */
export function validateAccounts(scope: IConstruct, prop: string, accounts: string[] | undefined): void {
  accounts?.forEach(account => check(scope, prop, account, 'ids of accounts, of 12 digits', value => /^\d{12}$/.test(value)));
}

/** Converts a unit, and adds prop and path to the error that aws-cdk-lib throws for a fraction. */
function converted(scope: IConstruct, prop: string, convert: () => number): number {
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
