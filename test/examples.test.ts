import { mkdtempSync, rmSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { App, Stack, type CfnElement } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { World } from './deployment/world';
import { ACCOUNT, REGION } from './emulator/environment';

// The examples import the library by its name, as a user does.
jest.mock('cdk-durable-storage', () => jest.requireActual('../src'), { virtual: true });

const ENV = { account: ACCOUNT, region: REGION };
const folder = mkdtempSync(join(tmpdir(), 'examples-'));
let world: World;

beforeAll(async () => { world = await World.start({ lambda: { maxProcesses: 20 } }); });
afterAll(async () => {
  await world.close();
  rmSync(folder, { recursive: true, force: true });
});

const example = (file: string): Record<string, any> => jest.requireActual(`../examples/${file}`);
const image = (content: string) => world.file('disk.img', Buffer.alloc(512 * 1024, content));
const givenApp = () => new App({ outdir: mkdtempSync(join(folder, 'out-')), analyticsReporting: false });

/** Deploys the only stack of an example. */
async function deploy(file: string, construct: string, props: object) {
  const app = givenApp();
  const stack: Stack = new (example(file)[construct])(app, 'Example', { env: ENV, ...props });
  const outcome = await world.cloudFormation.deploy(app.synth().directory, 'Example');
  expect({ status: outcome.status, reason: outcome.reason }).toMatchObject({ status: expect.stringMatching(/^(CREATE|UPDATE)_COMPLETE$/) });
  const resource = (path: string) => {
    const construct_ = path.split('/').reduce((parent, id) => parent.node.findChild(id) as any, stack as any);
    return outcome.resources[stack.resolve((construct_.node.defaultChild as CfnElement).logicalId)];
  };
  return { resource };
}

test('golden-image: a new image is a new version of the launch template, and the image before stays while the group rolls', async () => {
  const { images } = world.emulator.ec2;
  const first = await deploy('golden-image', 'GoldenImageStack', { imagePath: image('a') });
  expect(first.resource('Template').attributes.LatestVersionNumber).toBe('1');
  const second = await deploy('golden-image', 'GoldenImageStack', { imagePath: image('b') });
  expect(second.resource('Template').attributes.LatestVersionNumber).toBe('2');
  expect(images.all.map(({ imageId }) => imageId)).toEqual([first, second].map(({ resource }) => resource('Machine/Resource').physicalId));
  expect((await world.cloudFormation.destroy('Example')).status).toBe('DELETE_COMPLETE');
  expect(images.all).toEqual([]);
  expect(world.emulator.ec2.snapshots.all).toEqual([]);
});

test('data-volume: the volume is made from the snapshot', async () => {
  const { resource } = await deploy('data-volume', 'DataVolumeStack', { imagePath: image('c') });
  expect(world.emulator.ec2.volumes).toMatchObject([{ snapshotId: resource('Data/Resource').physicalId, size: 2 }]);
  expect((await world.cloudFormation.destroy('Example')).status).toBe('DELETE_COMPLETE');
});

test('adoption: a stack that is deleted and deployed again has its file system again', async () => {
  const { resource } = await deploy('adoption', 'AdoptionStack', {});
  expect((await world.cloudFormation.destroy('Example')).status).toBe('DELETE_COMPLETE');
  const again = await deploy('adoption', 'AdoptionStack', {});
  expect(again.resource('Files/Resource').physicalId).toBe(resource('Files/Resource').physicalId);
});

test('shared-files: function and service wait for the mount targets, and may mount', () => {
  const stack: Stack = new (example('shared-files').SharedFilesStack)(givenApp(), 'Example', { env: ENV });
  const template = Template.fromStack(stack);
  for (const type of ['AWS::Lambda::Function', 'AWS::ECS::Service']) {
    const mounting = Object.values(template.findResources(type)).filter(({ Properties }) => type.endsWith('Service') || Properties.FileSystemConfigs);
    expect(mounting).toHaveLength(1);
    expect(mounting[0].DependsOn).toEqual(expect.arrayContaining([expect.stringMatching(/^FilesMountTargets/)]));
  }
});

test('foreign-files, and the parts of composition and pipeline synthesize, each with what is its own', () => {
  const foreign: Stack = new (example('foreign-files').ForeignFilesStack)(givenApp(), 'Example', { env: ENV, fileSystemId: 'fs-0123456789abcdef0' });
  Template.fromStack(foreign).resourceCountIs('Custom::MountTargets', 1);
  Template.fromStack(foreign).resourceCountIs('Custom::FileSystem', 0);

  const composition = new (example('composition').Composition)(givenApp(), 'Stage', { env: ENV, imagePath: image('d') });
  expect(composition.synth().stacks.map(({ stackName }: { stackName: string }) => stackName).sort()).toEqual(['Stage-Clients', 'Stage-Storage']);

  const app = givenApp();
  new (example('pipeline').PipelineStack)(app, 'Pipeline', {
    env: ENV, imagePath: image('e'), testAccount: '444455556666', productionAccount: '777788889999',
  });
  const assembly = app.synth();
  const stages = ['Test', 'Production'].map(name => assembly.getNestedAssembly(`assembly-Pipeline-${name}`).stacks[0]);
  expect(stages.map(({ environment }) => environment.account)).toEqual(['444455556666', '777788889999']);
  stages.forEach(({ template }) => {
    expect(Object.values<any>(template.Resources).map(({ Type }) => Type)).toEqual(expect.arrayContaining(['Custom::SnapshotImport', 'Custom::MachineImage']));
  });
});
