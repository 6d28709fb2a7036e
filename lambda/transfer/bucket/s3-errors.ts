import { isNamed } from '../../shared/errors';

/** Name of an error without a code: answers to HEAD have no body. */
const NAMELESS = ['Unknown', 'Error'];

/** Returns the status of S3's answer, if there was one. */
export function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
}

/** Returns whether S3 refused a key because `.` or `..` is one of its segments. Which of those keys S3 takes is only partly documented. */
export function isRefusedKey(error: unknown, key: string): boolean {
  return statusOf(error) === 400 && isNamed(error, 'InvalidURI', ...NAMELESS) && key.split('/').some(segment => ['.', '..'].includes(segment));
}
