import { mkdtempSync, rmSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { CreateFileSystemCommand, EFSClient } from '@aws-sdk/client-efs';
import { App, Stack, type CfnElement } from 'aws-cdk-lib';
import type { StackOutcome } from '../../world/cloudformation';
import { connects } from '../../world/emulator/ec2/routing';
import { ACCOUNT, AVAILABILITY_ZONES, REGION } from '../../world/emulator/environment';
import { DeploymentWorld } from '../harness/deployment/deployment-world';
import { otherAccount, runPipeline, type Account } from '../harness/deployment/pipeline';
import { CDK_INIT_FLAGS, synthesized } from '../harness/feature-flags';

// The examples import the library by its name, as a user does.
jest.mock('cdk-durable-storage', () => jest.requireActual('../../src'), { virtual: true });

const ENV = { account: ACCOUNT, region: REGION };
const folder = mkdtempSync(join(tmpdir(), 'examples-'));
let world: DeploymentWorld;

beforeAll(async () => { world = await DeploymentWorld.start({ lambda: { maxProcesses: 20 } }); });
afterAll(async () => {
  await world.close();
  rmSync(folder, { recursive: true, force: true });
});

const example = (file: string): Record<string, any> => jest.requireActual(`../../examples/${file}`);
/** A disk with a boot signature. */
const image = (content: string) => {
  const bytes = Buffer.alloc(512 * 1024, content);
  bytes.set([0x55, 0xaa], 510);
  return world.file('disk.img', bytes);
};
const givenApp = () => new App({
  outdir: mkdtempSync(join(folder, 'out-')),
  analyticsReporting: false,
  context: { ...CDK_INIT_FLAGS, [`availability-zones:account=${ACCOUNT}:region=${REGION}`]: Object.keys(AVAILABILITY_ZONES) },
});

/** Deploys the only stack of an example, under the name of its file. */
async function deploy(file: string, construct: string, props: object) {
  const app = givenApp();
  const stack: Stack = new (example(file)[construct])(app, file, { env: ENV, ...props });
  const outcome = await world.cloudFormation.deploy(synthesized(app).directory, file);
  expectSuccess(outcome);
  const resource = (path: string) => {
    const construct_ = path.split('/').reduce((parent, id) => parent.node.findChild(id) as any, stack as any);
    return outcome.resources[stack.resolve((construct_.node.defaultChild as CfnElement).logicalId)];
  };
  return { resource, status: outcome.status, events: outcome.events };
}

function expectSuccess({ status, reason }: StackOutcome) {
  expect({ status, reason }).toMatchObject({ status: expect.stringMatching(/^(CREATE|UPDATE|DELETE)_COMPLETE$/) });
}

/** The stack is gone, but for its file system, which is retained, and which nobody can mount any more. */
function expectGone(outcome: StackOutcome, fileSystemId: string) {
  expectSuccess(outcome);
  expect(fileSystem(fileSystemId).lifeCycleState).toBe('available');
  expect(targetsOf(fileSystemId)).toEqual([]);
  expect(world.emulator.efs.accessPoints.filter(one => one.fileSystemId === fileSystemId)).toEqual([]);
}

const fileSystem = (fileSystemId: string) => world.emulator.efs.fileSystems.find(({ id }) => id === fileSystemId)!;
const targetsOf = (fileSystemId: string) => world.emulator.efs.mountTargets.filter(target => target.fileSystemId === fileSystemId);

test('golden-image: a new image is a new version of the launch template, and the image before stays while the group rolls', async () => {
  const { images } = world.emulator.ec2;
  const first = await deploy('golden-image', 'GoldenImageStack', { imagePath: image('a') });
  expect(first.resource('Template').attributes.LatestVersionNumber).toBe('1');
  const second = await deploy('golden-image', 'GoldenImageStack', { imagePath: image('b') });
  expect(second.resource('Template').attributes.LatestVersionNumber).toBe('2');
  expect(images.all.map(({ imageId }) => imageId)).toEqual([first, second].map(({ resource }) => resource('Machine').physicalId));
  expect((await world.cloudFormation.destroy('golden-image')).status).toBe('DELETE_COMPLETE');
  expect(images.all).toEqual([]);
  expect(world.emulator.ec2.snapshots.all).toEqual([]);
});

test('data-volume: the volume is made from the snapshot', async () => {
  const { resource } = await deploy('data-volume', 'DataVolumeStack', { imagePath: image('c') });
  expect(world.emulator.ec2.volumes).toMatchObject([{ snapshotId: resource('Data').physicalId, size: 2 }]);
  expect((await world.cloudFormation.destroy('data-volume')).status).toBe('DELETE_COMPLETE');
});

test('adoption: a stack that is deleted and deployed again has its file system again', async () => {
  const { resource } = await deploy('adoption', 'AdoptionStack', {});
  expect((await world.cloudFormation.destroy('adoption')).status).toBe('DELETE_COMPLETE');
  const again = await deploy('adoption', 'AdoptionStack', {});
  expect(again.resource('Files').physicalId).toBe(resource('Files').physicalId);
  expectGone(await world.cloudFormation.destroy('adoption'), resource('Files').physicalId);
});

test('shared-files: function and service find mount targets when they start, and may mount', async () => {
  const { efs } = world.emulator;
  const { resource, events } = await deploy('shared-files', 'SharedFilesStack', {});
  const fileSystemId = resource('Files').physicalId;
  expect(efs.accessPoints.filter(one => one.fileSystemId === fileSystemId)).toMatchObject([{ rootDirectory: { Path: '/uploads' } }]);
  // The player makes a function only if there is a mount target in each of its zones; a service waits until there is.
  const when = (logicalId: RegExp, status: string) => events.find(event => logicalId.test(event.logicalId) && event.status === status)!.timestamp;
  expect(when(/^Service[0-9A-F]{8}$/, 'CREATE_IN_PROGRESS')).toBeGreaterThanOrEqual(when(/^FilesMountTargets/, 'CREATE_COMPLETE'));

  const tagged = await deploy('shared-files', 'SharedFilesStack', { tags: { team: 'web' } });
  expect(tagged.status).toBe('UPDATE_COMPLETE');
  expect(efs.fileSystems.find(({ id }) => id === fileSystemId)!.tags).toMatchObject({ team: 'web' });
  expectGone(await world.cloudFormation.destroy('shared-files'), fileSystemId);
});

test('foreign-files: mount targets and tags go to another file system, and from there too, and leave each as it was', async () => {
  const efs = new EFSClient(world.emulator.config);
  const [first, second] = await Promise.all(['first', 'second'].map(async CreationToken =>
    (await efs.send(new CreateFileSystemCommand({ CreationToken, Tags: [{ Key: 'team', Value: 'others' }] }))).FileSystemId!));
  await world.pass({ minutes: 3 });
  const expectMine = (mine: string, others: string) => {
    expect(targetsOf(mine)).toHaveLength(2);
    expect(fileSystem(mine).tags).toMatchObject({ 'team': 'others', 'cost-center': '4711' });
    expectUntouched(others);
  };
  const expectUntouched = (id: string) => {
    expect(targetsOf(id)).toEqual([]);
    expect(fileSystem(id).tags).toEqual({ team: 'others' });
  };

  await deploy('foreign-files', 'ForeignFilesStack', { fileSystemId: first });
  expectMine(first, second);
  await deploy('foreign-files', 'ForeignFilesStack', { fileSystemId: second });
  expectMine(second, first);
  expect((await world.cloudFormation.destroy('foreign-files')).status).toBe('DELETE_COMPLETE');
  [first, second].forEach(expectUntouched);
});

test('composition: two stacks of a stage, one with a nested one; a new image changes what is nested and nothing else', async () => {
  const { ec2 } = world.emulator;
  const deployBoth = async (content: string) => {
    const app = givenApp();
    new (example('composition').Composition)(app, 'Stage', { env: ENV, imagePath: image(content) });
    const { directory } = synthesized(app);
    const outcomes = [await world.cloudFormation.deploy(directory, 'Stage-Storage'), await world.cloudFormation.deploy(directory, 'Stage-Clients')];
    outcomes.forEach(expectSuccess);
    return outcomes;
  };
  const id = (outcome: StackOutcome, type: string) => Object.values(outcome.resources).find(resource => resource.type === type)!.physicalId;

  const [storage, clients] = await deployBoth('d');
  const fileSystemId = id(storage, 'Custom::FileSystem');
  const [{ subnetId, securityGroups }] = targetsOf(fileSystemId);
  expect(connects(ec2, { subnetId, groups: [id(clients, 'AWS::EC2::SecurityGroup')] }, { subnetId, groups: securityGroups }, 2049)).toBe(true);
  expect(fileSystem(fileSystemId).tags).toMatchObject({ team: 'storage', Name: 'storage-files' });
  const [before] = ec2.snapshots.all;

  const again = await deployBoth('f');
  expect(ec2.snapshots.all).toHaveLength(1);
  expect(ec2.snapshots.all[0].snapshotId).not.toBe(before.snapshotId);
  expect(again.flatMap(({ events }) => events).filter(({ type }) => /^AWS::EC2|^Custom::(File|Mount|Tag)/.test(type))).toEqual([]);

  expectSuccess(await world.cloudFormation.destroy('Stage-Clients'));
  expectGone(await world.cloudFormation.destroy('Stage-Storage'), fileSystemId);
  expect(ec2.snapshots.all).toEqual([]);
});

test('private-network: functions in subnets that lead nowhere work by the endpoints, and name the one that is missing', async () => {
  const { ec2, server } = world.emulator;
  const before = server.calls.length;
  const deployed = (existingEndpoints: string[]) => {
    const app = givenApp();
    new (example('private-network').PrivateNetworkStack)(app, 'Private', { env: ENV, imagePath: image('g'), existingEndpoints });
    return world.cloudFormation.deploy(synthesized(app).directory, 'Private');
  };
  const failed = await deployed(['ebs']);
  expect(failed.status).toBe('ROLLBACK_COMPLETE');
  expect(failed.events.map(({ reason }) => reason).join()).toContain('no connection to ebs (');
  expect(ec2.snapshots.all).toEqual([]);

  const outcome = await deployed([]);
  expectSuccess(outcome);
  const endpoints = [...ec2.routing.endpoints.values()].map(({ serviceName }) => serviceName.split('.').pop()!);
  expect(endpoints).toHaveLength(9);
  const fileSystemId = Object.values(outcome.resources).find(({ type }) => type === 'Custom::FileSystem')!.physicalId;
  expectGone(await world.cloudFormation.destroy('Private'), fileSystemId);
  expect(ec2.snapshots.all).toEqual([]);

  const inVpc = server.calls.slice(before).filter(({ caller }) => /assumed-role\/Private-(?!CustomS3AutoDelete)/.test(caller));
  const called = new Set(inVpc.map(({ operation }) => operation.split(':')[0].replace('efs', 'elasticfilesystem')));
  expect(world.logs.filter(({ line }) => line.includes('no way to CloudFormation'))).toEqual([]);
  // Which is for throughput that is deferred.
  expect(endpoints.filter(service => !called.has(service))).toEqual(['scheduler']);
});

test('pipeline: each stage gets its own image in its own account, one after the other', async () => {
  const [testAccount, productionAccount] = ['444455556666', '777788889999'];
  const accounts = new Map<string, Account>();
  for (const account of [testAccount, productionAccount]) { accounts.set(account, await otherAccount(account)); }
  try {
    const app = givenApp();
    new (example('pipeline').PipelineStack)(app, 'Pipeline', { env: ENV, imagePath: image('e'), testAccount, productionAccount });
    const { directory } = synthesized(app);
    expectSuccess(await world.cloudFormation.deploy(directory, 'Pipeline'));
    const { pipelines, builds } = world.cloudFormation;
    const deployed = await runPipeline([...pipelines.values()][0], builds, directory, accounts);
    deployed.forEach(({ outcome }) => expectSuccess(outcome));
    expect(deployed.map(({ account, stackName }) => [account, stackName])).toEqual([[testAccount, 'Test-Servers'], [productionAccount, 'Production-Servers']]);
    for (const { account, stackName, outcome } of deployed) {
      const { emulator, cloudFormation } = accounts.get(account)!;
      const image_ = Object.values(outcome.resources).find(({ type }) => type === 'Custom::MachineImage')!;
      expect(emulator.ec2.images.all.map(({ imageId }) => imageId)).toEqual([image_.physicalId]);
      expectSuccess(await cloudFormation.destroy(stackName));
      expect([...emulator.ec2.images.all, ...emulator.ec2.snapshots.all]).toEqual([]);
    }
    expectSuccess(await world.cloudFormation.destroy('Pipeline'));
    expect([...pipelines, ...builds]).toEqual([]);
  } finally {
    for (const { emulator } of accounts.values()) { await emulator.close(); }
  }
});
