import { execFile } from 'child_process';
import { join } from 'path';
import { promisify } from 'util';
import { RemovalPolicy } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { DiskImage, FileSystem, MachineDisk, MachineImage, SnapshotImport } from '../../src';
import { EmulatorServer } from '../../world/emulator/server';
import type { Build } from '../harness/deployment/deployment-world';
import { disk, EbsWorld, IMAGES } from '../harness/deployment/ebs-world';

const COMMAND = join(__dirname, '..', '..', 'bin', 'cdk-durable-storage');

let world: EbsWorld;
beforeAll(async () => {
  world = await EbsWorld.start();
  await world.put(IMAGES, 'disk.img', disk(2, 'first'));
});
afterAll(() => world.close());

interface Listed {
  readonly id: string;
  readonly reason: string;
}

/** Runs the command as a user does. */
async function run(...args: string[]): Promise<string> {
  const { accessKeyId, secretAccessKey } = EmulatorServer.ADMIN;
  const { stdout } = await promisify(execFile)(process.execPath, [COMMAND, ...args], {
    env: {
      PATH: process.env.PATH,
      AWS_ENDPOINT_URL: world.emulator.server.url,
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    },
  });
  return stdout;
}

const orphans = async () => JSON.parse(await run('orphans', '--json')) as Listed[];

const build = (removalPolicy: RemovalPolicy, revision = '1'): Build => stack => {
  new FileSystem(stack, 'Files', { vpc: new ec2.Vpc(stack, 'Vpc', { natGateways: 0, availabilityZones: ['eu-west-1a'] }), removalPolicy });
  const image = DiskImage.fromBucket(Bucket.fromBucketName(stack, 'Images', IMAGES), 'disk.img');
  const imported = new SnapshotImport(stack, 'Disk', { image, sourceRevision: revision, removalPolicy });
  new MachineImage(stack, 'Machine', {
    rootDisk: MachineDisk.fromImport(imported),
    architecture: ec2.InstanceArchitecture.ARM_64,
    ...removalPolicy === RemovalPolicy.DESTROY ? { retainPrevious: 1 } : { removalPolicy },
  });
};

test('file systems, snapshots and AMIs of a living stack are no orphans, kept AMIs neither', async () => {
  (await world.deploy('Living', build(RemovalPolicy.DESTROY))).expectSuccess('CREATE_COMPLETE');
  (await world.deploy('Living', build(RemovalPolicy.DESTROY, '2'))).expectSuccess('UPDATE_COMPLETE');
  expect(world.emulator.ec2.images.all).toHaveLength(2);

  expect(await orphans()).toEqual([]);
  expect(await run('orphans')).toBe('0 of 5 file systems, snapshots and AMIs with tags of cdk-durable-storage belong to no stack\n');
});

test('things that a deleted stack has retained are listed with their stack, and stay', async () => {
  const deployed = (await world.deploy('Gone', build(RemovalPolicy.RETAIN))).expectSuccess('CREATE_COMPLETE');
  const ids = ['Files', 'Disk', 'Machine'].map(name => deployed.id(name));
  (await world.destroy('Gone')).expectSuccess('DELETE_COMPLETE');

  const listed = await orphans();
  expect(listed.map(({ id }) => id).sort()).toEqual([...ids].sort());
  for (const { reason } of listed) { expect(reason).toBe(`stack ${deployed.stackId} is deleted`); }
  expect(await run('orphans')).toContain('3 of 8 file systems, snapshots and AMIs');
  expect(await orphans()).toEqual(listed);
});

test('a thing that left its stack by a retained replacement is listed', async () => {
  const first = (await world.deploy('Replaced', build(RemovalPolicy.RETAIN))).expectSuccess('CREATE_COMPLETE').id('Disk');
  const { stackId } = (await world.deploy('Replaced', build(RemovalPolicy.RETAIN, '2'))).expectSuccess('UPDATE_COMPLETE');

  expect((await orphans()).find(({ id }) => id === first)?.reason).toMatch(new RegExp(`^stack ${stackId} has another one as Disk[0-9A-F]{8}$`));
});

test('an unknown command is refused with the usage', async () => {
  await expect(run('remove')).rejects.toThrow("unknown command 'remove'");
});
