import { PutSnapshotBlockCommand, type EBSClient } from '@aws-sdk/client-ebs';
import { Wire, type Answer, type WireRequest } from '../http/client';
import { signedHeaders } from '../http/signature-v4';

/** What differs from block to block. */
export interface BlockPut {
  readonly snapshotId: string;
  readonly index: number;
  readonly block: Uint8Array;
  /** SHA-256. */
  readonly digest: Buffer;
  /** Of the whole image, in percent. */
  readonly progress?: number;
}

/**
 * PutSnapshotBlock without what the SDK does anew for each of a million
 * requests. It makes the first request for a snapshot: endpoint, host, all
 * headers. The others differ in path, checksum and body only. The credentials
 * come from the SDK's provider chain, which renews them, and it reads the answers that are errors.
 */
export class BlockPuts {
  private readonly wire = new Wire();
  private template: { readonly snapshotId: string; readonly request: Promise<WireRequest> } | undefined;
  private region: string | undefined;

  constructor(private readonly ebs: EBSClient) {}

  /** One attempt. Answers with the checksum that EBS has computed; throws the SDK's own errors. */
  public async put(put: BlockPut): Promise<string | undefined> {
    const { config } = this.ebs;
    this.region ??= await config.region();
    const request = await this.requestFor(put);
    const credentials = await config.credentials();
    const answer = await this.wire.send({
      ...request,
      headers: signedHeaders(request, { region: this.region, service: 'ebs', credentials, now: Date.now() + config.systemClockOffset }),
    });
    return answer.statusCode < 300 ? answer.headers['x-amz-checksum'] : this.understand(put, answer);
  }

  private async requestFor({ snapshotId, index, block, digest, progress }: BlockPut): Promise<WireRequest> {
    if (this.template?.snapshotId !== snapshotId) {
      this.template = { snapshotId, request: this.firstRequest(snapshotId, block) };
      // A failure to find Region or endpoint may pass.
      this.template.request.catch(() => { this.template = undefined; });
    }
    const template = await this.template.request;
    return {
      ...template,
      path: template.path.replace(/0$/, String(index)),
      body: block,
      headers: {
        ...template.headers,
        'x-amz-checksum': digest.toString('base64'),
        ...(progress !== undefined && { 'x-amz-progress': String(progress) }),
        // The payload's hash is known already: it is the block's checksum.
        'x-amz-content-sha256': digest.toString('hex'),
      },
    };
  }

  /** As the SDK would send block 0, but not signed yet. */
  private async firstRequest(snapshotId: string, block: Uint8Array): Promise<WireRequest> {
    const command = commandFor({ snapshotId, index: 0, block, digest: Buffer.alloc(32) });
    let request: WireRequest;
    command.middlewareStack.add(() => async args => {
      request = args.request as WireRequest;
      return { response: undefined, output: { $metadata: {} } };
    }, { step: 'build', priority: 'low', name: 'keepRequest' });
    await this.ebs.send(command);
    // It names one invocation of the function, and others will use this.
    const { 'x-amzn-trace-id': _, 'X-Amzn-Trace-Id': __, ...headers } = request!.headers;
    return { ...request!, headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])) };
  }

  /** Has the SDK read an answer as if it had sent the request itself: it throws what EBS says. */
  private async understand(put: BlockPut, { statusCode, headers, body }: Answer): Promise<string | undefined> {
    const command = commandFor(put);
    command.middlewareStack.add(() => async () => ({ response: { statusCode, headers, body } }), { step: 'deserialize', priority: 'low', name: 'giveAnswer' });
    return (await this.ebs.send(command)).Checksum;
  }
}

function commandFor({ snapshotId, index, block, digest }: BlockPut): PutSnapshotBlockCommand {
  return new PutSnapshotBlockCommand({
    SnapshotId: snapshotId,
    BlockIndex: index,
    BlockData: block,
    DataLength: block.length,
    Checksum: digest.toString('base64'),
    ChecksumAlgorithm: 'SHA256',
  });
}
