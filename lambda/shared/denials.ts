import { AsyncLocalStorage } from 'node:async_hooks';
import { isNamed, nameOf, withCauses } from './errors';

/** The part of an operation on a resource that one invocation of a function does. */
export interface Operation {
  /** When the operation began, in milliseconds since 1970. */
  readonly began: number;
  /** Returns the seconds from then on in which denials are repeated. Asked at the first denial. */
  secondsForDenials(): Promise<number>;
}

const current = new AsyncLocalStorage<Operation | undefined>();

/** Runs the work of an operation. Its calls are repeated while they are denied, because IAM applies new policies late. */
export function inOperation<T>(operation: Operation, work: () => Promise<T>): Promise<T> {
  return current.run(operation, work);
}

/** Returns until when the current operation repeats denials, in milliseconds since 1970. Outside of operations, and in old ones, that is over. */
export async function endOfDenials(): Promise<number> {
  const operation = current.getStore();
  // A call that `patience` makes is not part of the operation, so a denial of it is final.
  return operation === undefined ? 0 : operation.began + 1000 * await current.run(undefined, () => operation.secondsForDenials());
}

const DENIALS = ['AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation', 'KmsAccessDeniedException'];
/** Names of an error whose answer has no body, such as those to HEAD. */
const NAMELESS = ['403', 'Forbidden', 'Unknown', 'UnknownError', 'Error'];

/**
 * Returns whether IAM, or the policy of a key or bucket, refused a call. S3 answers with the same status if a request is malformed or
 * was signed with a wrong time.
 */
export function isDenial(error: unknown): boolean {
  return isNamed(error, ...DENIALS) || withCauses(error).some(each => {
    const { $metadata } = each as { $metadata?: { httpStatusCode?: number } };
    return $metadata?.httpStatusCode === 403 && NAMELESS.includes(nameOf(each));
  });
}

/** Adds to the message of a denial for how long it was repeated, in front, because the end of a long message is cut off. */
export function sayHowLong(error: unknown, since: number): unknown {
  const seconds = Math.round((Date.now() - since) / 1000);
  if (seconds > 0) {
    const denial = error as Error;
    denial.message = `denied for ${seconds} seconds, longer than IAM may need to apply a new policy: ${denial.message}`;
  }
  return error;
}
