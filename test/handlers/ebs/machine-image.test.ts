import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import type { Image } from '../../../world/emulator/ec2';
import { BROKEN, THROTTLE, type Fault } from '../../../world/emulator/faults';
import { EbsHandlerWorld } from '../../harness/ebs/ebs-handler-world';
import { machineProperties, MachineStack, type Update } from '../../harness/ebs/machine-stack';
import { Stack } from '../../harness/stack';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

let world: EbsHandlerWorld;

beforeEach(async () => {
  world = await EbsHandlerWorld.start({ tick: SECOND });
  world.ec2.images.pendingTime = 10 * SECOND;
});
afterEach(() => world.close());

const machines = (name?: string) => new Stack(world.clock, world.handlers, 'Custom::MachineImage', 'Machine', name);
const givenSnapshot = () => world.ec2.snapshots.add({ volumeSize: 2, startTime: world.clock.now() }).snapshotId;
const images = () => world.ec2.images.all;
const imageIds = () => images().map(({ imageId }) => imageId);
const only = (): Image => {
  expect(images()).toHaveLength(1);
  return images()[0];
};
const stateTags = () => Object.fromEntries(images().map(({ imageId, tags }) => [imageId, tags.get(OWNERSHIP_TAGS.state)]));

describe('an image', () => {
  test('is registered as it was asked for, and handed out when it is available', async () => {
    const [root, data] = [givenSnapshot(), givenSnapshot()];
    const stack = machines();
    const begin = world.clock.now();

    const { ImageId, ImageName } = await stack.deploy(machineProperties(root, {
      BootMode: 'uefi',
      TpmSupport: 'v2.0',
      UefiData: Buffer.from('keys').toString('base64'),
      Description: 'ours',
      BlockDeviceMappings: [
        { DeviceName: '/dev/xvda', Ebs: { SnapshotId: root, VolumeType: 'gp3', VolumeSize: 8, Iops: 4000, Throughput: 500, DeleteOnTermination: true } },
        { DeviceName: '/dev/sdf', Ebs: { SnapshotId: data, VolumeType: 'io2', VolumeSize: 4, Iops: 200, DeleteOnTermination: false } },
      ],
      Tags: [{ Key: 'team', Value: 'storage' }],
    }));

    expect(world.clock.now() - begin).toBeGreaterThanOrEqual(10 * SECOND);
    expect(only()).toMatchObject({
      imageId: ImageId,
      name: ImageName,
      description: 'ours',
      architecture: 'x86_64',
      virtualizationType: 'hvm',
      enaSupport: true,
      bootMode: 'uefi',
      tpmSupport: 'v2.0',
      uefiData: 'a2V5cw==',
      imdsSupport: 'v2.0',
      rootDeviceName: '/dev/xvda',
      mappings: [
        { deviceName: '/dev/xvda', snapshotId: root, volumeSize: 8, volumeType: 'gp3', iops: 4000, throughput: 500, deleteOnTermination: true },
        { deviceName: '/dev/sdf', snapshotId: data, volumeSize: 4, volumeType: 'io2', iops: 200, deleteOnTermination: false },
      ],
    });
    expect(ImageName).toMatch(/^Stack\/Machine-[0-9a-f]{12}$/);
    expect(Object.fromEntries(only().tags)).toMatchObject({ team: 'storage', [OWNERSHIP_TAGS.stackId]: stack.stackId, [OWNERSHIP_TAGS.owner]: 'Stack/Machine' });
    expect(stateTags()).toEqual({ [ImageId]: undefined });

    await stack.destroy();
    expect(images()).toEqual([]);
    expect(world.snapshotIds).toEqual([root, data]);
  });

  test('that EC2 does not show at once is waited for', async () => {
    world.ec2.images.visibleAfter = 30 * SECOND;
    const { ImageId } = await machines().deploy(machineProperties(givenSnapshot()));
    expect(imageIds()).toEqual([ImageId]);
  });

  test('that EC2 cannot make is an error that says why, and leaves nothing', async () => {
    world.ec2.images.failNext = 'the snapshot has no partition table';
    await expect(machines().deploy(machineProperties(givenSnapshot())))
      .rejects.toThrow(/^EC2 could not make AMI ami-\w+, which is failed: the snapshot has no partition table$/);
    expect(images()).toEqual([]);
  });

  test('that somebody deregistered is an error of the next update', async () => {
    const stack = machines();
    const snapshotId = givenSnapshot();
    const { ImageId } = await stack.deploy(machineProperties(snapshotId));
    world.ec2.images.deregister(ImageId);
    const event = stack.event('Update', machineProperties(snapshotId, { Description: 'new' }), {
      PhysicalResourceId: ImageId, OldResourceProperties: stack.event('Update', machineProperties(snapshotId)).ResourceProperties,
    });
    await expect(stack.play(event)).rejects.toThrow(`AMI ${ImageId} no longer exists; somebody deregistered it`);
    await stack.destroy();
  });

  test('of a snapshot smaller than asked for is refused by EC2, in its words', async () => {
    const snapshotId = givenSnapshot();
    const mapping = { DeviceName: '/dev/xvda', Ebs: { SnapshotId: snapshotId, VolumeType: 'gp3', VolumeSize: 1, DeleteOnTermination: true } };
    await expect(machines().deploy(machineProperties(snapshotId, { BlockDeviceMappings: [mapping] })))
      .rejects.toThrow(/^ec2:RegisterImage failed for AMI Stack\/Machine-\w+: InvalidBlockDeviceMapping: Volume of size 1GB is smaller than snapshot/);
  });

  test('of another stack is left alone', async () => {
    const { ImageId } = await machines('Other').deploy(machineProperties(givenSnapshot()));
    const stack = machines();
    // Long ago, because an AMI is deregistered only when EC2 lists its successor, if it has one.
    const Since = `${world.clock.now() - 60_000}`;
    await stack.play(stack.event('Delete', machineProperties(givenSnapshot()), { PhysicalResourceId: ImageId, Since }));
    expect(imageIds()).toEqual([ImageId]);
  });
});

describe('in place', () => {
  const IN_A_YEAR = new Date(Date.UTC(2035, 0, 1)).toISOString();
  const first = {
    Description: 'first',
    Tags: [{ Key: 'a', Value: '1' }, { Key: 'b', Value: '2' }],
    LaunchPermissions: [{ UserId: '444455556666' }, { Group: 'all' }],
    DeprecateAt: IN_A_YEAR,
  };
  const second = {
    Tags: [{ Key: 'b', Value: '3' }],
    LaunchPermissions: [{ UserId: '777788889999' }, { OrganizationArn: 'arn:aws:organizations::111122223333:organization/o-abcdefghij' }],
  };
  const looks = () => {
    const { description, deprecationTime, launchPermissions, tags } = only();
    return { description, deprecationTime, shared: launchPermissions.all.sort(), tags: [...tags].filter(([key]) => !key.includes(':')).sort() };
  };
  const AS_FIRST = {
    description: 'first', deprecationTime: Date.parse(IN_A_YEAR), shared: ['Group all', 'UserId 444455556666'], tags: [['a', '1'], ['b', '2']],
  };
  const AS_SECOND = {
    description: '',
    deprecationTime: undefined,
    shared: ['OrganizationArn arn:aws:organizations::111122223333:organization/o-abcdefghij', 'UserId 777788889999'],
    tags: [['b', '3']],
  };

  test('description, tags, permissions and deprecation change, and change back when another resource fails', async () => {
    const stack = machines();
    const snapshotId = givenSnapshot();
    const { ImageId } = await stack.deploy(machineProperties(snapshotId, first));
    expect(looks()).toEqual(AS_FIRST);

    await expect(stack.deploy(machineProperties(snapshotId, second), { failAfter: true })).rejects.toThrow('another resource failed');
    expect(looks()).toEqual(AS_FIRST);
    await stack.deploy(machineProperties(snapshotId, second));
    expect(looks()).toEqual(AS_SECOND);
    expect(imageIds()).toEqual([ImageId]);

    const changes = ['ModifyImageAttribute', 'EnableImageDeprecation', 'DisableImageDeprecation'].map(name => world.server.count(`ec2:${name}`));
    await stack.deploy(machineProperties(snapshotId, { ...second, RetainPrevious: 1 }));
    expect(['ModifyImageAttribute', 'EnableImageDeprecation', 'DisableImageDeprecation'].map(name => world.server.count(`ec2:${name}`))).toEqual(changes);
  });

  test('a permission that somebody else gave is taken back', async () => {
    const stack = machines();
    const snapshotId = givenSnapshot();
    await stack.deploy(machineProperties(snapshotId, second));
    only().launchPermissions.modify('LaunchPermission', {
      structures: (name: string) => name.endsWith('Add') ? [{
        text: (key: string) => key === 'UserId' ? '999900001111' : undefined, required: () => '999900001111',
      }] : [],
    } as any);
    await stack.deploy(machineProperties(snapshotId, { ...second, Description: 'x' }));
    expect(looks().shared).toEqual(AS_SECOND.shared);
  });

  test('a deprecation date that has passed means at once, and once is enough', async () => {
    const stack = machines();
    const snapshotId = givenSnapshot();
    const past = new Date(world.clock.now() - 60 * MINUTE).toISOString();
    await stack.deploy(machineProperties(snapshotId, { DeprecateAt: past }));
    expect(only().deprecationTime! - world.clock.now()).toBeLessThan(3 * MINUTE);
    await world.clock.sleep(60 * MINUTE);
    await stack.deploy(machineProperties(snapshotId, { DeprecateAt: past, Description: 'new' }));
    expect(world.server.count('ec2:EnableImageDeprecation')).toBe(1);
  });
});

describe('another image', () => {
  const mapping = (snapshotId: string, ebs: object = {}) =>
    [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: snapshotId, VolumeType: 'gp3', DeleteOnTermination: true, ...ebs } }];

  test.each<[string, (snapshotId: string) => Record<string, unknown>]>([
    ['of another snapshot', () => ({ BlockDeviceMappings: mapping(givenSnapshot()) })],
    ['with another volume type', snapshotId => ({ BlockDeviceMappings: mapping(snapshotId, { VolumeType: 'gp2' }) })],
    ['for another architecture', () => ({ Architecture: 'arm64' })],
    ['with another boot mode', () => ({ BootMode: 'uefi-preferred' })],
    ['with a TPM', () => ({ BootMode: 'uefi', TpmSupport: 'v2.0' })],
    ['that allows IMDSv1', () => ({ ImdsSupport: undefined })],
    ['with a name of its own', () => ({ Name: 'golden image (v2)' })],
  ])('%s is there before the old one goes', async (_, change) => {
    const stack = machines();
    const snapshotId = givenSnapshot();
    const first = await stack.deploy(machineProperties(snapshotId));
    world.stacks.statuses.set(stack.stackId, 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
    let both = 0;
    world.server.faults.before('ec2:DeregisterImage', () => { both = images().length; });
    const second = await stack.deploy(machineProperties(snapshotId, change(snapshotId)));
    expect(second.ImageId).not.toBe(first.ImageId);
    expect(both).toBe(2);
    expect(imageIds()).toEqual([second.ImageId]);
  });

  test.each([
    'UPDATE_ROLLBACK_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS',
  ])('keeps the image that it replaces although CloudFormation still tells the rollback before (%s)', async before => {
    const stack = machines();
    const kept = (revision: object) => machineProperties(snapshotId, { RetainPrevious: 1, ...revision });
    const snapshotId = givenSnapshot();
    const first = stack.event('Create', kept({})).ResourceProperties;
    const next = stack.event('Create', kept({ Architecture: 'arm64' })).ResourceProperties;
    const { ImageId } = await stack.deploy(first);
    world.stacks.statuses.set(stack.stackId, 'UPDATE_IN_PROGRESS');
    const { id } = await stack.play(stack.event('Update', next, { PhysicalResourceId: ImageId, OldResourceProperties: first }));
    world.stacks.statuses.set(stack.stackId, 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
    const shown = world.clock.now() + 40_000;
    world.stacks.stale = { status: before, isOver: () => world.clock.now() >= shown };
    await stack.play(stack.event('Delete', first, { PhysicalResourceId: ImageId }));
    expect(imageIds().sort()).toEqual([ImageId, id].sort());
  });

  describe.each(['old', 'new'] as const)('that fails is rolled back with the %s id', rollbackWith => {
    test.each<[string, () => void, boolean]>([
      ['after EC2 refused it', () => { world.denied.push('ec2:RegisterImage'); }, false],
      ['after EC2 could not make it', () => { world.ec2.images.failNext = 'bad'; }, false],
      ['after it was complete', () => {}, true],
    ])('%s', async (_, break_, failAfter) => {
      const stack = machines();
      const snapshotId = givenSnapshot();
      const { ImageId } = await stack.deploy(machineProperties(snapshotId));
      world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS');
      break_();
      await expect(stack.deploy(machineProperties(snapshotId, { Architecture: 'arm64' }), { failAfter, rollbackWith })).rejects.toThrow();
      expect(stack.physicalId).toBe(ImageId);
      if (rollbackWith === 'new' || !failAfter) { expect(imageIds()).toEqual([ImageId]); }

      world.denied.length = 0;
      world.stacks.statuses.set(stack.stackId, 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
      const { ImageId: next } = await stack.deploy(machineProperties(snapshotId, { Architecture: 'arm64' }));
      expect(imageIds()).toEqual([next]);
    });
  });
});

describe('a name', () => {
  const named = (snapshotId: string, Name: string, more = {}) => machineProperties(snapshotId, { Name, ...more });

  test('that a foreign image has is an error, and nothing happens to that', async () => {
    const { ImageId } = await machines('Other').deploy(named(givenSnapshot(), 'golden'));
    await expect(machines().deploy(named(givenSnapshot(), 'golden')))
      .rejects.toThrow(`AMI name 'golden' is taken by ${ImageId}, which is not of this stack; choose another 'imageName', or leave it out`);
    expect(imageIds()).toEqual([ImageId]);
  });

  test('must change if the construct is renamed, and the error names the AMI of the stack', async () => {
    const stack = machines();
    const { ImageId } = await stack.deploy(named(givenSnapshot(), 'golden'));
    const renamed = new Stack(world.clock, world.handlers, 'Custom::MachineImage', 'Renamed', undefined, stack.stackId);
    await expect(renamed.deploy(named(givenSnapshot(), 'golden'))).rejects.toThrow(
      `AMI name 'golden' is taken by ${ImageId}, which is Machine of this stack: if that construct was renamed, change 'imageName' too, or leave it out`);
    expect(imageIds()).toEqual([ImageId]);
  });

  test('must change with the image', async () => {
    const stack = machines();
    const snapshotId = givenSnapshot();
    const { ImageId } = await stack.deploy(named(snapshotId, 'golden'));
    await expect(stack.deploy(named(snapshotId, 'golden', { Architecture: 'arm64' })))
      .rejects.toThrow(`AMI name 'golden' is taken by ${ImageId}, which would be replaced`);
    expect(imageIds()).toEqual([ImageId]);
    world.stacks.statuses.set(stack.stackId, 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
    await stack.deploy(named(snapshotId, 'golden-2', { Architecture: 'arm64' }));
    expect(only().name).toBe('golden-2');
  });
});

describe('no image is made twice or lost', () => {
  test('when events are delivered twice', async () => {
    const stack = machines();
    stack.deliveries = 2;
    const { ImageId } = await stack.deploy(machineProperties(givenSnapshot()));
    expect(imageIds()).toEqual([ImageId]);
    await stack.destroy();
    expect(images()).toEqual([]);
  });

  const FAULTS: Record<string, Fault> = { 'throttling': THROTTLE, 'a fault': BROKEN, 'a lost answer': { kind: 'lost-answer' } };
  test.each(Object.entries(FAULTS))('by %s of the first call of every operation', async (_, fault) => {
    const met = new Set<string>();
    world.server.faults.choose(operation => {
      if (met.has(operation)) { return undefined; }
      met.add(operation);
      return fault;
    });
    const stack = machines();
    const { ImageId } = await stack.deploy(machineProperties(givenSnapshot(), { Description: 'x', LaunchPermissions: [{ UserId: '444455556666' }] }));
    expect(imageIds()).toEqual([ImageId]);
    expect(only().launchPermissions.all).toEqual(['UserId 444455556666']);
    expect(met).toContain('ec2:RegisterImage');
    await stack.destroy();
    expect(images()).toEqual([]);
  });

  test('when a creation is cancelled before it ran, or while it does', async () => {
    const stack = machines();
    const wanted = machineProperties(givenSnapshot());
    const creation = stack.event('Create', wanted);
    const cancelled = stack.cancel(wanted);
    await world.clock.sleep(60 * SECOND);
    await world.handlers.act(creation);
    await cancelled;
    expect(images()).toEqual([]);

    await world.handlers.act(stack.event('Create', wanted));
    await stack.cancel(wanted);
    expect(images()).toEqual([]);
  });

  test('when a creation that is cancelled would be ready before its deletion comes', async () => {
    const stack = machines();
    const wanted = machineProperties(givenSnapshot());
    const event = stack.event('Create', wanted);
    const started = { ...event, ...await world.handlers.act(event) };
    world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
    await world.clock.sleep(60 * SECOND);
    expect(await world.handlers.poll(started)).toEqual({ IsComplete: false });
    await stack.cancel(wanted);
    expect(images()).toEqual([]);
  });

  test('when an update is cancelled, whose image would be ready before the event of the way back comes', async () => {
    const stack = machines();
    const [before, after] = [machineProperties(givenSnapshot()), machineProperties(givenSnapshot())];
    const { ImageId } = await stack.deploy(before);
    const event = stack.event('Update', after, { PhysicalResourceId: ImageId, OldResourceProperties: before });
    const started = { ...event, ...await world.handlers.act(event) };
    world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
    await world.clock.sleep(60 * SECOND);
    expect(await world.handlers.poll(started)).toEqual({ IsComplete: false });
    await stack.play(stack.event('Update', before, { PhysicalResourceId: ImageId, OldResourceProperties: after }));
    expect(imageIds()).toEqual([ImageId]);
  });

  test.each([['before', 'UPDATE_IN_PROGRESS'], ['in', 'UPDATE_ROLLBACK_IN_PROGRESS']])(
    'when an update is cancelled, and its image is made after the event of the way back, and %s that', async (_, status) => {
      const stack = machines();
      const [before, after] = [machineProperties(givenSnapshot()), machineProperties(givenSnapshot())];
      const { ImageId } = await stack.deploy(before);
      await stack.play(stack.event('Update', before, { PhysicalResourceId: ImageId, OldResourceProperties: after }));
      world.stacks.statuses.set(stack.stackId, status);
      const event = stack.event('Update', after, { PhysicalResourceId: ImageId, OldResourceProperties: before });
      const started = { ...event, ...await world.handlers.act(event) };
      world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_COMPLETE');
      await world.clock.sleep(30 * SECOND);
      expect(await world.handlers.poll(started)).toEqual({ IsComplete: false });
      await world.clock.sleep(60 * SECOND);
      // One that fails is followed by another.
      world.server.faults.choose(operation => operation === 'ec2:DeregisterImage'
        ? { kind: 'error', code: 'OperationNotPermitted', status: 400, message: 'not now' } : undefined);
      expect(await world.handlers.poll(started)).toEqual({ IsComplete: false });
      world.server.faults.clear();
      await expect(world.handlers.poll(started)).rejects.toThrow(/CloudFormation cancelled the operation for which ami-\w+ was made/);
      expect(imageIds()).toEqual([ImageId]);
    });
});

describe('images that were replaced', () => {
  let stack: MachineStack;

  beforeEach(() => { stack = new MachineStack(world); });

  const deploy = (revision: number, retain: number, more: Update = {}) =>
    stack.deploy({ revision: `${revision}`, ...more, machine: { RetainPrevious: retain, ...more.machine } });
  /** Exactly these images are there, and of each import that they use the snapshot. */
  const expectThere = (...there: { imageId: string; snapshotId: string }[]) => {
    expect(imageIds().sort()).toEqual(there.map(({ imageId }) => imageId).sort());
    expect(world.snapshotIds.sort()).toEqual(there.map(({ snapshotId }) => snapshotId).sort());
  };

  test('go with their snapshots if nobody wants to keep them', async () => {
    await deploy(1, 0);
    const second = await deploy(2, 0);
    expectThere(second);
    await stack.destroy();
    world.expectNothingLeft();
    expect(images()).toEqual([]);
  });

  test('are kept with their snapshots, the last so many, until the stack goes', async () => {
    const made = [];
    for (let i = 1; i <= 5; i++) {
      made.push(await deploy(i, 2));
      expectThere(...made.slice(-3));
    }
    expect(stateTags()).toEqual({ [made[2].imageId]: 'retained', [made[3].imageId]: 'retained', [made[4].imageId]: undefined });
    await stack.destroy();
    world.expectNothingLeft();
    expect(images()).toEqual([]);
  });

  test('share a snapshot where only the image changed, which stays with the last of them', async () => {
    const first = await deploy(1, 1);
    const second = await deploy(1, 1, { machine: { Architecture: 'arm64' } });
    expect(second.snapshotId).toBe(first.snapshotId);
    expect(imageIds()).toEqual([first.imageId, second.imageId]);
    const third = await deploy(2, 1);
    expectThere(second, third);
    const fourth = await deploy(3, 1);
    expectThere(third, fourth);
  });

  test.each(['old', 'new'] as const)('are not touched by an update that fails (rolled back with the %s id)', async rollbackWith => {
    const [first, second] = [await deploy(1, 1), await deploy(2, 1)];
    await expect(deploy(3, 1, { fail: true, rollbackWith })).rejects.toThrow('another resource failed');
    expectThere(first, second);
    expect(stack.machine!.id).toBe(second.imageId);
    world.denied.push('ec2:RegisterImage');
    await expect(deploy(3, 1, { rollbackWith })).rejects.toThrow('UnauthorizedOperation');
    world.denied.length = 0;
    expectThere(first, second);
    const third = await deploy(3, 1);
    expectThere(second, third);
  });

  test('are the current one again when the user goes back to them', async () => {
    const shared = { disk: { SharedWith: ['444455556666'] }, machine: { LaunchPermissions: [{ UserId: '444455556666' }] } };
    await deploy(1, 1);
    const first = await deploy(1, 1, shared);
    const second = await deploy(2, 1);
    expect(await deploy(1, 1)).toEqual(first);
    expectThere(first, second);
    expect(stateTags()).toMatchObject({ [second.imageId]: 'retained' });
    // As it is wanted now, not as it was then.
    expect(world.ec2.images.get(first.imageId).launchPermissions.all).toEqual([]);
    expect(world.ec2.snapshots.get(first.snapshotId).createVolumePermissions.all).toEqual([]);
    const third = await deploy(3, 1);
    expectThere(first, third);
    await stack.destroy();
    world.expectNothingLeft();
    expect(images()).toEqual([]);
  });

  test.each(['old', 'new'] as const)('stay when going back to them fails (rolled back with the %s id)', async rollbackWith => {
    const [first, second] = [await deploy(1, 1), await deploy(2, 1)];
    await expect(deploy(1, 1, { fail: true, rollbackWith })).rejects.toThrow('another resource failed');
    expectThere(first, second);
    expect(stateTags()).toEqual({ [first.imageId]: 'retained', [second.imageId]: undefined });
    await stack.destroy();
    world.expectNothingLeft();
    expect(images()).toEqual([]);
  });

  test('are not touched by a rollback while CloudFormation still shows the update', async () => {
    const [first, second] = [await deploy(1, 1), await deploy(2, 1)];
    let deletes = Infinity;
    world.stacks.stale = {
      status: 'UPDATE_IN_PROGRESS',
      isOver: () => {
        if (world.stacks.statuses.get(stack.stackId) === 'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS') { deletes = Math.min(deletes, world.clock.now()); }
        return world.clock.now() >= deletes + 50 * SECOND;
      },
    };
    await expect(deploy(3, 1, { fail: true })).rejects.toThrow('another resource failed');
    expectThere(first, second);
  });

  test('become fewer with the next new image, if fewer are wanted', async () => {
    const [first, second, third] = [await deploy(1, 2), await deploy(2, 2), await deploy(3, 2)];
    await deploy(3, 1);
    expectThere(first, second, third);
    const fourth = await deploy(4, 1);
    expectThere(third, fourth);
    const fifth = await deploy(5, 0);
    expectThere(fifth);
  });

  test('go when the machine image is removed from the stack', async () => {
    await deploy(1, 3);
    await deploy(2, 3);
    const { snapshotId } = await deploy(3, 3);
    await stack.removeMachine();
    expect(images()).toEqual([]);
    expect(world.snapshotIds).toEqual([snapshotId]);
  });

  test('are kept where CloudFormation does not say what it is doing', async () => {
    const [first, second] = [await deploy(1, 1), await deploy(2, 1)];
    world.stacks.broken = true;
    const third = await deploy(3, 1);
    expectThere(first, second, third);
    world.stacks.broken = false;
    const fourth = await deploy(4, 1);
    expectThere(third, fourth);
  });

  test('go although EC2 releases their snapshots late', async () => {
    world.ec2.images.releaseTime = 30 * SECOND;
    await deploy(1, 1);
    const second = await deploy(2, 1);
    const third = await deploy(3, 1);
    expectThere(second, third);
    await stack.destroy();
    world.expectNothingLeft();
    expect(images()).toEqual([]);
  });

  test.each([0, 1, 2, 3])('go with their records although a step ends after it has deleted one of them (%s)', async skip => {
    for (const revision of [1, 2, 3]) { await deploy(revision, 2); }
    await world.clock.sleep(7_200 * SECOND);
    world.server.faults.inject('s3:DeleteObjects', { kind: 'error', code: 'InvalidRequest', status: 400, message: 'not now' }, { skip });
    await expect(stack.destroy()).rejects.toThrow('not now');
    await stack.destroy();
    world.expectNothingLeft();
    expect(images()).toEqual([]);
  });

  test('keep their snapshot if CloudFormation retains the last one', async () => {
    const { snapshotId, imageId } = await deploy(1, 1);
    stack.machine = undefined;
    await stack.destroy();
    expect(imageIds()).toEqual([imageId]);
    expect(world.snapshotIds).toEqual([snapshotId]);
  });

  test('do not keep a snapshot that a foreign image uses: that is told', async () => {
    const { snapshotId } = await deploy(1, 0);
    // Anybody can write tags.
    const imageId = world.givenImage('foreign', snapshotId, { [OWNERSHIP_TAGS.stackId]: stack.stackId });
    await expect(stack.destroy()).rejects.toThrow(`snapshot ${snapshotId} cannot be deleted while ${imageId} uses it`);
    expect(imageIds()).toEqual([imageId]);
  });
});

test('a snapshot is shared with exactly the accounts that are wanted, in place, and as before after a failure', async () => {
  const stack = new MachineStack(world);
  const shared = () => world.ec2.snapshots.get(world.snapshotIds[0]).createVolumePermissions.all;
  await stack.deploy();
  await stack.deploy({ disk: { SharedWith: ['444455556666', '777788889999'] } });
  expect(shared()).toEqual(['UserId 444455556666', 'UserId 777788889999']);
  await expect(stack.deploy({ disk: { SharedWith: ['999900001111'] }, fail: true })).rejects.toThrow();
  expect(shared()).toEqual(['UserId 444455556666', 'UserId 777788889999']);
  await stack.deploy();
  expect(shared()).toEqual([]);
  expect(world.snapshotIds).toHaveLength(1);
});
