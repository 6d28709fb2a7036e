import { EBSClient } from '@aws-sdk/client-ebs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { KMSClient } from '@aws-sdk/client-kms';
import { Parents } from '../../../../lambda/ebs/parents';
import { SnapshotStarter } from '../../../../lambda/ebs/snapshot-starter';
import { clientConfig } from '../../../../lambda/shared/client-config';
import type { CreateContext } from '../../../../lambda/shared/resource-lifecycle';
import { importClients } from '../../../../lambda/transfer/import/clients';
import { Snapshots } from '../../../../lambda/transfer/snapshot/snapshots';
import { OWNERSHIP_TAGS } from '../../../../src/contract/ownership';
import type { SnapshotImportProperties } from '../../../../src/contract/snapshot-import';
import { BLOCK_SIZE } from '../../../../world/emulator/ebs';
import { disk, IMAGES, properties } from '../../../harness/ebs/disk-images';
import { EbsHandlerWorld } from '../../../harness/ebs/ebs-handler-world';
import type { Stack } from '../../../harness/stack';

let world: EbsHandlerWorld;
let stack: Stack;
let parents: Parents;
let old: string;

beforeAll(async () => {
  world = await EbsHandlerWorld.start();
  await world.s3.put(IMAGES, 'disk.img', disk(BLOCK_SIZE));
  stack = world.stack();
  old = (await stack.deploy(properties({ VolumeSize: 2 }))).SnapshotId;
  const snapshots = new Snapshots(new EC2Client(clientConfig()));
  parents = new Parents({
    snapshots,
    starter: new SnapshotStarter(new EBSClient(clientConfig()), new KMSClient(clientConfig()), snapshots),
    store: importClients().store,
  });
});
afterAll(() => world.close());
afterEach(() => { jest.mocked(console.log).mockClear(); });

interface Case {
  readonly stackId?: string;
  readonly volumeSize?: number;
  readonly encrypted?: boolean;
  readonly oldId?: string;
  readonly more?: Partial<SnapshotImportProperties>;
}

function choose({ stackId = stack.stackId, volumeSize = 2, encrypted = false, oldId = old, more }: Case = {}) {
  const context = { stackId, logicalId: 'Image', requestId: 'r', identity: 'i', deletionBegan: 0, old: {}, oldId } as CreateContext<SnapshotImportProperties>;
  return parents.choose({ ...more } as SnapshotImportProperties, context, { volumeSize, encrypted });
}
const reasons = () => jest.mocked(console.log).mock.calls
  .map(([line]) => JSON.parse(line as string) as { because?: string })
  .flatMap(({ because }) => because ?? []);

test('the snapshot that is replaced is the parent, also of a larger one', async () => {
  expect(await choose()).toEqual({ snapshotId: old });
  expect(await choose({ volumeSize: 3 })).toEqual({ snapshotId: old });
  expect(reasons()).toEqual([]);
});

describe('the snapshot that is replaced is no parent, for a reason in the log,', () => {
  test.each<[string, Case, RegExp]>([
    ['of another stack', { stackId: 'arn:aws:cloudformation:eu-west-1:111122223333:stack/Other/1' }, /not of this stack/],
    ['of a smaller one', { volumeSize: 1 }, /has 2 GiB, which is more than 1/],
    ['of an encrypted one', { encrypted: true }, /not encrypted/],
    ['if it does not exist', { oldId: 'snap-00000000000000000' }, /no longer exists/],
    ['if the user switched increments off', { more: { Incremental: 'false' } }, /'incremental' is false/],
    ['if zeros are left out', { more: { ZeroBlocks: 'OMIT' } }, /'zeroBlocks' is OMIT/],
  ])('%s', async (_, given, reason) => {
    expect(await choose(given)).toBeUndefined();
    expect(reasons()).toEqual([expect.stringMatching(reason)]);
  });

  test('once it is condemned', async () => {
    const { tags } = world.ec2.snapshots.get(old);
    tags.set(OWNERSHIP_TAGS.state, 'condemned');
    expect(await choose()).toBeUndefined();
    tags.delete(OWNERSHIP_TAGS.state);
    expect(reasons()).toEqual(['it is being deleted']);
  });
});

test('a parent that the user named is used whatever is replaced, and refused if it does not fit', async () => {
  expect(await choose({ oldId: 'snap-00000000000000000', more: { ParentSnapshotId: old } })).toEqual({ snapshotId: old });
  await expect(choose({ more: { ParentSnapshotId: old }, volumeSize: 1 })).rejects.toThrow(`'volumeSize' is 1 GiB, but parent ${old} has 2 GiB`);
  const { tags } = world.ec2.snapshots.get(old);
  tags.set(OWNERSHIP_TAGS.state, 'condemned');
  await expect(choose({ more: { ParentSnapshotId: old } })).rejects.toThrow(`parent ${old} is being deleted`);
  tags.delete(OWNERSHIP_TAGS.state);
});
