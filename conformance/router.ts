import { createServer, request, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * Stands before ministack. EC2 is in two parts: what concerns snapshots is
 * the emulator's, as the EBS direct APIs are, all else is ministack's, which
 * has the VPC. S3 is ministack's, whose answers are put right where they differ from S3's.
 */
export class Router {
  public static async start(parts: { readonly emulator: string; readonly others: string }): Promise<Router> {
    const router = new Router(parts);
    await new Promise<void>(resolve => router.server.listen(0, '127.0.0.1', resolve));
    return router;
  }

  private readonly server: Server;

  private constructor(private readonly parts: { readonly emulator: string; readonly others: string }) {
    this.server = createServer((incoming, response) => void this.forward(incoming, response));
  }

  public get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  public async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise(resolve => this.server.close(resolve));
  }

  private async forward(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) { chunks.push(chunk as Buffer); }
    const body = Buffer.concat(chunks);
    const ours = isForEmulator(incoming.headers, body);
    const headers = ours ? asAdministrator(incoming.headers) : incoming.headers;
    const outgoing = request(`${ours ? this.parts.emulator : this.parts.others}${incoming.url}`, { method: incoming.method, headers }, answer => {
      if (answer.statusCode === 200 && incoming.headers.range && /[?&]versionId=/.test(incoming.url!)) {
        return void answerRange(answer, incoming.headers.range, response);
      }
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    outgoing.on('error', () => response.destroy());
    outgoing.end(body);
  }
}

function isForEmulator({ authorization = '' }: IncomingHttpHeaders, body: Buffer): boolean {
  if (authorization.includes('/ebs/')) { return true; }
  if (!authorization.includes('/ec2/')) { return false; }
  const parameters = new URLSearchParams(body.toString());
  return /Snapshot/.test(parameters.get('Action') ?? '') || [...parameters].some(([, value]) => value.startsWith('snap-'));
}

/** ministack 1.5.33 ignores `Range` where there is a `versionId`; S3 does not. */
async function answerRange(whole: IncomingMessage, range: string, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of whole) { chunks.push(chunk as Buffer); }
  const body = Buffer.concat(chunks);
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range)!;
  const part = body.subarray(Number(first), last === '' ? undefined : Number(last) + 1);
  response.writeHead(206, {
    ...whole.headers,
    'content-length': part.length,
    'content-range': `bytes ${first}-${Number(first) + part.length - 1}/${body.length}`,
  });
  response.end(part);
}

/** The emulator does not know the sessions of the other's roles, and looks at no signature. */
function asAdministrator(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return { ...headers, authorization: headers.authorization?.replace(/Credential=[^/]+/, 'Credential=test') };
}
