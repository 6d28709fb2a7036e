import { PutSnapshotBlockCommand, type EBSClient } from '@aws-sdk/client-ebs';
import { Wire, type Answer, type WireRequest } from '../http/client';
import { signedHeaders } from '../http/signature-v4';

/** The values of a request that differ from block to block. */
export interface BlockPut {
  readonly snapshotId: string;
  readonly index: number;
  readonly block: Uint8Array;
  /** SHA-256 of the block. */
  readonly digest: Buffer;
  /** Progress of the whole import, in percent. */
  readonly progress?: number;
}

/**
 * Sends PutSnapshotBlock without the work that the SDK repeats for each of a million requests. The SDK makes the first
 * request for a snapshot: endpoint, host, all headers. The others differ only in path, checksum and body. The credentials
 * come from the SDK's provider chain, which renews them, and the SDK reads the answers that are errors.
 */
export class BlockPuts {
  private readonly wire = new Wire();
  private template: { readonly snapshotId: string; readonly request: Promise<WireRequest> } | undefined;
  private region: string | undefined;

  constructor(private readonly ebs: EBSClient) {}

  /** Sends one request. Returns the checksum that EBS computed; throws the SDK's own errors. */
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
      // A failure to find Region or endpoint may be transient.
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
        // As the other SDKs do. The block's checksum is signed, and EBS compares it with the block.
        'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
      },
    };
  }

  /** Returns the request that the SDK would send for block 0, not signed yet. */
  private async firstRequest(snapshotId: string, block: Uint8Array): Promise<WireRequest> {
    const command = commandFor({ snapshotId, index: 0, block, digest: Buffer.alloc(32) });
    let request: WireRequest;
    command.middlewareStack.add(() => async args => {
      request = args.request as WireRequest;
      return { response: undefined, output: { $metadata: {} } };
    }, { step: 'build', priority: 'low', name: 'keepRequest' });
    await this.ebs.send(command);
    // The trace id belongs to one invocation of the function, but others use this template too.
    const { 'x-amzn-trace-id': _, 'X-Amzn-Trace-Id': __, ...headers } = request!.headers;
    return { ...request!, headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])) };
  }

  /** Has the SDK read an answer as if it had sent the request itself, so that it throws its own error. */
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
