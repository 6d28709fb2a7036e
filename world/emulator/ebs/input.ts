import { createHash } from 'crypto';
import type { Call } from '../service';
import { invalid, unfitSignature } from './errors';

/**
 * Refuses a block whose signature does not fit. The header x-amz-content-sha256 must say what was signed: the hash of the block, as the
 * JavaScript SDK does, or UNSIGNED-PAYLOAD, as the other SDKs do. Without it EBS calculates another signature.
 */
export function refuseUnfitSignature({ headers, body }: Call): void {
  const signed = headers['x-amz-content-sha256'];
  if (signed !== 'UNSIGNED-PAYLOAD' && signed !== createHash('sha256').update(body).digest('hex')) { throw unfitSignature(); }
}

/** The least that a List gives; who asks for less gets that. */
export function atLeast100Results(call: Call): Call {
  const asked = call.query.get('maxResults');
  if (asked === null || !/^\d+$/.test(asked) || Number(asked) >= 100) { return call; }
  const query = new URLSearchParams(call.query);
  query.set('maxResults', '100');
  return { ...call, query };
}

/** The tags of a request, if they are in order. */
export function readTags(given: { readonly Key?: string; readonly Value?: string }[] = []): Record<string, string> {
  const tags: Record<string, string> = {};
  for (const { Key: key = '', Value: value = '' } of given) {
    if (key === '' || key.toLowerCase().startsWith('aws:')) { throw invalid('INVALID_TAG', `The tag key '${key}' is empty or reserved`); }
    if (Object.hasOwn(tags, key)) { throw invalid('INVALID_TAG', `The tag key '${key}' is given twice`); }
    tags[key] = value;
  }
  if (given.length > 50) { throw invalid('INVALID_TAG', 'A snapshot has at most 50 tags'); }
  return tags;
}
