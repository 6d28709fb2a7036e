import type { Stack } from './stack';
import type { Clock } from '../emulator/clock';
import { REGION } from '../emulator/environment';
import { notImplemented, S3Error } from '../emulator/s3/errors';
import type { EmulatorServer, Unsigned } from '../emulator/server';

const HOST = 'cloudformation-custom-resource-response.invalid';
const PATH = '/cloudformation-custom-resource-response/';
/** The validity of a ResponseURL. */
export const EXPIRES_SECONDS = 7200;

interface Presigned {
  readonly url: URL;
  readonly expires: number;
  /** Absent after the first answer. */
  receive?: (body: Buffer) => void;
}

/** The bucket that receives the answers of custom resources, by presigned URLs. */
export class ResponseHost {
  private readonly bySignature = new Map<string, Presigned>();

  constructor(private readonly clock: Clock, private readonly server: EmulatorServer) {
    server.receiveAt(PATH, (body, path, request) => this.put(body, path, request));
  }

  /** Returns a URL of its own for each sending of an event. `receive` gets only the first body that is put there. */
  public presign(stack: Stack, logicalId: string, requestId: string, receive: (body: Buffer) => void): string {
    const now = this.serverTime;
    const date = timestamp(now);
    const key = `${stack.id}|${logicalId}|${requestId}`.split('/').map(encodeURIComponent).join('/');
    const signature = stack.ids.hex(64);
    const query = new URLSearchParams([
      ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
      ['X-Amz-Date', date],
      ['X-Amz-SignedHeaders', 'host'],
      ['X-Amz-Expires', String(EXPIRES_SECONDS)],
      ['X-Amz-Credential', `AKIA6L7Q4OWTXXXXXXXX/${date.slice(0, 8)}/${REGION}/s3/aws4_request`],
      ['X-Amz-Signature', signature],
    ]);
    const url = new URL(`https://${HOST}${PATH}${key}?${query}`);
    this.bySignature.set(signature, { url, expires: now + EXPIRES_SECONDS * 1000, receive });
    return url.href;
  }

  private put(body: Buffer, path: string, { method, query, headers }: Unsigned): void {
    if (headers['transfer-encoding'] !== undefined) { throw notImplemented('Transfer-Encoding'); }
    const presigned = this.bySignature.get(query.get('X-Amz-Signature') ?? '');
    if (!presigned || method !== 'PUT' || path !== presigned.url.pathname || !sameQuery(query, presigned.url.searchParams)) {
      throw new S3Error('SignatureDoesNotMatch', 403,
        'The request signature we calculated does not match the signature you provided. Check your key and signing method.');
    }
    const { expires } = presigned;
    if (this.serverTime > expires) {
      throw new S3Error('AccessDenied', 403, 'Request has expired',
        { 'X-Amz-Expires': String(EXPIRES_SECONDS), 'Expires': iso(expires), 'ServerTime': iso(this.serverTime) });
    }
    presigned.receive?.(body);
    presigned.receive = undefined;
  }

  private get serverTime(): number {
    return this.clock.now() + (this.server.clocksAhead ?? 0);
  }
}

function sameQuery(one: URLSearchParams, other: URLSearchParams): boolean {
  const sorted = (query: URLSearchParams) => JSON.stringify([...query].sort());
  return sorted(one) === sorted(other);
}

/** Returns `20261129T235959Z`. */
function timestamp(time: number): string {
  return iso(time).replace(/[-:]/g, '');
}

function iso(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}
