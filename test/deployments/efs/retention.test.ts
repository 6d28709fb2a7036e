import { RemovalPolicy } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { FileSystem, TagSet } from '../../../src';
import type { Build, Options } from '../../harness/deployment/deployment-world';
import { EfsWorld } from '../../harness/deployment/efs-world';

const STACK = 'Kept';
const OWNER = 'Kept/Data';

let world: EfsWorld;
beforeAll(async () => { world = await EfsWorld.start(); });
afterAll(() => world.close());

const build = (props: { encrypted?: boolean; removalPolicy?: RemovalPolicy; adoptFileSystemId?: string } = {}): Build => stack => {
  new FileSystem(stack, 'Data', {
    allowReplacement: true, vpc: world.network.vpc(stack), securityGroup: world.network.group(stack, 'one'), ...props,
  });
};

describe('a file system whose stack is destroyed and deployed again', () => {
  let id: string;
  const expectKept = () => {
    expect(world.madeBy(OWNER)).toEqual([id]);
    expect(world.fileSystem(id)).toMatchObject({ lifeCycleState: 'available', sizeInBytes: 4711 });
    expect(world.tags(id)).toEqual({ Name: OWNER });
  };

  test('stays by default, with its data and its tags, and without mount targets', async () => {
    id = (await world.deploy(STACK, build())).expectSuccess('CREATE_COMPLETE').id('Data');
    world.emulator.efs.setSizeInBytes(id, 4711);
    (await world.destroy(STACK)).expectSuccess('DELETE_COMPLETE');
    expectKept();
    world.expectTargets(id);
  });

  test('is found again by the new stack', async () => {
    const again = (await world.deploy(STACK, build())).expectSuccess('CREATE_COMPLETE');
    expect(again.id('Data')).toBe(id);
    expectKept();
    world.expectTargets(id, 'a one', 'b one');
    expect(world.ownTags(id)).toMatchObject({ 'state': 'adopted', 'stack-id': again.stackId });
  });

  test('is left alone when the new stack is destroyed, and only released', async () => {
    (await world.destroy(STACK)).expectSuccess('DELETE_COMPLETE');
    expectKept();
    world.expectTargets(id);
  });

  test('is left as it was by a deployment that finds it and then fails', async () => {
    (await world.deploy(STACK, build({ removalPolicy: RemovalPolicy.DESTROY }), { failAfter: 'Data/MountTargets' }))
      .expectRolledBack('ROLLBACK_COMPLETE');
    expectKept();
    world.expectTargets(id);
  });

  test('is named in an error, not replaced by an empty one, if its immutable properties would have to change', async () => {
    (await world.deploy(STACK, build({ encrypted: false })))
      .expectFailure('ROLLBACK_COMPLETE', /was retained by an earlier deployment of Kept\/Data[0-9A-F]{8}, but its encrypted is true, not false/);
    expectKept();
  });

  test('is released, not deleted, by a stack that says DESTROY from the start', async () => {
    const again = (await world.deploy(STACK, build({ removalPolicy: RemovalPolicy.DESTROY }))).expectSuccess('CREATE_COMPLETE');
    expect(again.id('Data')).toBe(id);
    (await world.destroy(STACK)).expectSuccess('DELETE_COMPLETE');
    expect(world.fileSystem(id)).toMatchObject({ lifeCycleState: 'available', sizeInBytes: 4711 });
    expect(world.ownTags(id)).toEqual({});
    expect(world.tags(id)).toEqual({ Name: OWNER });
  });

  test('is refused then by the next stack, which has no evidence that it is its own, and names the prop that adopts it', async () => {
    (await world.deploy(STACK, build())).expectFailure('ROLLBACK_COMPLETE', `if it is yours, set 'adoptFileSystemId' to ${id}`);
    expect(world.ownTags(id)).toEqual({});
  });

  test('is deleted after a settled stack was told to', async () => {
    (await world.deploy(STACK, build({ adoptFileSystemId: id }))).expectSuccess('CREATE_COMPLETE');
    (await world.deploy(STACK, build({ adoptFileSystemId: id, removalPolicy: RemovalPolicy.DESTROY }))).expectSuccess('UPDATE_COMPLETE');
    (await world.destroy(STACK)).expectSuccess('DELETE_COMPLETE');
    world.expectNothingLeft(STACK);
  });

  test('stays when its first deployment failed, and is found by the next one', async () => {
    (await world.deploy(STACK, build(), { failAfter: 'Data/MountTargets' })).expectRolledBack('ROLLBACK_COMPLETE');
    const [left] = world.madeBy(OWNER);
    expect((await world.deploy(STACK, build())).expectSuccess('CREATE_COMPLETE').id('Data')).toBe(left);
    (await world.deploy(STACK, build({ removalPolicy: RemovalPolicy.DESTROY }))).expectSuccess('UPDATE_COMPLETE');
    (await world.destroy(STACK)).expectSuccess('DELETE_COMPLETE');
    world.expectNothingLeft(STACK);
  });
});

describe('a retained file system that is taken out of its stack and put in again', () => {
  const without: Build = stack => {
    new TagSet(stack, 'Standing', { fileSystem: world.imported(stack, foreign), tags: { standing: 'yes' } });
  };
  const having = (removalPolicy: RemovalPolicy): Build => stack => {
    without(stack);
    build({ removalPolicy })(stack);
  };
  let foreign: string;
  let id: string;

  test.each<[string, Options]>([
    ['once it was there', { failAfter: 'Data/MountTargets' }],
    ['while its mount targets were being made', { cancelAfter: 30 }],
  ])('keeps its data when that fails %s', async (_, options) => {
    foreign ??= await world.foreignFileSystem('standing-by');
    (await world.deploy('Again', having(RemovalPolicy.RETAIN))).expectSuccess(id ? 'UPDATE_COMPLETE' : 'CREATE_COMPLETE');
    [id] = world.madeBy('Again/Data');
    (await world.deploy('Again', without)).expectSuccess('UPDATE_COMPLETE');
    (await world.deploy('Again', having(RemovalPolicy.DESTROY), options)).expectRolledBack();
    expect(world.madeBy('Again/Data')).toEqual([id]);
    world.expectTargets(id);
  });

  test('is the same one, and goes when a settled stack was told to', async () => {
    expect((await world.deploy('Again', having(RemovalPolicy.RETAIN))).expectSuccess('UPDATE_COMPLETE').id('Data')).toBe(id);
    (await world.deploy('Again', having(RemovalPolicy.DESTROY))).expectSuccess('UPDATE_COMPLETE');
    (await world.destroy('Again')).expectSuccess('DELETE_COMPLETE');
    world.expectNothingLeft('Again');
  });
});

describe('an encrypted file system with a key of its stack', () => {
  const withKey = (alias: boolean): Build => stack => {
    const key = new Key(stack, 'Key', { removalPolicy: RemovalPolicy.DESTROY });
    new FileSystem(stack, 'Data', {
      allowReplacement: true,
      vpc: world.network.vpc(stack),
      kmsKey: alias ? key.addAlias('alias/files') : key,
      removalPolicy: RemovalPolicy.DESTROY,
    });
  };

  test('is made with that key, also by its alias, and goes before it', async () => {
    const { kms } = world.emulator;
    const outcome = (await world.deploy('Locked', withKey(false))).expectSuccess('CREATE_COMPLETE');
    expect(world.fileSystem(outcome.id('Data')).kmsKeyId).toBe(kms.resolve(outcome.id('Key')));
    (await world.destroy('Locked')).expectSuccess('DELETE_COMPLETE');
    world.expectNothingLeft('Locked');
    expect(kms.stateOf(outcome.id('Key'))).toBe('PendingDeletion');

    const aliased = (await world.deploy('Locked', withKey(true))).expectSuccess('CREATE_COMPLETE');
    expect(world.fileSystem(aliased.id('Data')).kmsKeyId).toBe(kms.resolve('alias/files'));
    (await world.destroy('Locked')).expectSuccess('DELETE_COMPLETE');
    world.expectNothingLeft('Locked');
  });
});
