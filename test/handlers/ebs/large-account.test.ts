import { EBSClient, StartSnapshotCommand } from '@aws-sdk/client-ebs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { Images } from '../../../lambda/ebs/images';
import { NetworkInterfaces } from '../../../lambda/efs/mount-targets/network-interfaces';
import { Snapshots } from '../../../lambda/transfer/snapshot/snapshots';
import { Emulator } from '../../../world/emulator/emulator';

/*
 * In an account with many resources, EC2 throttles calls that list without pages, and may answer with an empty page and a token.
 */
let emulator: Emulator;
let ec2: EC2Client;
beforeEach(async () => {
  jest.spyOn(console, 'log').mockImplementation();
  emulator = await Emulator.start({ ec2: { large: true } });
  ec2 = new EC2Client(emulator.config);
});
afterEach(async () => {
  ec2.destroy();
  await emulator.close();
  jest.restoreAllMocks();
});

test('snapshots are found by their tags', async () => {
  const ebs = new EBSClient(emulator.config);
  const { SnapshotId } = await ebs.send(new StartSnapshotCommand({ VolumeSize: 1, Tags: [{ Key: 'owner', Value: 'mine' }] }));
  ebs.destroy();
  emulator.clock.advance(60_000);
  const found = await new Snapshots(ec2).findTagged({ owner: 'mine' });
  expect(found.map(({ id }) => id)).toEqual([SnapshotId]);
});

test('a snapshot is found by its id, without pages', async () => {
  const ebs = new EBSClient(emulator.config);
  const { SnapshotId } = await ebs.send(new StartSnapshotCommand({ VolumeSize: 1 }));
  ebs.destroy();
  emulator.clock.advance(60_000);
  expect((await new Snapshots(ec2).find(SnapshotId!))?.id).toBe(SnapshotId);
});

test('images are listed', async () => {
  expect(await new Images(ec2).findTagged({ owner: 'mine' })).toEqual([]);
});

test('network interfaces of mount targets are listed', async () => {
  expect(await new NetworkInterfaces(ec2).leftBehind('fs-0123456789abcdef0', [])).toEqual([]);
});
