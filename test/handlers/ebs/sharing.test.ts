import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { disk, IMAGES, properties } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld } from '../../harness/ebs/ebs-handler-world';

const SharedWith = ['444455556666'];

let world: EbsHandlerWorld;

beforeEach(async () => {
  world = await EbsHandlerWorld.start();
  await world.s3.put(IMAGES, 'disk.img', disk(3 * BLOCK_SIZE));
});

afterEach(() => world.close());

describe('a snapshot that the key of AWS would encrypt is refused before it is started if it shall be shared', () => {
  const refused = async (more: Record<string, unknown>, message: string) => {
    const before = { snapshots: world.snapshotIds, starts: world.server.count('ebs:StartSnapshot') };
    await expect(world.stack('Shared').deploy(properties({ SharedWith, ...more }))).rejects.toThrow(message);
    expect({ snapshots: world.snapshotIds, starts: world.server.count('ebs:StartSnapshot') }).toEqual(before);
  };
  const message = (key: string) => `the snapshot would be encrypted with ${key}, which AWS manages, and EC2 shares no such snapshot; `
    + "give a key of your own as 'kmsKey', or leave 'sharedWithAccounts' out";

  test("if 'encrypted' is true", () => refused({ Encrypted: true }, message(world.ec2.defaultKmsKeyArn)));

  test('if the account encrypts by default', async () => {
    world.ec2.encryptionByDefault = true;
    await refused({}, message(world.ec2.defaultKmsKeyArn));
  });

  test("if it is given as 'kmsKey'", () => refused({ KmsKeyId: 'alias/aws/ebs' }, message(world.ec2.defaultKmsKeyArn)));

  test('if it is the key of the parent', async () => {
    const { SnapshotId } = await world.stack().deploy(properties({ Encrypted: true }));
    await refused({ ParentSnapshotId: SnapshotId }, `parent ${SnapshotId} is encrypted with ${world.ec2.defaultKmsKeyArn}, which AWS manages, `
      + "and EC2 shares no such snapshot; copy the parent with a key of your own, or leave 'sharedWithAccounts' out");
  });
});

test.each<[string, () => Record<string, unknown>]>([
  ['no key', () => ({})],
  ["a 'kmsKey' of the account", () => ({ KmsKeyId: world.kms.createKey().arn })],
  ['a default key of the account', () => {
    world.ec2.encryptionByDefault = true;
    world.ec2.defaultKmsKeyId = world.kms.createKey().arn;
    return {};
  }],
])('a snapshot with %s is shared', async (_, more) => {
  const { SnapshotId } = await world.stack().deploy(properties({ SharedWith, ...more() }));
  expect(world.ec2.snapshots.get(SnapshotId).createVolumePermissions.all).toEqual(['UserId 444455556666']);
});

test('a snapshot is shared where nobody may ask how the account encrypts', async () => {
  world.denied.push('ec2:GetEbsEncryptionByDefault');
  const { SnapshotId } = await world.stack().deploy(properties({ SharedWith }));
  expect(world.ec2.snapshots.get(SnapshotId).createVolumePermissions.all).toEqual(['UserId 444455556666']);
});
