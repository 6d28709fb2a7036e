import { createHash } from 'node:crypto';
import type { Context } from '../shared/resource-lifecycle';

type Request = Pick<Context, 'stackId' | 'logicalId' | 'requestId'>;

/**
 * Returns a digest of one CloudFormation request, in hex. An event that is delivered twice gives the same digest, so that a thing
 * that is named after it is made once. It never depends on content: EBS answers a client token that was used before with the snapshot of
 * that time, even if it was deleted since.
 *
 * @param variant distinguishes a second creation by the same request
 */
export function requestDigest({ stackId, logicalId, requestId }: Request, variant?: string): string {
  return createHash('sha256').update(JSON.stringify([stackId, logicalId, requestId, ...variant === undefined ? [] : [variant]])).digest('hex');
}
