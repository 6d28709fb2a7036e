import { createHash } from 'crypto';
import { EBSClient } from '@aws-sdk/client-ebs';
import { EbsHandlerWorld } from './ebs-handler-world';
import { clientConfig } from '../../../lambda/shared/client-config';
import { exportClients, type ExportReadClients } from '../../../lambda/transfer/export/clients';
import { exportCopy } from '../../../lambda/transfer/export/copy';
import { exportPlan } from '../../../lambda/transfer/export/plan';
import type { ExportRecord } from '../../../lambda/transfer/export/store';
import { BlockReader } from '../../../lambda/transfer/snapshot/block-reader';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';

export const EXPORTS = 'exports';
const VOLUME_BLOCKS = 24;

/** One export whose functions a test calls one by one, on the emulated S3 and EBS. */
export class ExportWorld {
  public static async start(): Promise<ExportWorld> {
    const world = await EbsHandlerWorld.start({ ebs: { startWindow: 0 } });
    world.s3.createBucket(EXPORTS);
    const aws = { ...exportClients(), reader: new BlockReader(new EBSClient(clientConfig())) };
    const block = Buffer.alloc(BLOCK_SIZE, createHash('sha256').update('block').digest());
    const snapshotId = await world.givenSnapshot({ 1: block, 13: block });
    const record: ExportRecord = {
      exportId: 'export-1',
      stackId: 'stack',
      logicalId: 'Export',
      identity: '',
      requestId: '1',
      sent: 0,
      bucket: EXPORTS,
      key: 'disk.img',
      isDelta: false,
      volumeSize: 1,
      started: 0,
    };
    return new ExportWorld(world, aws, snapshotId, record);
  }

  private constructor(
    public readonly world: EbsHandlerWorld,
    public readonly aws: ExportReadClients,
    private readonly snapshotId: string,
    public readonly record: ExportRecord,
  ) {}

  public close(): Promise<void> {
    return this.world.close();
  }

  /** Runs work as Lambda does. */
  public run<T>(work: () => Promise<T>): Promise<T> {
    return this.world.run(work);
  }

  /** Begins the export, plans it, and uploads all of its parts: three, in two ranges. */
  public async givenUploaded({ owner = 'Stack/Export' } = {}): Promise<void> {
    await this.run(async () => {
      const uploadId = await this.aws.target.begin(this.record);
      await this.aws.store.saveRecord({ ...this.record, uploadId });
      const { exportId, bucket, key, volumeSize } = this.record;
      const input = { exportId, owner, snapshotId: this.snapshotId, volumeSize, bucket, key, uploadId };
      const deadline = { getRemainingTimeInMillis: () => 900_000 };
      const small = { partBlocks: 10, rangeParts: 2, blocks: VOLUME_BLOCKS };
      const planned = await exportPlan(this.aws, { plan: input, execution: exportId }, deadline, small);
      for (const { n } of planned.done ? planned.ranges : []) { await exportCopy(this.aws, { exportId, n }, deadline); }
    });
  }

  /** Writes an object that somebody else made. */
  public async givenForeign(key: string): Promise<void> {
    await this.world.s3.put(EXPORTS, key, 'mine');
  }

  public get keys(): string[] {
    return this.world.s3.buckets.get(EXPORTS)!.versions().map(({ key }) => key);
  }

  public get uploads(): number {
    return this.world.s3.buckets.get(EXPORTS)!.uploads.size;
  }

  public async text(key: string): Promise<string> {
    const { content } = this.world.s3.object(EXPORTS, key)!;
    return (await content.read(0, content.size)).toString();
  }

  /** Files of the export in the transfer bucket. */
  public get files(): string[] {
    return this.world.transferObjects.map(name => name.split('/').slice(2).join('/'));
  }
}
