import { CreateFileSystemCommand, DeleteFileSystemCommand, PutFileSystemPolicyCommand } from '@aws-sdk/client-efs';
import { RemovalPolicy } from 'aws-cdk-lib';
import { FileSystem } from '../../../src';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import type { Build } from '../../harness/deployment/deployment-world';
import { vpcIn } from '../../harness/deployment/efs-network';
import { EfsWorld } from '../../harness/deployment/efs-world';
import { forgeStep } from '../../harness/deployment/forged-step';

const POLICY = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: 'arn:aws:iam::999988887777:root' }, Action: 'elasticfilesystem:ClientMount', Resource: '*' }],
});

let world: EfsWorld;
beforeAll(async () => { world = await EfsWorld.start(); });
afterAll(() => world.close());

const files: Build = stack => void new FileSystem(stack, 'Files', { vpc: vpcIn(stack), removalPolicy: RemovalPolicy.DESTROY });

test.each<[string, (stackId: string) => string | undefined]>([
  ['no stack', () => undefined],
  ['a stack that never was', stackId => stackId.replace(/[^/]*$/, '00000000-0000-0000-0000-000000000000')],
])('a file system that somebody planted for a stack to come, with its token and owner and the tag of %s, is not adopted', async (_, stackOf) => {
  const before = (await world.deploy('App', files)).expectSuccess('CREATE_COMPLETE');
  const { creationToken, tags } = world.fileSystem(before.id('Files'));
  (await world.destroy('App')).expectSuccess('DELETE_COMPLETE');

  const stackTag = stackOf(before.stackId);
  const { FileSystemId: planted = '' } = await world.client.send(new CreateFileSystemCommand({
    CreationToken: creationToken,
    Encrypted: true,
    Tags: [
      { Key: OWNERSHIP_TAGS.owner, Value: tags[OWNERSHIP_TAGS.owner] },
      ...stackTag === undefined ? [] : [{ Key: OWNERSHIP_TAGS.stackId, Value: stackTag }],
    ],
  }));
  await world.pass({ minutes: 1 });
  await world.client.send(new PutFileSystemPolicyCommand({ FileSystemId: planted, Policy: POLICY }));
  const picture = world.picture(planted);

  (await world.deploy('App', files)).expectFailure('ROLLBACK_COMPLETE', new RegExp(`${planted}.*adoptFileSystemId`));
  expect(world.picture(planted)).toEqual(picture);
  expect(world.emulator.efs.fileSystems.map(({ id }) => id)).toEqual([planted]);
  (await world.destroy('App')).expectSuccess('DELETE_COMPLETE');
  await world.client.send(new DeleteFileSystemCommand({ FileSystemId: planted }));
  await world.pass({ minutes: 1 });
});

test('an event that somebody forges for the function of another stack changes and deletes nothing of a file system', async () => {
  const [victim, other] = [(await world.deploy('App', files)), await world.deploy('Other', files)].map(one => one.expectSuccess('CREATE_COMPLETE'));
  const id = victim.id('Files');
  const picture = world.picture(id);
  const [name] = other.idsOf('AWS::Lambda::Function').filter(functionName => /Efs.?Handler/.test(functionName));
  const event = {
    RequestType: 'Update' as const,
    StackId: other.stackId,
    ResourceType: 'Custom::FileSystem',
    LogicalResourceId: 'Files',
    PhysicalResourceId: id,
    ResourceProperties: { Owner: 'Other/Files', RemovalPolicy: 'Delete', Encrypted: 'true', FileSystemTags: [{ Key: 'Name', Value: 'taken' }] },
  };
  expect(await forgeStep(world, name, 'poll', event)).toContain(`file system ${id} was released or taken over`);
  for (const next of ['act', 'poll'] as const) { await forgeStep(world, name, next, { ...event, RequestType: 'Delete' }); }
  await world.pass({ minutes: 5 });
  expect(world.picture(id)).toEqual(picture);
  for (const stack of ['App', 'Other']) { (await world.destroy(stack)).expectSuccess('DELETE_COMPLETE'); }
  world.expectNothingLeft('App');
});
