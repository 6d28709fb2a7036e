import { request } from 'node:https';
import type { CloudFormationEvent } from './cloudformation-event';

/** The answer to a call. */
export interface Answer {
  readonly physicalId: string;
  /** The error, if the call failed. */
  readonly reason?: string;
  readonly attributes?: object;
}

/** CloudFormation refuses longer answers. */
const LONGEST_BYTES = 4_096;
/** In bytes. Ids, which come from CloudFormation, take up to 1.7 kB beside it. */
const LONGEST_REASON = 1_000;
const TIMEOUT_MILLISECONDS = 10_000;

/** Returns the body of an answer, which fits into CloudFormation's limit. */
export function bodyOf({ StackId, RequestId, LogicalResourceId }: CloudFormationEvent, { physicalId, reason, attributes }: Answer): string {
  const ids = { PhysicalResourceId: physicalId, StackId, RequestId, LogicalResourceId };
  if (reason !== undefined) { return JSON.stringify({ Status: 'FAILED', Reason: shortened(reason), ...ids }); }
  const body = JSON.stringify({ Status: 'SUCCESS', ...ids, Data: attributes });
  if (Buffer.byteLength(body) <= LONGEST_BYTES) { return body; }
  const tooLong = `the attributes of ${physicalId} take ${Buffer.byteLength(body)} bytes, and CloudFormation reads at most ${LONGEST_BYTES}`;
  return JSON.stringify({ Status: 'FAILED', Reason: tooLong, ...ids });
}

/** Puts a body at a response URL. Throws, without the URL, if it did not arrive. */
export type Put = (url: string, body: string) => Promise<void>;

export const put: Put = async (url, body) => {
  const { status, text } = await send(url, body);
  if (status < 300) { return; }
  // CloudFormation has stopped waiting long before.
  if (status === 403 && /expired/i.test(text)) { return; }
  // The rest of S3's answer may hold a part of the URL.
  const [, code = 'no code'] = /<Code>(\w+)<\/Code>/.exec(text) ?? [];
  throw new Error(`CloudFormation's response URL answered with status ${status}, ${code}`);
};

function send(url: string, body: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': '', 'content-length': Buffer.byteLength(body) };
    const sending = request(url, { method: 'PUT', headers, timeout: TIMEOUT_MILLISECONDS }, response => {
      let text = '';
      response.setEncoding('utf8').on('data', chunk => { text += chunk; });
      response.on('end', () => resolve({ status: response.statusCode!, text }));
      response.on('error', reject);
    });
    sending.on('timeout', () => sending.destroy(new Error(`CloudFormation's response host did not answer for ${TIMEOUT_MILLISECONDS / 1000} seconds`)));
    sending.on('error', reject);
    sending.end(body);
  });
}

/** Cuts off the end, at a whole character. Control characters become spaces, because each takes six bytes in JSON. */
function shortened(reason: string): string {
  const printable = reason.replace(/\p{Cc}+/gu, ' ');
  const bytes = Buffer.from(printable);
  return bytes.length <= LONGEST_REASON ? printable : `${bytes.subarray(0, LONGEST_REASON).toString().replace(/\uFFFD+$/, '')}…`;
}
