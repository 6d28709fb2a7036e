import { EBSClient, StartSnapshotCommand } from '@aws-sdk/client-ebs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { clientConfig } from '../../../lambda/shared/client-config';
import { stateTag } from '../../../lambda/shared/state-tag';
import { importClients } from '../../../lambda/transfer/import/clients';
import { BlockReader } from '../../../lambda/transfer/snapshot/block-reader';
import { BlockWriter } from '../../../lambda/transfer/snapshot/block-writer';
import { Snapshots } from '../../../lambda/transfer/snapshot/snapshots';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import type { TransferInput } from '../../../src/contract/transfer';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { disk, IMAGES, TRANSFERS } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld, type EbsHandlerWorldOptions } from '../../harness/ebs/ebs-handler-world';

/** The context of an invocation that has all the time it needs. */
export const PLENTY = { getRemainingTimeInMillis: () => 900_000 };

/** The steps of one import, called one by one: a world, an image of 40 blocks in it, and a pending snapshot. */
export class Transfer {
  public static async start(options: EbsHandlerWorldOptions = {}): Promise<Transfer> {
    const world = await EbsHandlerWorld.start({ ebs: { startWindow: 0 }, ...options });
    const image = disk(40 * BLOCK_SIZE - 1);
    await world.s3.put(IMAGES, 'disk.img', image);
    const ebs = new EBSClient(clientConfig());
    const snapshots = new Snapshots(new EC2Client(clientConfig()));
    const aws = { ...importClients(), writer: new BlockWriter(ebs), reader: new BlockReader(ebs), snapshots };
    const snapshotId = await startSnapshot([{ Key: OWNERSHIP_TAGS.stackId, Value: 'stack' }, stateTag('creating')]);
    const source = await aws.source.pin({ bucket: IMAGES, key: 'disk.img' });
    return new Transfer(world, image, aws, { snapshotId, source });
  }

  private constructor(
    public readonly world: EbsHandlerWorld,
    public readonly image: Buffer,
    public readonly aws: ReturnType<typeof importClients> & { writer: BlockWriter; reader: BlockReader; snapshots: Snapshots },
    public readonly input: TransferInput,
  ) {}

  public get snapshotId(): string { return this.input.snapshotId; }

  /** The object of this name in the transfer bucket. */
  public async object(name: string): Promise<Buffer> {
    const { content } = this.world.s3.object(TRANSFERS, `transfers/${this.snapshotId}/${name}`)!;
    return content.read(0, content.size);
  }

  public async plan(): Promise<Record<string, unknown>> {
    return JSON.parse((await this.object('plan.json')).toString());
  }

  public has(name: string): boolean {
    return this.world.transferObjects.includes(`transfers/${this.snapshotId}/${name}`);
  }

  public removePlan(): void {
    this.world.s3.buckets.get(TRANSFERS)!.remove(`transfers/${this.snapshotId}/plan.json`, 'null');
  }
}

export async function startSnapshot(Tags: { Key: string; Value: string }[]): Promise<string> {
  return (await new EBSClient(clientConfig()).send(new StartSnapshotCommand({ VolumeSize: 1, Tags }))).SnapshotId!;
}
