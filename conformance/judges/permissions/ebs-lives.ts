import type { Account, Life } from './life';
import { EBS_RESOURCE_TYPES, type EbsResourceType } from '../../../src/contract/resource-types';
import { disk, IMAGES, properties, TRANSFERS } from '../../../test/harness/ebs/disk-images';
import { EbsHandlerWorld, type EbsHandlerWorldOptions } from '../../../test/harness/ebs/ebs-handler-world';
import { machineProperties } from '../../../test/harness/ebs/machine-stack';
import { Stack } from '../../../test/harness/stack';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';

type Properties = Record<string, unknown>;

const EXPORTS = 'exports';
const SMALL: EbsHandlerWorldOptions = {
  rangeBlocks: 4, smallExport: { partBlocks: 10, rangeParts: 2, blocks: 12 }, ebs: { startWindow: 0 }, rule: true,
};

/** An account with two images, two snapshots of another owner, the second of which is a child of the first, and a bucket for exports. */
class EbsAccount implements Account {
  public static async start(type: EbsResourceType, foreign: boolean): Promise<EbsAccount> {
    const world = await EbsHandlerWorld.start(SMALL);
    const stack = new Stack(world.clock, world.handlers, type);
    stack.onStatus = status => world.stacks.statuses.set(stack.stackId, status);
    const account = new EbsAccount(world, stack);
    account.key = world.kms.createKey().arn;
    await world.s3.put(IMAGES, 'disk.img', disk(5 * BLOCK_SIZE));
    const other = disk(5 * BLOCK_SIZE);
    other[77] += 1;
    await world.s3.put(IMAGES, 'other.img', other);
    world.s3.createBucket(EXPORTS, { versioned: true });
    if (!foreign) { return account; }
    account.first = await account.snapshot([0, 3, 9]);
    account.second = await account.snapshot([3, 4], account.first);
    return account;
  }

  public key!: string;
  public first!: string;
  public second!: string;

  private constructor(public readonly world: EbsHandlerWorld, public readonly stack: Stack) {}

  private async snapshot(indexes: number[], ParentSnapshotId?: string): Promise<string> {
    const blocks = Object.fromEntries(indexes.map(index => [index, Buffer.alloc(BLOCK_SIZE, `${index} ${ParentSnapshotId}`)]));
    const id = await this.world.givenSnapshot(blocks, { ParentSnapshotId });
    await this.world.clock.sleep(50_000);
    return id;
  }
}

function inventory({ world }: EbsAccount): Record<string, number> {
  const bucket = (name: string) => world.s3.buckets.get(name)!;
  return {
    snapshots: world.snapshotIds.length,
    images: world.ec2.images.all.length,
    shared: world.ec2.snapshots.all.filter(({ createVolumePermissions }) => createVolumePermissions.all.length > 0).length,
    tags: world.ec2.snapshots.all.reduce((sum, { tags }) => sum + tags.size, 0),
    transfers: bucket(TRANSFERS).versions().length,
    exports: bucket(EXPORTS).versions().length,
    uploads: bucket(EXPORTS).uploads.size,
  };
}

const ACCOUNT = '999900001111';
const tags = (entries: Record<string, string>) => Object.entries(entries).map(([Key, Value]) => ({ Key, Value }));
const exported = (more: Properties) => ({ Bucket: EXPORTS, Key: 'disk.img', Owner: 'Stack/Thing', RemovalPolicy: 'Delete', ...more });

type Play = Pick<Life<EbsAccount>, 'name' | 'deployments'> & {
  /** Whether the account has snapshots of another owner. @default true */
  readonly foreign?: boolean;
};

const PLAYS: Record<EbsResourceType, Play[]> = {
  'Custom::SnapshotImport': [
    {
      name: 'encrypted, verified, in increments',
      deployments: {
        'create': ({ key }) => properties({ KmsKeyId: key, Verify: 'FULL', Tags: tags({ a: '1' }) }),
        'update': ({ key }) => properties({ KmsKeyId: key, Verify: 'FULL', Tags: tags({ b: '1' }), Description: 'other' }),
        'replace by an increment': ({ key }) => properties({ KmsKeyId: key, Verify: 'FULL', SourceKey: 'other.img' }),
      },
      foreign: false,
    },
    {
      name: 'shared',
      deployments: {
        create: () => properties({ SharedWith: [ACCOUNT] }),
        update: () => properties({ SharedWith: ['999900002222'] }),
        replace: () => properties({ SourceKey: 'other.img', Incremental: false }),
      },
      foreign: false,
    },
    {
      name: 'on top of a snapshot of others',
      deployments: { create: ({ first }) => properties({ ParentSnapshotId: first }) },
    },
  ],
  'Custom::SnapshotExport': [{
    name: 'whole, then what changed',
    deployments: {
      'create': ({ first }) => exported({ SnapshotId: first }),
      'replace by a delta': ({ first, second }) => exported({ SnapshotId: second, SinceSnapshotId: first, Key: 'delta' }),
    },
  }],
  'Custom::MachineImage': [{
    name: 'an image',
    deployments: {
      create: ({ first }) => machineProperties(first, {
        Tags: tags({ a: '1' }), LaunchPermissions: [{ UserId: ACCOUNT }], DeprecateAt: '2030-01-01T00:00:00Z',
      }),
      update: ({ first }) => machineProperties(first, { Tags: tags({ b: '1' }), Description: 'other' }),
      replace: ({ second }) => machineProperties(second),
    },
  }],
};

export const EBS_LIVES: Life<EbsAccount>[] = EBS_RESOURCE_TYPES.flatMap(type => PLAYS[type].map(({ name, deployments, foreign = true }) => ({
  name: `${type.replace('Custom::', '')}: ${name}`, start: () => EbsAccount.start(type, foreign), deployments, inventory,
})));
