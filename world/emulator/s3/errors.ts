import { ServiceError, type Answer } from '../service';
import { document, tag } from './xml';

/** An error of S3's, whose answer may need headers of its own. */
export class S3Error extends ServiceError {
  constructor(
    code: string, status: number, message: string, members: Record<string, string> = {}, public readonly headers: Record<string, string> = {},
  ) {
    super(code, status, message, members);
  }
}

/** The core's names for what S3 calls otherwise. */
const NAMES: Record<string, string> = {
  AccessDeniedException: 'AccessDenied',
  UnrecognizedClientException: 'InvalidAccessKeyId',
};

/** A HEAD's answer keeps only the status: HTTP drops the body. */
export function refusal(error: ServiceError): Answer {
  return {
    status: error.status,
    headers: { 'content-type': 'application/xml', ...error instanceof S3Error ? error.headers : {} },
    body: document('Error',
      tag('Code', NAMES[error.code] ?? error.code), tag('Message', error.message),
      ...Object.entries(error.members).map(([name, value]) => tag(name, value))),
  };
}

export const invalidRequest = (message: string) => new S3Error('InvalidRequest', 400, message);
export const invalidArgument = (message: string, name: string, value: string) =>
  new S3Error('InvalidArgument', 400, message, { ArgumentName: name, ArgumentValue: value });
export const invalidUri = () => new S3Error('InvalidURI', 400, "Couldn't parse the specified URI.");
export const malformedXml = () =>
  new S3Error('MalformedXML', 400, 'The XML you provided was not well-formed or did not validate against our published schema');
export const notImplemented = (what: string) => new S3Error('NotImplemented', 501, `the emulated S3 does not implement ${what}`);
export const noSuchBucket = (name: string) => new S3Error('NoSuchBucket', 404, 'The specified bucket does not exist', { BucketName: name });
export const preconditionFailed = (condition: string) =>
  new S3Error('PreconditionFailed', 412, 'At least one of the pre-conditions you specified did not hold', { Condition: condition });
