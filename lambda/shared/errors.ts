/** CloudFormation's answer has 4,096 bytes for everything, stack trace included. */
const LONGEST_MESSAGE = 900;

/** The name of an AWS error, whichever way the SDK could read it. */
export function nameOf(error: unknown): string {
  const { name, Code, ErrorCode } = error as { name?: string; Code?: string; ErrorCode?: string };
  return (name === undefined || name === 'Unknown' || name === 'Error' ? Code ?? ErrorCode ?? name : name) ?? 'Error';
}

/** Whether the error, or one that it wraps, has one of these names. */
export function isNamed(error: unknown, ...names: string[]): boolean {
  return withCauses(error).some(each => names.includes(nameOf(each)));
}

/** Returns an error and the errors that it wraps. Code that wraps an error passes it as `cause`, so that its class is not lost. */
export function withCauses(error: unknown): unknown[] {
  const all: unknown[] = [];
  for (let each = error; typeof each === 'object' && each !== null && !all.includes(each); each = (each as Error).cause) { all.push(each); }
  return all;
}

/**
 * A deletion that the service refuses only for now. The polls of a Delete repeat it for a while; everything else fails with this error, which
 * names what stays.
 */
export class RefusedForNow extends Error {}

/**
 * A resource cannot become what an update wants, because somebody has deleted or changed it, or has something else in its place, outside of
 * CloudFormation. A rollback leaves it as it is, because this error would keep the stack from rolling back.
 */
export class OutOfReach extends Error {}

/** Name and message of an error, as a part of a sentence. */
export function saidBy(error: unknown): string {
  const name = nameOf(error);
  const message = (error as Error).message || String(error);
  return name === 'Error' ? message : `${name}: ${message}`;
}

/** An error whose message a user can act on, and which fits into CloudFormation's answer. */
export function inOneSentence(error: unknown): Error {
  const message = saidBy(error);
  const short = new Error(message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE - 1)}…` : message);
  short.stack = short.message;
  return short;
}
