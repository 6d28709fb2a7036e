import { CreateFileSystemCommand, EFSClient } from '@aws-sdk/client-efs';
import { RemovalPolicy, type Stack } from 'aws-cdk-lib';
import { Adopt, FileSystem, type FileSystemProps } from '../../../src';
import { DeploymentWorld } from '../../harness/deployment/deployment-world';
import { vpcIn } from '../../harness/deployment/efs-network';

let world: DeploymentWorld;
let foreign: string;
beforeEach(async () => {
  world = await DeploymentWorld.start();
  const client = new EFSClient(world.emulator.config);
  foreign = (await client.send(new CreateFileSystemCommand({ CreationToken: 'theirs', Encrypted: true, Tags: [{ Key: 'a', Value: 'b' }] }))).FileSystemId!;
  await world.pass({ minutes: 1 });
  client.destroy();
});
afterEach(() => world.close());

const files = (more: Partial<FileSystemProps> = {}) => (stack: Stack) =>
  void new FileSystem(stack, 'Files', { vpc: vpcIn(stack), removalPolicy: RemovalPolicy.DESTROY, ...more });
const ids = () => world.emulator.efs.fileSystems.map(({ id }) => id);

/** The functions run under the roles of the template. */
test.each<[string, () => Partial<FileSystemProps>]>([
  ['by id', () => ({ adoptFileSystemId: foreign })],
  ['by its token', () => ({ creationToken: 'theirs', adopt: Adopt.ALWAYS })],
])('a file system of somebody else is adopted %s, changed, and given back with its stack', async (_, how) => {
  const deployed = (await world.deploy('App', files(how()))).expectSuccess('CREATE_COMPLETE');
  expect(deployed.id('Files')).toBe(foreign);
  expect(world.emulator.efs.mountTargets).toHaveLength(2);
  (await world.deploy('App', files({ ...how(), fileSystemName: 'ours' }))).expectSuccess('UPDATE_COMPLETE');

  (await world.destroy('App')).expectSuccess('DELETE_COMPLETE');
  expect(ids()).toEqual([foreign]);
  expect(world.emulator.efs.mountTargets).toHaveLength(0);
});

test('nothing else lets the handler mark a foreign file system', async () => {
  (await world.deploy('App', files({ adoptFileSystemId: foreign }), { without: 'elasticfilesystem:TagResource' }))
    .expectFailure('ROLLBACK_COMPLETE', 'is not authorized to perform: elasticfilesystem:TagResource');
  expect(world.emulator.efs.fileSystems[0].tags).toEqual({ a: 'b' });
});

test('a file system moves from one stack to another that adopts it by id', async () => {
  const first = (await world.deploy('First', files({ removalPolicy: RemovalPolicy.RETAIN }))).expectSuccess('CREATE_COMPLETE');
  const id = first.id('Files');
  (await world.deploy('Second', files({ adoptFileSystemId: id })))
    .expectFailure('ROLLBACK_COMPLETE', `'adoptFileSystemId' is ${id}, but it still belongs to stack ${first.stackId}`);

  (await world.deploy('First', stack => void vpcIn(stack))).expectSuccess('UPDATE_COMPLETE');
  const second = (await world.deploy('Second', files({ adoptFileSystemId: id }))).expectSuccess('CREATE_COMPLETE');
  expect(second.id('Files')).toBe(id);
});

test('a change that would replace the file system is refused, and happens if allowed', async () => {
  const [before] = [(await world.deploy('App', files())).expectSuccess('CREATE_COMPLETE').id('Files')];
  (await world.deploy('App', files({ encrypted: false })))
    .expectFailure('UPDATE_ROLLBACK_COMPLETE', 'the file system would be replaced by a new, empty one, because encrypted from true to false cannot change');
  expect(ids()).toEqual([foreign, before]);
  const after = (await world.deploy('App', files({ encrypted: false, allowReplacement: true }))).expectSuccess('UPDATE_COMPLETE').id('Files');
  expect(ids()).toEqual([foreign, after]);
});
