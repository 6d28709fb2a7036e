import { REGION } from '../environment';
import type { Context } from '../iam';
import { ServiceError, type Call } from '../service';
import type { Tag } from './state';

/** One operation of the API: takes the members of a request, returns those of the response. */
export type Operation = (call: Call, input: any) => Record<string, unknown> | void;
export type Operations = Record<string, Operation>;

/** Returns the Region whose endpoint is called. */
export function regionOf(call: Call): string {
  return /Credential=[^/]+\/\d+\/([^/]+)\//.exec(call.headers.authorization ?? '')?.[1] ?? REGION;
}

/** Returns the error of EFS for a member that is missing or not allowed. */
export function badRequest(message: string): ServiceError {
  return new ServiceError('BadRequest', 400, message);
}

/** Returns the condition keys of IAM for the tags that a request brings. */
export function requestTags(tags: Tag[]): Context {
  if (tags.length === 0) { return {}; }
  return {
    ...Object.fromEntries(tags.map(({ Key, Value }) => [`aws:RequestTag/${Key}`, Value])),
    'aws:TagKeys': tags.map(({ Key }) => Key),
  };
}
