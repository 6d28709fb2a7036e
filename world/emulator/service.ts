import type { IncomingHttpHeaders } from 'http';
import type { Context, Principal } from './iam';

/** One HTTP request, as a service sees it. */
export interface Call {
  readonly method: string;
  /** Path, still percent-encoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Who signed it. */
  readonly caller: Principal;
  /** Throws `AccessDenied` unless the caller's policies allow the action on (each of) the resources. */
  authorize(action: string, resource: string | string[], context?: Context): void;
  /** What `authorize` checks, without throwing. */
  allows(action: string, resource: string | string[], context?: Context): boolean;
  /** Lets time go by in which the service works. It goes on although nobody waits for the answer any more. */
  work(milliseconds: number): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | string;
}

/** One AWS service on the emulator's only port; found by the name it is signed for. */
export interface Service {
  /** The service name in the signature's credential scope: `elasticfilesystem`, `ebs`, `s3`, `ec2`, `states`, `lambda`, `kms` … */
  readonly signingName: string;
  /** The API operation that a request is for, `CreateFileSystem` say; for the log, and for faults. */
  operation(call: Call): string;
  handle(call: Call): Promise<Answer>;
  /** An error in the form of the service's protocol. */
  refuse(error: ServiceError): Answer;
}

/** What a service refuses with. `code` is the model's name of the error. */
export class ServiceError extends Error {
  constructor(
    public readonly code: string,
    public readonly status: number,
    message: string,
    /** Further members of the error's shape: `FileSystemId`, `Reason` … */
    public readonly members: Record<string, string> = {},
  ) {
    super(message);
    this.name = code;
  }
}

/** What IAM refuses with; each service renames it as the real one does. */
export class AccessDenied extends ServiceError {
  constructor(public readonly principal: string, public readonly action: string, public readonly resource: string) {
    super('AccessDeniedException', 403,
      `User: ${principal} is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`);
  }
}
