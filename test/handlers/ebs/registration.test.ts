import type { RegistrationProperty } from '../../../src/contract/machine-image';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { disk, IMAGES, properties } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld } from '../../harness/ebs/ebs-handler-world';
import { machineProperties } from '../../harness/ebs/machine-stack';
import { Stack } from '../../harness/stack';

const SECOND = 1_000;

let world: EbsHandlerWorld;

beforeEach(async () => {
  world = await EbsHandlerWorld.start({ tick: SECOND });
  await world.s3.put(IMAGES, 'disk.img', disk(3 * BLOCK_SIZE));
});

afterEach(() => world.close());

const imports = () => world.stack();
const machines = (name: string, logicalId = 'Machine', stackId?: string) =>
  new Stack(world.clock, world.handlers, 'Custom::MachineImage', logicalId, name, stackId);
const registered = async (stack: Stack, Name: string) => {
  const { snapshotId } = world.ec2.snapshots.add({ volumeSize: 1, startTime: world.clock.now() });
  const { ImageId } = await stack.deploy(machineProperties(snapshotId, { Name }));
  // Filters of EC2 find it then.
  world.clock.advance(60 * SECOND);
  return ImageId;
};
const registrations = (more: Partial<RegistrationProperty>, rest: Record<string, unknown> = {}) =>
  properties({ Registrations: [{ LogicalId: 'Machine', ...more }], ...rest });

const refused = async (stack: Stack, more: Record<string, unknown>, message: string) => {
  const before = { snapshots: world.snapshotIds, starts: world.server.count('ebs:StartSnapshot') };
  await expect(stack.deploy(more)).rejects.toThrow(message);
  expect({ snapshots: world.snapshotIds, starts: world.server.count('ebs:StartSnapshot') }).toEqual(before);
};

describe('the name of a machine image that is registered from the snapshot', () => {
  test('is refused before the copying if an image of others has it', async () => {
    const taken = await registered(machines('Other'), 'golden');
    await refused(imports(), registrations({ Name: 'golden' }),
      `AMI name 'golden' is taken by ${taken}, which is not of this stack; choose another 'imageName', or leave it out`);
  });

  test('is refused before the copying if the image has it that would be replaced', async () => {
    const stack = imports();
    await stack.deploy(registrations({ Name: 'golden' }));
    const taken = await registered(machines('Stack', 'Machine', stack.stackId), 'golden');
    await refused(stack, registrations({ Name: 'golden' }, { SourceRevision: '2' }), `AMI name 'golden' is taken by ${taken}, which would be replaced`);
  });

  test('is refused before the copying if a renamed construct has it', async () => {
    const stack = imports();
    await stack.deploy(registrations({}));
    const taken = await registered(machines('Stack', 'Former', stack.stackId), 'golden');
    await refused(stack, registrations({ Name: 'golden' }, { SourceRevision: '2' }), `AMI name 'golden' is taken by ${taken}, which is Former of this stack`);
  });

  test('may be that of the image that there is, as long as the disk stays', async () => {
    const stack = imports();
    const { SnapshotId } = await stack.deploy(registrations({ Name: 'golden' }));
    await registered(machines('Stack', 'Machine', stack.stackId), 'golden');
    expect(await stack.deploy(registrations({ Name: 'golden' }, { Tags: [{ Key: 'team', Value: 'storage' }] }))).toMatchObject({ SnapshotId });
  });

  test('may be one that becomes free some seconds later', async () => {
    const taken = await registered(machines('Other'), 'golden');
    const begin = world.clock.now();
    world.clock.wakeAt(begin + 10 * SECOND, () => world.ec2.images.deregister(taken));
    await imports().deploy(registrations({ Name: 'golden' }));
    expect(world.ec2.images.all).toEqual([]);
  });

  test('may be that of an image that EC2 could not make', async () => {
    world.ec2.images.failNext = 'internal error';
    world.ec2.images.register({
      name: 'golden',
      description: '',
      architecture: 'x86_64',
      virtualizationType: 'hvm',
      rootDeviceName: '/dev/xvda',
      enaSupport: true,
      tags: {},
      mappings: [{
        deviceName: '/dev/xvda', snapshotId: world.ec2.snapshots.add({ volumeSize: 1, startTime: 0 }).snapshotId, volumeType: 'gp3', deleteOnTermination: true,
      }],
    });
    await imports().deploy(registrations({ Name: 'golden' }));
  });

  test('is not asked for where nobody may', async () => {
    await registered(machines('Other'), 'golden');
    world.denied.push('ec2:DescribeImages');
    await imports().deploy(registrations({ Name: 'golden' }));
  });

  test('keeps no rollback from importing a disk again that somebody deleted', async () => {
    const stack = imports();
    const { SnapshotId } = await stack.deploy(registrations({ Name: 'golden' }));
    await registered(machines('Stack', 'Machine', stack.stackId), 'golden');
    world.ec2.snapshots.remove(SnapshotId);
    await expect(stack.deploy(registrations({ Name: 'golden-2' }, { SourceRevision: '2' }), { failAfter: true, rollbackWith: 'new' }))
      .rejects.toThrow('another resource failed');
    expect(stack.physicalId).not.toBe(SnapshotId);
    expect(world.snapshotIds).toContain(stack.physicalId);
  });
});

describe('a machine image that is shared', () => {
  const message = (key: string, who: string) => `the snapshot would be encrypted with ${key}, which AWS manages, and EC2 shares no image with such a disk; `
    + `give a key of your own as 'kmsKey', or do not share machine image ${who}`;

  test.each(['OTHERS', 'ALL'])('with %s is refused before the copying if the account encrypts its disk by default with the key of AWS', async SharedWith => {
    world.ec2.encryptionByDefault = true;
    await refused(imports(), registrations({ SharedWith }), message(world.ec2.defaultKmsKeyArn, 'Machine'));
  });

  test('is refused before the copying if its disk is an increment of one that the key of AWS encrypts', async () => {
    const { SnapshotId } = await world.stack().deploy(properties({ Encrypted: true }));
    await refused(imports(), registrations({ SharedWith: 'OTHERS' }, { ParentSnapshotId: SnapshotId }),
      `parent ${SnapshotId} is encrypted with ${world.ec2.defaultKmsKeyArn}, which AWS manages, and EC2 shares no image with such a disk; `
      + 'copy the parent with a key of your own, or do not share machine image Machine');
  });

  test('is refused before the copying if it is public, and the account encrypts its disk by default', async () => {
    world.ec2.encryptionByDefault = true;
    const key = world.ec2.defaultKmsKeyId = world.kms.createKey().arn;
    await refused(imports(), registrations({ SharedWith: 'ALL' }), `the snapshot would be encrypted with ${key}, and EC2 makes no image with such a disk public; do not share machine image Machine with everybody`);
  });

  test('is made if a key of the account encrypts its disk', async () => {
    world.ec2.encryptionByDefault = true;
    world.ec2.defaultKmsKeyId = world.kms.createKey().arn;
    await imports().deploy(registrations({ SharedWith: 'OTHERS' }));
  });

  test.each(['OTHERS', 'ALL'])('with %s is made if nothing encrypts its disk', async SharedWith => {
    await imports().deploy(registrations({ SharedWith }));
  });
});

describe('a machine image whose volumes have a size of their own', () => {
  test('is refused before the copying if its disk is larger', async () => {
    await refused(imports(), registrations({ VolumeSize: '1' }, { VolumeSize: '2' }),
      "'volumeSize' of a disk of Machine is 1 GiB, but the snapshot would have 2 GiB; set it to at least as much");
  });

  test('is made if its disk is not larger', async () => {
    await imports().deploy(registrations({ VolumeSize: '2' }, { VolumeSize: '2' }));
  });
});
