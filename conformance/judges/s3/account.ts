import { strict as assert } from 'node:assert';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { BLOCK } from './bucket-content';
import { EbsDirect } from '../../../world/emulator/ebs';
import { Ec2 } from '../../../world/emulator/ec2';
import { REGION } from '../../../world/emulator/environment';
import { Kms } from '../../../world/emulator/kms';
import { EmulatorServer } from '../../../world/emulator/server';
import { environment } from '../../tools/folders';
import { HandlerAccount } from '../../tools/handler-account';
import { Background, freePort } from '../../tools/processes';

export const IMAGES = 'images';
export const EXPORTS = 'exports';
/** A bucket that keeps versions. */
export const VERSIONED = 'versioned';
export const TRANSFERS = 'transfers';

/** versitygw in a process of its own, over two folders, on loopback. */
export async function startGateway(program: string, folder: string): Promise<{ url: string; process: Background }> {
  const url = `http://127.0.0.1:${await freePort()}`;
  const [data, versions] = ['data', 'versions'].map(name => join(folder, name));
  [data, versions].forEach(path => mkdirSync(path));
  const { accessKeyId, secretAccessKey } = EmulatorServer.ADMIN;
  const process = await Background.start(program, ['--port', url.replace('http://', ''), '--region', REGION, 'posix', '--versioning-dir', versions, data], {
    url, env: environment({ ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey }), log: join(folder, 'versitygw.log'),
  });
  return { url, process };
}

/** Our handlers in this process. Their S3 is versitygw, everything else is our emulator. */
export class GatewayAccount extends HandlerAccount {
  public static async start(program: string, folder: string): Promise<GatewayAccount> {
    const gateway = await startGateway(program, folder);
    return new GatewayAccount(gateway.process, gateway.url).prepared();
  }

  public readonly s3: S3Client;
  public readonly ec2: Ec2;
  public readonly ebs: EbsDirect;

  private constructor(private readonly gateway: Background, public readonly url: string) {
    // versitygw checks the time of signatures.
    super({ transferBucket: TRANSFERS, realDate: true });
    const kms = new Kms(this.clock);
    this.ec2 = new Ec2(this.clock, kms);
    this.ebs = new EbsDirect(this.clock, this.ec2, kms);
    [kms, this.ec2, this.ebs].forEach(service => this.server.add(service));
    this.s3 = new S3Client({ endpoint: url, region: REGION, credentials: EmulatorServer.ADMIN });
  }

  public get snapshotIds(): string[] {
    return this.ec2.snapshots.all.map(({ snapshotId }) => snapshotId);
  }

  /** Runs an action just before the emulator handles the next call of an operation. */
  public beforeFirst(operation: string, action: () => void): void {
    this.server.faults.before(operation, action);
  }

  /** Throws unless the snapshot is completed and holds the image, and then zeros. */
  public expectDisk(snapshotId: string, image: Buffer): string {
    const { state } = this.ebs.snapshot(snapshotId)!;
    assert.equal(state, 'completed');
    const blocks = Math.ceil(image.length / BLOCK);
    const padded = Buffer.alloc(blocks * BLOCK);
    image.copy(padded);
    for (let i = 0; i < blocks; i++) {
      assert.ok(this.ebs.blockAt(snapshotId, i).equals(padded.subarray(i * BLOCK, (i + 1) * BLOCK)), `block ${i} differs`);
    }
    return `${blocks} blocks, identical`;
  }

  public async stop(): Promise<void> {
    await super.stop();
    await this.gateway.stop();
  }

  protected async prepare(): Promise<void> {
    await this.server.listen();
    await this.begin({ AWS_ENDPOINT_URL: this.server.url, AWS_ENDPOINT_URL_S3: this.url });
    for (const Bucket of [IMAGES, EXPORTS, VERSIONED, TRANSFERS]) {
      await this.s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: REGION } }));
    }
    await this.s3.send(new PutBucketVersioningCommand({ Bucket: VERSIONED, VersioningConfiguration: { Status: 'Enabled' } }));
  }
}
