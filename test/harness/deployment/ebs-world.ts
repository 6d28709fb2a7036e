import { createHash } from 'crypto';
import { DeploymentWorld, isOwnedBy, startEmulator } from './deployment-world';
import { OWNERSHIP_TAG_PREFIX, OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { BLOCK_SIZE, type SnapshotView } from '../../../world/emulator/ebs';
import type { EmulatorOptions } from '../../../world/emulator/emulator';
import { uploadInParts } from '../../../world/emulator/s3/upload';

export const IMAGES = 'images';
/** Keeps all versions. */
export const VERSIONED_IMAGES = 'versioned-images';

const MIB = 1024 * 1024;

/** An account with two buckets of images, and what tests ask about its snapshots. */
export class EbsWorld extends DeploymentWorld {
  public static override async start({ lambda, ...options }: EmulatorOptions = {}): Promise<EbsWorld> {
    const world = new EbsWorld(await startEmulator({ lambda: { maxProcesses: 20, ...lambda }, ...options }));
    world.emulator.s3.createBucket(IMAGES);
    world.emulator.s3.createBucket(VERSIONED_IMAGES, { versioned: true });
    return world;
  }

  /** Puts an image into a bucket, as its owner. */
  public async put(bucket: string, key: string, image: Buffer): Promise<{ versionId: string }> {
    return this.emulator.s3.put(bucket, key, image);
  }

  /** As a client does that uploads in parts, and gives each its SHA-256. */
  public async upload(bucket: string, key: string, image: Buffer): Promise<{ versionId: string }> {
    return uploadInParts(this.emulator.server.url, bucket, key, [image]);
  }

  /** Returns the ids of the snapshots that a construct made. @param path the name of the root stack and the path below it */
  public madeBy(path: string): string[] {
    const { snapshots } = this.emulator.ec2;
    return snapshots.all.filter(({ tags }) => isOwnedBy(tags.get(OWNERSHIP_TAGS.owner), path)).map(({ snapshotId }) => snapshotId);
  }

  public snapshot(id: string): SnapshotView {
    const found = this.emulator.ebs.snapshot(id);
    if (!found) { throw new Error(`there is no snapshot ${id}`); }
    return found;
  }

  /** Without those of this library. */
  public tags(id: string): Record<string, string> {
    return Object.fromEntries(Object.entries(this.snapshot(id).tags).filter(([key]) => !key.startsWith(OWNERSHIP_TAG_PREFIX)));
  }

  /** The snapshot is completed and holds the image, then zeros; every block of the image was written, zeros too, to it or to its parents. */
  public expectContent(id: string, image: Buffer): void {
    const { state, presentIndexes } = this.snapshot(id);
    expect(state).toBe('completed');
    const blocks = Math.ceil(image.length / BLOCK_SIZE);
    expect(presentIndexes.slice(0, blocks)).toEqual(Array.from({ length: blocks }, (_, i) => i));
    // A parent may have had more.
    const padded = Buffer.alloc(((presentIndexes.at(-1) ?? 0) + 1) * BLOCK_SIZE);
    image.copy(padded);
    expect(this.emulator.ebs.sha256(id, padded.length)).toBe(createHash('sha256').update(padded).digest('hex'));
  }

  /** Of these stacks' imports there are these snapshots and no others, and transfer buckets hold nothing of others, but of AMIs that exist. */
  public expectOnly(stackName: string, ...ids: string[]): void {
    const { ec2, s3 } = this.emulator;
    const made = ec2.snapshots.all.filter(({ tags }) => tags.get(`${OWNERSHIP_TAG_PREFIX}owner`)?.startsWith(`${stackName}/`));
    expect(made.map(({ snapshotId }) => snapshotId).sort()).toEqual([...ids].sort());
    const objects = this.transferBuckets(stackName).flatMap(name => s3.buckets.get(name)!.versions().map(({ key }) => key));
    const images = ec2.images.all.map(({ imageId }) => `images/${imageId}.json`);
    expect(objects.filter(key => !ids.includes(key.split('/')[1]) && !images.includes(key))).toEqual([]);
  }

  /** No snapshot, no transfer bucket. */
  public expectNothingLeft(stackName: string): void {
    this.expectOnly(stackName);
    expect(this.transferBuckets(stackName)).toEqual([]);
  }

  public transferBuckets(stackName: string): string[] {
    return [...this.emulator.s3.buckets.keys()].filter(name => name.startsWith(`${stackName.toLowerCase()}-`));
  }
}

/** A disk with a boot signature whose blocks differ from each other, with zeros between them; `seed` makes another one. */
export function disk(mebibytes: number, seed: string, odd = 0): Buffer {
  const bytes = Buffer.alloc(mebibytes * MIB + odd);
  for (let at = 0, block = 0; at < bytes.length; at += BLOCK_SIZE, block++) {
    if (block % 3 === 1) { continue; }
    bytes.fill(createHash('sha256').update(`${seed} ${block}`).digest(), at, Math.min(at + BLOCK_SIZE, bytes.length));
  }
  if (bytes.length >= 512) { bytes.set([0x55, 0xaa], 510); }
  return bytes;
}
