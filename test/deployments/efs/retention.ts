import { RemovalPolicy } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { FileSystem, TagSet } from '../../../src';
import type { EfsWorld } from '../../harness/deployment/efs-world';
import type { Build, Options } from '../../harness/deployment/world';

const STACK = 'Kept';
const OWNER = 'Kept/Data';

/** A file system that outlives its stack. */
export function retentionSequences(given: () => EfsWorld): void {
  const build = (props: { encrypted?: boolean; removalPolicy?: RemovalPolicy } = {}): Build => stack => {
    new FileSystem(stack, 'Data', {
      allowReplacement: true, vpc: given().network.vpc(stack), securityGroup: given().network.group(stack, 'one'), ...props,
    });
  };

  describe('a file system whose stack is destroyed and deployed again', () => {
    let id: string;
    const expectKept = () => {
      expect(given().madeBy(OWNER)).toEqual([id]);
      expect(given().fileSystem(id)).toMatchObject({ lifeCycleState: 'available', sizeInBytes: 4711 });
      expect(given().tags(id)).toEqual({ Name: OWNER });
    };

    test('stays by default, with its data and its tags, and without mount targets', async () => {
      id = (await given().world.deploy(STACK, build())).expectSuccess('CREATE_COMPLETE').id('Data');
      given().world.emulator.efs.setSizeInBytes(id, 4711);
      (await given().world.destroy(STACK)).expectSuccess('DELETE_COMPLETE');
      expectKept();
      given().expectTargets(id);
    });

    test('is found again by the new stack', async () => {
      const again = (await given().world.deploy(STACK, build())).expectSuccess('CREATE_COMPLETE');
      expect(again.id('Data')).toBe(id);
      expectKept();
      given().expectTargets(id, 'a one', 'b one');
      expect(given().ownTags(id)).toMatchObject({ 'state': 'adopted', 'stack-id': again.stackId });
    });

    test('is left alone when the new stack is destroyed, and only released', async () => {
      (await given().world.destroy(STACK)).expectSuccess('DELETE_COMPLETE');
      expectKept();
      given().expectTargets(id);
    });

    test('is released, not deleted, by a stack that says DESTROY from the start', async () => {
      const again = (await given().world.deploy(STACK, build({ removalPolicy: RemovalPolicy.DESTROY }))).expectSuccess('CREATE_COMPLETE');
      expect(again.id('Data')).toBe(id);
      (await given().world.destroy(STACK)).expectSuccess('DELETE_COMPLETE');
      expectKept();
      expect(Object.keys(given().ownTags(id))).toEqual(['owner']);
    });

    test('is left as it was by a deployment that finds it and then fails', async () => {
      (await given().world.deploy(STACK, build({ removalPolicy: RemovalPolicy.DESTROY }), { failAfter: 'Data/MountTargets' }))
        .expectRolledBack('ROLLBACK_COMPLETE');
      expectKept();
      given().expectTargets(id);
    });

    test('is named in an error, not replaced by an empty one, if its immutable properties would have to change', async () => {
      (await given().world.deploy(STACK, build({ encrypted: false })))
        .expectFailure('ROLLBACK_COMPLETE', `${id} was retained by an earlier deployment of ${OWNER}, but its encrypted is true, not false`);
      expectKept();
    });

    test('is deleted after a settled stack was told to', async () => {
      (await given().world.deploy(STACK, build())).expectSuccess('CREATE_COMPLETE');
      (await given().world.deploy(STACK, build({ removalPolicy: RemovalPolicy.DESTROY }))).expectSuccess('UPDATE_COMPLETE');
      (await given().world.destroy(STACK)).expectSuccess('DELETE_COMPLETE');
      given().expectNothingLeft(STACK);
    });

    test('stays when its first deployment failed, and is found by the next one', async () => {
      (await given().world.deploy(STACK, build(), { failAfter: 'Data/MountTargets' })).expectRolledBack('ROLLBACK_COMPLETE');
      const [left] = given().madeBy(OWNER);
      expect((await given().world.deploy(STACK, build())).expectSuccess('CREATE_COMPLETE').id('Data')).toBe(left);
      (await given().world.deploy(STACK, build({ removalPolicy: RemovalPolicy.DESTROY }))).expectSuccess('UPDATE_COMPLETE');
      (await given().world.destroy(STACK)).expectSuccess('DELETE_COMPLETE');
      given().expectNothingLeft(STACK);
    });
  });

  describe('a retained file system that is taken out of its stack and put in again', () => {
    const without: Build = stack => {
      new TagSet(stack, 'Standing', { fileSystem: given().imported(stack, foreign), tags: { standing: 'yes' } });
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
      foreign ??= await given().foreignFileSystem('standing-by');
      (await given().world.deploy('Again', having(RemovalPolicy.RETAIN))).expectSuccess(id ? 'UPDATE_COMPLETE' : 'CREATE_COMPLETE');
      [id] = given().madeBy('Again/Data');
      (await given().world.deploy('Again', without)).expectSuccess('UPDATE_COMPLETE');
      (await given().world.deploy('Again', having(RemovalPolicy.DESTROY), options)).expectRolledBack();
      expect(given().madeBy('Again/Data')).toEqual([id]);
      given().expectTargets(id);
    });

    test('is the same one, and goes when a settled stack was told to', async () => {
      expect((await given().world.deploy('Again', having(RemovalPolicy.RETAIN))).expectSuccess('UPDATE_COMPLETE').id('Data')).toBe(id);
      (await given().world.deploy('Again', having(RemovalPolicy.DESTROY))).expectSuccess('UPDATE_COMPLETE');
      (await given().world.destroy('Again')).expectSuccess('DELETE_COMPLETE');
      given().expectNothingLeft('Again');
    });
  });

  describe('an encrypted file system with a key of its stack', () => {
    const withKey = (alias: boolean): Build => stack => {
      const key = new Key(stack, 'Key', { removalPolicy: RemovalPolicy.DESTROY });
      new FileSystem(stack, 'Data', {
        allowReplacement: true,
        vpc: given().network.vpc(stack),
        kmsKey: alias ? key.addAlias('alias/files') : key,
        removalPolicy: RemovalPolicy.DESTROY,
      });
    };

    test('is made with that key, also by its alias, and goes before it', async () => {
      const { kms } = given().world.emulator;
      const outcome = (await given().world.deploy('Locked', withKey(false))).expectSuccess('CREATE_COMPLETE');
      expect(given().fileSystem(outcome.id('Data')).kmsKeyId).toBe(kms.resolve(outcome.id('Key')));
      (await given().world.destroy('Locked')).expectSuccess('DELETE_COMPLETE');
      given().expectNothingLeft('Locked');
      expect(kms.stateOf(outcome.id('Key'))).toBe('PendingDeletion');

      const aliased = (await given().world.deploy('Locked', withKey(true))).expectSuccess('CREATE_COMPLETE');
      expect(given().fileSystem(aliased.id('Data')).kmsKeyId).toBe(kms.resolve('alias/files'));
      (await given().world.destroy('Locked')).expectSuccess('DELETE_COMPLETE');
      given().expectNothingLeft('Locked');
    });
  });
}
