import { createHash } from 'node:crypto';
import type { CloudFormationEvent } from './cloudformation-event';
import { SERVICE_TIMEOUT_SECONDS, STEP_SECONDS } from '../../../src/contract/answering';

/**
 * One sending of an event. CloudFormation may send the same request again, with another response URL: that is another call, with an
 * answer of its own. An event that Lambda delivers twice is the same call.
 */
export interface Call {
  /** A digest that nobody can know before the call. Client tokens and tags come from it. */
  readonly id: string;
  /** When CloudFormation sent the event, in milliseconds since 1970. */
  readonly sent: number;
  /** When it is too late to go on, in milliseconds since 1970: the answer has to arrive while CloudFormation waits. */
  readonly deadline: number;
}

const DIGEST_LENGTH = 16;
/** Lifetime of a response URL, in seconds. */
const URL_SECONDS = 7_200;

/** Returns the call that an event belongs to. @param received When it was received, in case its response URL does not contain a date. */
export function callOf(event: CloudFormationEvent, received: number): Call {
  const { RequestId, ResponseURL, ResourceProperties: { ServiceTimeout } } = event;
  const id = createHash('sha256').update(RequestId).update(ResponseURL).digest('hex').slice(0, DIGEST_LENGTH);
  const sent = sentAt(ResponseURL) ?? received;
  const seconds = Number(ServiceTimeout ?? SERVICE_TIMEOUT_SECONDS);
  return { id, sent, deadline: sent + 1000 * (seconds - STEP_SECONDS) };
}

/** Returns the name of the execution that does a call. Names are taken once, so that each call is done once. */
export function executionName({ RequestId }: CloudFormationEvent, { id }: Call): string {
  return `${RequestId}-${id}`;
}

const FAILED_ID = /^failed-([0-9a-f]+)$/;

/** Returns the physical id with which a creation fails whose step has ended: nothing is made later. */
export function failedId({ id }: Pick<Call, 'id'>): string {
  return `failed-${id}`;
}

/**
 * Returns the physical id with which a creation fails whose step may still be running, because its execution was stopped or has lost it.
 * Its deletion waits, as for a creation that CloudFormation cancelled.
 */
export function interruptedId({ id }: Pick<Call, 'id'>): string {
  return `interrupted-${id}`;
}

/** Returns the id of the call whose creation failed with this physical id. */
export function failedCallOf(physicalId: string): string | undefined {
  return FAILED_ID.exec(physicalId)?.[1];
}

/** Reads when the URL was signed. Older signatures have only their end. */
function sentAt(url: string): number | undefined {
  const query = new URL(url).searchParams;
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(query.get('X-Amz-Date') ?? '') ?? [];
  if (year !== undefined) { return Date.UTC(+year, +month - 1, +day, +hour, +minute, +second); }
  const expires = Number(query.get('Expires'));
  return expires > 0 ? 1000 * (expires - URL_SECONDS) : undefined;
}
