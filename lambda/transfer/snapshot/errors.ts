import { isNamed, nameOf } from '../../shared/errors';
import { passesByItself } from '../../shared/retry';

interface EbsError extends Error {
  readonly Reason?: string;
}

/** Returns whether EBS direct does not find the snapshot, which it may do a little later. */
export function isNotYetVisible(error: unknown): boolean {
  return isNamed(error, 'ResourceNotFoundException') && ['SNAPSHOT_NOT_FOUND', undefined].includes((error as EbsError).Reason);
}

/** Returns whether a validation error is transient: the user guide says so about the first one, and the names of the others imply it. */
function isTransientRefusal(error: unknown): boolean {
  const { Reason, message } = error as EbsError;
  return isNamed(error, 'ValidationException')
    && (/failed to read block data/i.test(message) || ['WRITE_REQUEST_TIMEOUT', 'CONFLICTING_BLOCK_UPDATE'].includes(Reason ?? ''));
}

/** Returns whether the same call to EBS direct may succeed a little later. */
export function isTransient(error: unknown): boolean {
  return passesByItself(error) || isNotYetVisible(error) || isTransientRefusal(error);
}

/** Returns whether EBS direct could not use a key in the name of the caller. */
export function isDeniedKey(error: unknown): boolean {
  return isNamed(error, 'AccessDeniedException') && (error as EbsError).Reason === 'DEPENDENCY_ACCESS_DENIED';
}

/** Explains an error of EBS direct, and what a user can do about it, in one sentence. */
export function explainEbs(error: unknown, action: string, thing: string, advice = adviceOn(error as EbsError)): Error {
  const { Reason, message } = error as EbsError;
  const what = `ebs:${action} failed for ${thing}: ${nameOf(error)}${Reason === undefined ? '' : ` (${Reason})`}: ${message}`;
  return new Error(advice === undefined ? what : `${what}; ${advice}`, { cause: error });
}

function adviceOn(error: EbsError): string | undefined {
  switch (nameOf(error)) {
    case 'AccessDeniedException': return isDeniedKey(error)
      ? 'the functions may not use the key of the snapshot: give it as \'kmsKey\', and check its key policy'
      : undefined;
    case 'ServiceQuotaExceededException': return 'delete snapshots, or have the quota raised';
    case 'ConcurrentLimitExceededException': return 'an account can have 100 pending snapshots; try again when some are completed';
    case 'ResourceNotFoundException': return isNotYetVisible(error) ? 'was the snapshot deleted, or did it time out?' : undefined;
    default: return undefined;
  }
}
