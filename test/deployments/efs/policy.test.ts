import { RemovalPolicy, type Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import { FileSystem, FileSystemPolicy } from '../../../src';
import { EfsWorld } from '../../harness/deployment/efs-world';
import { CDK_INIT_FLAGS } from '../../harness/feature-flags';

let world: EfsWorld;
beforeEach(async () => { world = await EfsWorld.start(); });
afterEach(() => world.close());

const filesIn = (stack: Stack) => new FileSystem(stack, 'Files', {
  vpc: world.network.vpc(stack), securityGroup: world.network.group(stack, 'one'), removalPolicy: RemovalPolicy.DESTROY,
});

/** Lets a role of the stack mount the file system by an access point, as the README does. */
const addPolicy = (stack: Stack, fileSystem: FileSystem) => {
  const reader = new iam.Role(stack, 'Reader', { assumedBy: new iam.AccountRootPrincipal() });
  const { accessPointArn } = fileSystem.addAccessPoint('Point', { path: '/data' });
  new FileSystemPolicy(stack, 'Policy', { fileSystem }).addToResourcePolicy(new iam.PolicyStatement({
    principals: [reader],
    actions: ['elasticfilesystem:ClientMount'],
    conditions: { StringEquals: { 'elasticfilesystem:AccessPointArn': accessPointArn } },
  }));
};

test('under the flags of cdk init, a FileSystemPolicy takes the place of the denial by default, which comes back when it goes', async () => {
  const context = CDK_INIT_FLAGS;
  const closed = (stack: Stack) => void filesIn(stack);
  const withPolicy = (stack: Stack) => addPolicy(stack, filesIn(stack));
  const statements = (id: string): { Principal: { AWS: string } }[] => JSON.parse(world.fileSystem(id).policy!).Statement;
  const principals = (id: string) => statements(id).map(({ Principal }) => Principal.AWS);

  const id = (await world.deploy('Flags', closed, { context })).expectSuccess('CREATE_COMPLETE').id('Files');
  expect(principals(id)).toEqual(['*']);
  const failed = await world.deploy('Flags', withPolicy, { context, failAfter: 'Policy' });
  expect([failed.status, principals(id)]).toEqual(['UPDATE_ROLLBACK_COMPLETE', ['*']]);
  (await world.deploy('Flags', withPolicy, { context })).expectSuccess('UPDATE_COMPLETE');
  expect(principals(id)).toEqual([expect.stringMatching(/:role\/Flags-Reader/)]);
  (await world.deploy('Flags', closed, { context })).expectSuccess('UPDATE_COMPLETE');
  expect(principals(id)).toEqual(['*']);

  (await world.destroy('Flags')).expectSuccess('DELETE_COMPLETE');
  world.expectNothingLeft('Flags');
});

test('one that locks out the function is refused with the remedy, and nothing is left', async () => {
  const outcome = await world.deploy('Lockout', stack => {
    new FileSystemPolicy(stack, 'Policy', { fileSystem: filesIn(stack) }).addToResourcePolicy(new iam.PolicyStatement({
      effect: iam.Effect.DENY, principals: [new iam.AnyPrincipal()], actions: ['elasticfilesystem:*'],
    }));
  });
  outcome.expectFailure('ROLLBACK_COMPLETE', "would keep this stack's function from ever changing it: let its Deny statements leave out");
  world.expectNothingLeft('Lockout');
});
