/** Operations that CloudFormation leaves as they failed, each at one of the EFS resources, and the operation after them. */
import { TagResourceCommand, UntagResourceCommand } from '@aws-sdk/client-efs';
import { RemovalPolicy } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { LifecyclePolicy, PerformanceMode } from 'aws-cdk-lib/aws-efs';
import * as iam from 'aws-cdk-lib/aws-iam';
import { FileSystem, FileSystemPolicy, LifecycleConfiguration, TagSet } from '../../../src';
import type { Build, Options } from '../../harness/deployment/deployment-world';
import { EfsWorld } from '../../harness/deployment/efs-world';

const FORWARD: Options = { disableRollback: true };

let world: EfsWorld;
/** A file system that no stack made. */
let theirs: string;
/** All that was known of it before the test. */
let untouched: unknown;
beforeAll(async () => {
  world = await EfsWorld.start();
  theirs = await world.foreignFileSystem('theirs');
  untouched = pictureOfTheirs();
});
afterAll(() => world.close());

/** Each test has a stack of its own, so that what one leaves fails no other. */
let name = '';
let stacks = 0;
beforeEach(() => { name = `Stack${++stacks}`; });

const pictureOfTheirs = () => JSON.parse(JSON.stringify([world.picture(theirs), world.fileSystem(theirs).lifecyclePolicies]));

interface Version {
  readonly variant: 'one' | 'two';
  /** Whether the file system is another one than in the version before. */
  readonly replaced?: boolean;
}
const ONE: Version = { variant: 'one' };
const TWO: Version = { variant: 'two' };
const REPLACED: Version = { variant: 'two', replaced: true };

const stackOf = ({ variant, replaced }: Version): Build => stack => {
  const { network } = world;
  const isOne = variant === 'one';
  const fileSystem = new FileSystem(stack, 'Files', {
    vpc: network.vpc(stack),
    securityGroup: network.group(stack, variant),
    enableAutomaticBackups: isOne || replaced,
    performanceMode: replaced ? PerformanceMode.MAX_IO : PerformanceMode.GENERAL_PURPOSE,
    allowReplacement: true,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  new FileSystemPolicy(stack, 'Policy', { fileSystem }).addToResourcePolicy(new iam.PolicyStatement({
    sid: variant, principals: [new iam.AnyPrincipal()], actions: ['elasticfilesystem:ClientMount'],
  }));
  new TagSet(stack, 'Billing', { fileSystem, tags: { billing: variant } });
  const foreign = FileSystem.fromFileSystemAttributes(stack, 'Theirs', {
    fileSystemId: theirs, securityGroup: ec2.SecurityGroup.fromSecurityGroupId(stack, 'TheirGroup', network.groups.one),
  });
  new LifecycleConfiguration(stack, 'Transitions', {
    fileSystem: foreign, lifecyclePolicy: isOne ? LifecyclePolicy.AFTER_7_DAYS : LifecyclePolicy.AFTER_30_DAYS,
  });
  new TagSet(stack, 'TheirBilling', { fileSystem: foreign, tags: { [`billing-${variant}`]: variant } });
};
const deploy = (version: Version, options: Options = {}) => world.deploy(name, stackOf(version), { ...FORWARD, ...options });

/** The account is as the template of this version says, and holds nothing besides. */
function expectVersion({ variant, replaced = false }: Version): string {
  const [id, ...others] = world.madeBy(`${name}/Files`);
  expect(others).toEqual([]);
  const { lifeCycleState, performanceMode, backupPolicy, policy } = world.fileSystem(id);
  expect([lifeCycleState, performanceMode, backupPolicy])
    .toEqual(['available', replaced ? 'maxIO' : 'generalPurpose', variant === 'one' || replaced ? 'ENABLED' : 'DISABLED']);
  world.expectTargets(id, `a ${variant}`, `b ${variant}`);
  expect(JSON.parse(policy!).Statement.map(({ Sid }: { Sid: string }) => Sid)).toEqual([variant]);
  expect(world.tags(id)).toMatchObject({ billing: variant });
  expect(world.ownTags(id).state).toBeUndefined();
  expect(world.fileSystem(theirs).lifecyclePolicies).toEqual([{ TransitionToIA: variant === 'one' ? 'AFTER_7_DAYS' : 'AFTER_30_DAYS' }]);
  expect(world.tags(theirs)).toEqual({ team: 'others', Name: 'theirs', [`billing-${variant}`]: variant });
  return id;
}

/** Makes one resource fail until the returned function is called: EFS refuses a call for good, or somebody else has set the tag. */
type Break = () => Promise<() => unknown>;
const refusing = (call: string): Break => async () => {
  let broken = true;
  world.emulator.server.faults.persist(new RegExp(`^efs:${call}$`), { kind: 'error', code: 'BadRequest', status: 400, message: 'simulated' }, () => broken);
  return () => { broken = false; };
};
const tagging = (key: string): Break => async () => {
  await world.client.send(new TagResourceCommand({ ResourceId: theirs, Tags: [{ Key: key, Value: 'theirs' }] }));
  return () => world.client.send(new UntagResourceCommand({ ResourceId: theirs, TagKeys: [key] }));
};

async function destroy(): Promise<void> {
  (await world.destroy(name)).expectSuccess('DELETE_COMPLETE');
  world.expectNothingLeft(name);
  expect(pictureOfTheirs()).toEqual(untouched);
}

const CREATIONS: [string, Break][] = [
  ['the file system before it exists', refusing('CreateFileSystem')],
  ['the file system after it was made', refusing('PutBackupPolicy')],
  ['the mount targets', refusing('CreateMountTarget')],
  ['the policy', refusing('PutFileSystemPolicy')],
  ['the lifecycle configuration', refusing('PutLifecycleConfiguration')],
  ['the tag set', tagging('billing-one')],
];

describe.each(CREATIONS)('a creation without rollback that fails at %s', (_, fail) => {
  test.each(['before', 'clean-up'] as const)('goes forward to one of each, if CloudFormation deletes failed creations %s', async failedCreations => {
    const mend = await fail();
    expect((await deploy(ONE)).status).toBe('CREATE_FAILED');
    await mend();
    (await deploy(ONE, { failedCreations })).expectSuccess('UPDATE_COMPLETE');
    expectVersion(ONE);
    await destroy();
  });
});

const UPDATES: [string, Break, Version][] = [
  ['the file system', refusing('PutBackupPolicy'), TWO],
  ['the mount targets', refusing('ModifyMountTargetSecurityGroups'), TWO],
  ['the policy', refusing('PutFileSystemPolicy'), TWO],
  ['the lifecycle configuration', refusing('PutLifecycleConfiguration'), TWO],
  ['the tag set', tagging('billing-two'), TWO],
  ['the mount targets of another file system', refusing('CreateMountTarget'), REPLACED],
  ['another file system that is made', refusing('PutBackupPolicy'), REPLACED],
];

describe.each(UPDATES)('an update without rollback that fails at %s', (_, fail, next) => {
  const failed = async (options?: Options) => {
    const id = (await deploy(ONE)).expectSuccess('CREATE_COMPLETE').id('Files');
    const mend = await fail();
    expect((await deploy(next, options)).status).toBe('UPDATE_FAILED');
    await mend();
    return id;
  };

  test.each([true, false])('goes forward (the failed resource was taken back: %s)', async takeBackFailedUpdates => {
    const id = await failed({ takeBackFailedUpdates });
    (await deploy(next)).expectSuccess('UPDATE_COMPLETE');
    expect(expectVersion(next) === id).toBe(!next.replaced);
    await destroy();
  });

  test('goes back by `cdk rollback`', async () => {
    const id = await failed();
    expect((await world.cloudFormation.rollbackStack(name)).status).toBe('UPDATE_ROLLBACK_COMPLETE');
    await world.pass({ minutes: 3 });
    expect(expectVersion(ONE)).toBe(id);
    await destroy();
  });
});
