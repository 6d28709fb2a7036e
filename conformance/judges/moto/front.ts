import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { bodyOf, Proxy } from '../../tools/proxy';

/**
 * Stands before moto 5.2.5, and puts right what would end a resource's life
 * there before it begins: see docs/conformance.md. All else is moto's.
 */
export class Front extends Proxy {
  /** Started by the EBS direct APIs, and not completed yet. */
  private readonly pending = new Set<string>();
  /** What moto did that it should not, and was put right. */
  public readonly corrected = new Set<string>();

  constructor(private readonly moto: string) {
    super();
  }

  protected async forward(incoming: IncomingMessage, request: Buffer, response: ServerResponse): Promise<void> {
    const { status, headers, body } = await this.ask(incoming, request);
    const { authorization = '' } = incoming.headers;
    const answer = /\/(ebs|ec2)\//.test(authorization) ? await this.putRight(incoming, request, body) : body;
    response.writeHead(status, { ...headers, 'content-length': incoming.method === 'HEAD' ? headers['content-length'] : answer.length });
    response.end(answer);
  }

  private ask({ method, url, headers }: Pick<IncomingMessage, 'method' | 'url' | 'headers'>, body: Buffer) {
    return new Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer }>((resolve, reject) => {
      const outgoing = httpRequest(`${this.moto}${url}`, { method, headers: { ...headers, 'content-length': body.length } }, answer => {
        bodyOf(answer).then(received => resolve({ status: answer.statusCode!, headers: answer.headers, body: received }), reject);
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  private async putRight({ method, url = '', headers }: IncomingMessage, request: Buffer, answer: Buffer): Promise<Buffer> {
    const [path] = url.split('?');
    if (method === 'POST' && path === '/snapshots') { this.pending.add((JSON.parse(answer.toString()) as { SnapshotId: string }).SnapshotId); }
    if (path.startsWith('/snapshots/completion/')) { this.pending.delete(path.split('/').at(-1)!); }
    const parameters = new URLSearchParams(request.toString());
    switch (parameters.get('Action')) {
      // moto has it completed from its start.
      case 'DescribeSnapshots': return Buffer.from(answer.toString().replace(/<snapshotId>(snap-\w+)<(?:(?!<snapshotId>)[\s\S])*?<status>completed</g, (item, id: string) => {
        if (!this.pending.has(id)) { return item; }
        this.corrected.add('StartSnapshot');
        return item.replace('<status>completed<', '<status>pending<');
      }));
      // moto registers an image without its tags.
      case 'RegisterImage': {
        const tags = new URLSearchParams({ Action: 'CreateTags', Version: parameters.get('Version')! });
        tags.set('ResourceId.1', /<imageId>([^<]+)/.exec(answer.toString())![1]);
        for (const [name, value] of parameters) {
          const tag = /^TagSpecification\.1\.(Tag\..*)$/.exec(name)?.[1];
          if (tag !== undefined) { tags.set(tag, value); }
        }
        await this.ask({ method, url, headers }, Buffer.from(tags.toString()));
        this.corrected.add('RegisterImage');
        return answer;
      }
      default: return method === 'GET' && /^\/snapshots\/snap-\w+\/blocks$/.test(path) ? this.inOrder(url, answer) : answer;
    }
  }

  /** moto lists all blocks, in the order in which they were put. */
  private inOrder(url: string, answer: Buffer): Buffer {
    const listing = JSON.parse(answer.toString()) as { Blocks: { BlockIndex: number }[] };
    const from = Number(new URL(url, this.moto).searchParams.get('startingBlockIndex') ?? 0);
    const Blocks = listing.Blocks.filter(({ BlockIndex }) => BlockIndex >= from).sort((a, b) => a.BlockIndex - b.BlockIndex);
    const text = JSON.stringify({ ...listing, Blocks });
    if (text !== JSON.stringify(listing)) { this.corrected.add('ListSnapshotBlocks'); }
    return Buffer.from(text);
  }
}
