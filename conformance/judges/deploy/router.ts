import { request, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { bodyOf, Proxy } from '../../tools/proxy';

/**
 * Stands before ministack. EC2 is in two parts: what concerns snapshots is
 * the emulator's, as the EBS direct APIs are, all else is ministack's, which
 * has the VPC. S3 and CloudFormation are ministack's, whose answers are put right where they differ from AWS.
 */
export class Router extends Proxy {
  constructor(private readonly parts: { readonly emulator: string; readonly others: string }) {
    super();
  }

  protected async forward(incoming: IncomingMessage, body: Buffer, response: ServerResponse): Promise<void> {
    const asked = new URLSearchParams(body.toString());
    if (asked.get('Action') === 'DescribeStackResource') { return this.answerStatus(asked, incoming.headers, response); }
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

  private async answerStatus(asked: URLSearchParams, { authorization = '' }: IncomingHttpHeaders, response: ServerResponse): Promise<void> {
    const parameters = new URLSearchParams({ Action: 'DescribeStackEvents', Version: '2010-05-15', StackName: asked.get('StackName')! });
    const events = await fetch(this.parts.others, { method: 'POST', headers: { authorization }, body: parameters });
    // The latest event is the first.
    const [, id, status] = [...(await events.text()).matchAll(EVENT)].find(([, each]) => each === asked.get('LogicalResourceId')) ?? [];
    response.writeHead(200, { 'content-type': 'text/xml' });
    response.end('<DescribeStackResourceResponse><DescribeStackResourceResult><StackResourceDetail>'
      + `<LogicalResourceId>${id}</LogicalResourceId><ResourceStatus>${status}</ResourceStatus>`
      + '</StackResourceDetail></DescribeStackResourceResult></DescribeStackResourceResponse>');
  }
}

/** ministack 1.5.33 lists a resource when it is complete; CloudFormation, from the beginning. The events of both have the status. */
const EVENT = /<LogicalResourceId>([^<]*)<\/LogicalResourceId>.*?<ResourceStatus>([^<]*)<\/ResourceStatus>/gs;

function isForEmulator({ authorization = '' }: IncomingHttpHeaders, body: Buffer): boolean {
  if (authorization.includes('/ebs/')) { return true; }
  if (!authorization.includes('/ec2/')) { return false; }
  const parameters = new URLSearchParams(body.toString());
  return /Snapshot/.test(parameters.get('Action') ?? '') || [...parameters].some(([, value]) => value.startsWith('snap-'));
}

/** ministack 1.5.33 ignores `Range` where there is a `versionId`; S3 does not. */
async function answerRange(whole: IncomingMessage, range: string, response: ServerResponse): Promise<void> {
  const body = await bodyOf(whole);
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
