import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { ConnectionHandler } from './connection';

export interface ConnectionOptions {
  /** Requests at once. @default 16 */
  readonly connections?: number;
  /** Milliseconds after which an unanswered request is given up. @default 20 seconds */
  readonly requestTimeout?: number;
}

/**
 * How every SDK client of this library is configured: one attempt, since
 * `retry.ts` repeats, and timeouts that really abort, which the SDK's default does not.
 */
export function clientConfig({ connections = 16, requestTimeout = 20_000 }: ConnectionOptions = {}) {
  return {
    maxAttempts: 1,
    requestHandler: new ConnectionHandler({
      connectionTimeout: 5_000,
      requestTimeout,
      throwOnRequestTimeout: true,
      httpAgent: new HttpAgent({ keepAlive: true, maxSockets: connections }),
      httpsAgent: new HttpsAgent({ keepAlive: true, maxSockets: connections }),
    }),
  };
}
