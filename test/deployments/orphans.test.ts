import { execFile } from 'child_process';
import { join } from 'path';
import { promisify } from 'util';
import { CreateFileSystemCommand, EFSClient, UntagResourceCommand } from '@aws-sdk/client-efs';
import { RemovalPolicy } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { LifecyclePolicy } from 'aws-cdk-lib/aws-efs';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { DiskImage, FileSystem, LifecycleConfiguration, MachineDisk, MachineImage, SnapshotImport, TagSet } from '../../src';
import { OWNERSHIP_TAGS } from '../../src/contract/ownership';
import { EmulatorServer } from '../../world/emulator/server';
import type { Build } from '../harness/deployment/deployment-world';
import { disk, EbsWorld, IMAGES } from '../harness/deployment/ebs-world';

const COMMAND = join(__dirname, '..', '..', 'bin', 'cdk-durable-storage');

let world: EbsWorld;
let efs: EFSClient;
beforeAll(async () => {
  world = await EbsWorld.start();
  efs = new EFSClient(world.emulator.config);
  await world.put(IMAGES, 'disk.img', disk(2, 'first'));
});
afterAll(async () => {
  efs.destroy();
  await world.close();
});

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

interface Claim {
  readonly id: string;
  readonly kind: string;
  readonly reason: string;
  readonly command: string;
}

const list = async () => JSON.parse(await run('orphans', '--json')) as { things: Listed[]; claims: Claim[] };
const orphans = async () => (await list()).things;
const reasonOf = async (id: string) => (await orphans()).find(thing => thing.id === id)?.reason;

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
  expect(await run('orphans')).toBe('0 of 5 file systems, snapshots and AMIs with tags of cdk-durable-storage belong to no stack of this Region\n');
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

  expect(await reasonOf(first)).toMatch(new RegExp(`^stack ${stackId} has another one as Disk[0-9A-F]{8}$`));
});

test('a thing that a failed update may still want is no orphan', async () => {
  const first = (await world.deploy('Stuck', build(RemovalPolicy.RETAIN))).expectSuccess('CREATE_COMPLETE').id('Disk');
  const failed = await world.deploy('Stuck', build(RemovalPolicy.RETAIN, '2'), { disableRollback: true, failAfter: 'Machine' });
  expect(failed.status).toBe('UPDATE_FAILED');
  expect(await reasonOf(first)).toBeUndefined();
});

test('the snapshot of a kept AMI is no orphan, although its import got another name', async () => {
  const machine = (name: string, revision: string): Build => stack => {
    const image = DiskImage.fromBucket(Bucket.fromBucketName(stack, 'Images', IMAGES), 'disk.img');
    const imported = new SnapshotImport(stack, name, { image, sourceRevision: revision, removalPolicy: RemovalPolicy.DESTROY });
    const rootDisk = MachineDisk.fromImport(imported);
    new MachineImage(stack, 'Machine', { rootDisk, architecture: ec2.InstanceArchitecture.ARM_64, retainPrevious: 1 });
  };
  const kept = (await world.deploy('Renamed', machine('Disk', '1'))).expectSuccess('CREATE_COMPLETE').id('Disk');
  (await world.deploy('Renamed', machine('Image', '2'))).expectSuccess('UPDATE_COMPLETE');
  expect(world.emulator.ec2.snapshots.get(kept)).toBeDefined();
  expect(await reasonOf(kept)).toBeUndefined();
});

describe('a file system with the tags', () => {
  const given = async (stackId: string) => {
    const Tags = Object.entries({ [OWNERSHIP_TAGS.stackId]: stackId, [OWNERSHIP_TAGS.owner]: 'App/Files' }).map(([Key, Value]) => ({ Key, Value }));
    return (await efs.send(new CreateFileSystemCommand({ CreationToken: stackId.slice(0, 64), Tags }))).FileSystemId!;
  };

  test.each([
    ['Region', 'arn:aws:cloudformation:us-east-1:111122223333:stack/App/11111111-2222-3333-4444-555555555555'],
    ['account', 'arn:aws:cloudformation:eu-west-1:999988887777:stack/App/11111111-2222-3333-4444-555555555555'],
  ])('of a stack of another %s cannot be judged', async (_, stackId) => {
    expect(await reasonOf(await given(stackId))).toBe(`stack ${stackId} is of another Region or account, so it cannot be judged here`);
  });

  test('that its stack overwrote when it gave it back was released', async () => {
    expect(await reasonOf(await given('released'))).toBe('it was released, and no stack has taken it over');
  });
});

describe('a claim', () => {
  const claims: (id: string, removalPolicy: RemovalPolicy, more?: boolean) => Build = (id, removalPolicy, more = true) => stack => {
    const securityGroup = ec2.SecurityGroup.fromSecurityGroupId(stack, 'Group', 'sg-11111111');
    const fileSystem = FileSystem.fromFileSystemAttributes(stack, 'Files', { fileSystemId: id, securityGroup });
    const resources = [
      new LifecycleConfiguration(stack, 'Transitions', { fileSystem, lifecyclePolicy: LifecyclePolicy.AFTER_7_DAYS }),
      ...more ? [new TagSet(stack, 'Tags', { fileSystem, tags: { team: 'storage' } })] : [],
    ];
    resources.forEach(resource => resource.applyRemovalPolicy(removalPolicy));
  };
  const given = async (token: string) => {
    const { FileSystemId } = await efs.send(new CreateFileSystemCommand({ CreationToken: token }));
    await world.pass({ minutes: 3 });
    return FileSystemId!;
  };
  const claimsOn = async (id: string) => (await list()).claims.filter(claim => claim.id === id);

  test('of a deleted stack is listed with the command that removes it, and the value stays', async () => {
    const id = await given('claimed');
    (await world.deploy('Claiming', claims(id, RemovalPolicy.RETAIN))).expectSuccess('CREATE_COMPLETE');
    expect(await claimsOn(id)).toEqual([]);
    (await world.destroy('Claiming')).expectSuccess('DELETE_COMPLETE');

    const found = await claimsOn(id);
    expect(found.map(({ kind }) => kind)).toEqual(['lifecycle', 'tags']);
    const text = await run('orphans');
    for (const { reason, command } of found) {
      expect(reason).toMatch(/^Claiming\/\w+ of stack [0-9a-f-]{36} \(tag cdk-durable-storage:\w+:[0-9a-f]{16}\) is gone: its stack is deleted$/);
      expect(text).toContain(`    ${command}\n`);
      const [, resource, key] = /^aws efs untag-resource --region eu-west-1 --resource-id (\S+) --tag-keys (\S+)$/.exec(command)!;
      await efs.send(new UntagResourceCommand({ ResourceId: resource, TagKeys: [key] }));
    }
    expect(await claimsOn(id)).toEqual([]);
    const { lifecyclePolicies, tags } = world.emulator.efs.fileSystems.find(one => one.id === id)!;
    expect([lifecyclePolicies, tags]).toEqual([[{ TransitionToIA: 'AFTER_7_DAYS' }], { team: 'storage' }]);
  });

  test('of a living stack is listed if the stack no longer has the resource', async () => {
    const id = await given('left');
    (await world.deploy('Leaving', claims(id, RemovalPolicy.RETAIN))).expectSuccess('CREATE_COMPLETE');
    (await world.deploy('Leaving', claims(id, RemovalPolicy.RETAIN, false))).expectSuccess('UPDATE_COMPLETE');
    expect(await claimsOn(id)).toEqual([expect.objectContaining({ kind: 'tags', reason: expect.stringMatching(/is gone: its stack no longer has it$/) })]);
  });
});

test('an unknown command is refused with the usage', async () => {
  await expect(run('remove')).rejects.toThrow("unknown command 'remove'");
});
