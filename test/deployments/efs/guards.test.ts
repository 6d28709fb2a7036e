/** What protects data, where the handlers may not ask CloudFormation whether it rolls back. */
import { RemovalPolicy } from 'aws-cdk-lib';
import { PerformanceMode } from 'aws-cdk-lib/aws-efs';
import { FileSystem, type FileSystemProps } from '../../../src';
import { EfsWorld } from '../../harness/deployment/efs-world';

let world: EfsWorld;
beforeAll(async () => { world = await EfsWorld.start(); });
afterAll(() => world.close());

test.each([undefined, 'cloudformation:DescribeStacks'])('a file system is not replaced without permission, if its role lacks: %s', async without => {
  const name = `Without${without?.length ?? 0}`;
  const deploy = (more: Partial<FileSystemProps> = {}) => world.deploy(name, stack => {
    new FileSystem(stack, 'Files', { vpc: world.network.vpc(stack), removalPolicy: RemovalPolicy.DESTROY, ...more });
  }, { without });
  const id = (await deploy()).expectSuccess('CREATE_COMPLETE').id('Files');
  const outcome = await deploy({ performanceMode: PerformanceMode.MAX_IO });
  outcome.expectFailure('UPDATE_ROLLBACK_COMPLETE', 'would be replaced by a new, empty one');
  expect(outcome.id('Files')).toBe(id);
  expect(world.targetsOf(id)).toHaveLength(2);
  (await world.destroy(name)).expectSuccess('DELETE_COMPLETE');
});
