import { NestedStack, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { FileSystem, type FileSystemProps } from '../../../src';
import type { Build } from '../../harness/deployment/deployment-world';
import { EfsWorld } from '../../harness/deployment/efs-world';

const BYTES = 1_000_000;

let world: EfsWorld;
beforeEach(async () => { world = await EfsWorld.start(); });
afterEach(() => world.close());

type Props = Partial<FileSystemProps>;

const files = (scope: Construct, id: string, props: Props): void => {
  new FileSystem(scope, id, {
    vpc: world.network.vpc(Stack.of(scope)), securityGroup: world.network.group(Stack.of(scope), 'one'), removalPolicy: RemovalPolicy.DESTROY, ...props,
  });
};
const old: Build = stack => files(stack, 'Old', {});
const moved: [string, string, (props?: Props) => Build][] = [
  ['renamed', 'New', (props = {}) => stack => files(stack, 'New', props)],
  ['moved into another construct', 'Data/Files', (props = {}) => stack => files(new Construct(stack, 'Data'), 'Files', props)],
];

async function deployed(): Promise<{ id: string; place: string }> {
  const id = (await world.deploy('App', old)).expectSuccess('CREATE_COMPLETE').id('Old');
  world.emulator.efs.setSizeInBytes(id, BYTES);
  return { id, place: world.ownTags(id).owner.slice('App/'.length) };
}
const ids = () => world.emulator.efs.fileSystems.map(one => one.id);

describe.each(moved)('a construct that is %s', (_, path, build) => {
  test('takes the file system and its mount targets over in one deployment, and its removal policy goes on to count', async () => {
    const { id, place } = await deployed();
    const targets = world.targetsOf(id).map(target => target.id);
    expect((await world.deploy('App', build({ formerly: [place] }))).expectSuccess('UPDATE_COMPLETE').id(path)).toBe(id);
    expect(ids()).toEqual([id]);
    expect(world.targetsOf(id).map(target => target.id)).toEqual(targets);

    (await world.destroy('App')).expectSuccess('DELETE_COMPLETE');
    expect(ids()).toEqual([]);
  });

  test('gives it back when the deployment fails', async () => {
    const { id, place } = await deployed();
    const before = world.ownTags(id);
    const targets = world.targetsOf(id).map(target => target.id);
    (await world.deploy('App', build({ formerly: [place] }), { failAfter: path })).expectRolledBack();
    expect(ids()).toEqual([id]);
    expect(world.targetsOf(id).map(target => target.id)).toEqual(targets);
    const { identity: _identity, 'request-id': _call, ...kept } = before;
    expect(world.ownTags(id)).toMatchObject(kept);

    (await world.destroy('App')).expectSuccess('DELETE_COMPLETE');
    expect(ids()).toEqual([]);
  });

  test('does not lose its data without "formerly": the deletion is refused, and names it', async () => {
    const { id, place } = await deployed();
    (await world.deploy('App', build())).expectFailure('UPDATE_COMPLETE', `names it by 'formerly', here ['${place}']`);
    expect(ids()).toContain(id);
    const found = (await world.deploy('App', build({ adoptFileSystemId: id, allowReplacement: true }))).expectSuccess('UPDATE_COMPLETE');
    expect(found.id(path)).toBe(id);
    expect(ids()).toEqual([id]);
  });
});

test('a nested stack that is renamed takes its file system over', async () => {
  const nested = (name: string, props: Props = {}): Build => stack => files(new NestedStack(stack, name), 'Files', props);
  (await world.deploy('App', nested('Before'))).expectSuccess('CREATE_COMPLETE');
  const [id] = ids();
  const place = world.ownTags(id).owner.slice('App/'.length);
  (await world.deploy('App', nested('After', { formerly: [place] }))).expectSuccess('UPDATE_COMPLETE');
  expect(ids()).toEqual([id]);
  (await world.destroy('App')).expectSuccess('DELETE_COMPLETE');
  expect(ids()).toEqual([]);
});

test.each<[string, (stack: Stack) => Construct, (stack: Stack) => Construct]>([
  ['into another nested stack', stack => new NestedStack(stack, 'Before'), stack => new NestedStack(stack, 'After')],
  ['out of a nested stack', stack => new NestedStack(stack, 'Before'), stack => stack],
])('a file system that moves %s without "formerly" keeps its data: the deletion is refused', async (_, before, after) => {
  (await world.deploy('App', stack => files(before(stack), 'Files', {}))).expectSuccess('CREATE_COMPLETE');
  const [id] = ids();
  world.emulator.efs.setSizeInBytes(id, BYTES);
  await world.deploy('App', stack => files(after(stack), 'Files', {}));
  expect(ids()).toContain(id);
});

test('a file system that was retained under another logical id is found by that, and is adopted', async () => {
  const id = (await world.deploy('App', stack => files(stack, 'Old', { removalPolicy: RemovalPolicy.RETAIN }))).expectSuccess('CREATE_COMPLETE').id('Old');
  const place = world.ownTags(id).owner.slice('App/'.length);
  (await world.destroy('App')).expectSuccess('DELETE_COMPLETE');
  const again = (await world.deploy('App', stack => files(stack, 'New', { formerly: [place] }))).expectSuccess('CREATE_COMPLETE');
  expect(again.id('New')).toBe(id);
  (await world.destroy('App')).expectSuccess('DELETE_COMPLETE');
  expect(ids()).toEqual([id]);
});
