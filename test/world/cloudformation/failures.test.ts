import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { DescribeFileSystemsCommand, EFSClient } from '@aws-sdk/client-efs';
import { custom, Fixture } from './fixture';
import type { StackOutcome } from '../../../world/cloudformation';

let fixture: Fixture;
beforeEach(async () => { fixture = await Fixture.start(); });
afterEach(() => fixture.close());
afterAll(() => Fixture.cleanUp());

const ref = (logicalId: string) => ({ Ref: logicalId });
const statuses = ({ events }: StackOutcome, logicalId: string) => events.filter(event => event.logicalId === logicalId).map(({ status }) => status);
const statusOf = (logicalId: string) => fixture.cloudFormation.describe('S').events.filter(event => event.logicalId === logicalId).at(-1)!.status;
const NO_ROLLBACK = { disableRollback: true };

/** What was delivered since the last call. */
function story(): string[] {
  const { story: all } = fixture;
  fixture.delivered.length = 0;
  return all;
}

describe('a creation without rollback', () => {
  const resources = (fails: boolean) => ({
    A: custom({ Id: 'a-1', CreateSeconds: 60 }),
    B: custom({ Id: 'b-1', ...fails && { Fail: 'Create' } }),
    C: custom({ Id: 'c-1', B: ref('B') }),
  });

  test('lets siblings end, begins no dependents, and ends in CREATE_FAILED', async () => {
    const outcome = await fixture.deploy(resources(true), NO_ROLLBACK);
    expect(outcome.status).toBe('CREATE_FAILED');
    expect(outcome.reason).toContain('failed to create: [B]');
    expect([statusOf('A'), statusOf('B')]).toEqual(['CREATE_COMPLETE', 'CREATE_FAILED']);
    expect(story()).toEqual(['Create A', 'Create B']);
  });

  test('shows DisableRollback and the operations, the latest first', async () => {
    await fixture.deploy(resources(true), NO_ROLLBACK);
    await fixture.deploy(resources(false), NO_ROLLBACK);
    const { Stacks: [stack] = [] } = await new CloudFormationClient(fixture.emulator.config).send(new DescribeStacksCommand({ StackName: 'S' }));
    expect(stack).toMatchObject({ DisableRollback: true, DeploymentConfig: { Mode: 'STANDARD', DisableRollback: true } });
    expect(stack.LastOperations!.map(({ OperationType }) => OperationType)).toEqual(['UPDATE_STACK', 'CREATE_STACK']);
  });

  test.each([
    ['before', ['Delete B b-1', 'Create B', 'Create C']],
    ['clean-up', ['Create B', 'Create C']],
  ] as const)('goes forward: a failed creation of the same id is made again, and deleted %s', async (failedCreations, expected) => {
    await fixture.deploy(resources(true), NO_ROLLBACK);
    story();
    const outcome = await fixture.deploy(resources(false), { ...NO_ROLLBACK, failedCreations });
    expect(outcome.status).toBe('UPDATE_COMPLETE');
    expect(story()).toEqual(expected);
  });

  test('deletes a failed creation of another id in the clean-up', async () => {
    await fixture.deploy(resources(true), NO_ROLLBACK);
    story();
    await fixture.deploy({ ...resources(false), B: custom({ Id: 'b-2' }) }, { ...NO_ROLLBACK, failedCreations: 'clean-up' });
    expect(story()).toEqual(['Create B', 'Create C', 'Delete B b-1']);
  });

  test('is rolled back before a deployment with rollback, as `cdk deploy` does', async () => {
    await fixture.deploy(resources(true), NO_ROLLBACK);
    story();
    const outcome = await fixture.deploy(resources(false));
    expect(outcome.status).toBe('CREATE_COMPLETE');
    expect(story()).toEqual(['Delete A a-1', 'Delete B b-1', 'Create A', 'Create B', 'Create C']);
  });

  test('is undone by RollbackStack, which leaves what is retained unless it is told otherwise', async () => {
    const retained = { A: custom({ Id: 'a-1' }, { DeletionPolicy: 'Retain' }), B: custom({ Id: 'b-1', A: ref('A'), Fail: 'Create' }) };
    await fixture.deploy(retained, NO_ROLLBACK);
    const outcome = await fixture.cloudFormation.rollbackStack('S');
    expect(statuses(outcome, 'S')).toEqual(['ROLLBACK_IN_PROGRESS', 'ROLLBACK_COMPLETE']);
    expect(statuses(outcome, 'A')).toEqual(['DELETE_SKIPPED']);

    await fixture.deploy(retained, NO_ROLLBACK);
    expect(statuses(await fixture.cloudFormation.rollbackStack('S', { retainExceptOnCreate: true }), 'A')).toEqual(['DELETE_IN_PROGRESS', 'DELETE_COMPLETE']);
  });

  test('is deleted from CREATE_FAILED', async () => {
    await fixture.deploy(resources(true), NO_ROLLBACK);
    story();
    expect((await fixture.destroy()).status).toBe('DELETE_COMPLETE');
    expect(story().sort()).toEqual(['Delete A a-1', 'Delete B b-1']);
  });
});

describe('an update without rollback', () => {
  const before = { A: custom({ Id: 'a-1' }), B: custom({ Id: 'b-1', A: ref('A') }), Old: custom({ Id: 'o-1' }) };
  const after = (b: object) => ({ A: custom({ Id: 'a-2' }), B: custom({ Id: 'b-1', A: ref('A'), ...b }), New: custom({ Id: 'n-1' }) });
  const fail = async (options = {}) => {
    await fixture.deploy(before);
    story();
    const outcome = await fixture.deploy(after({ Fail: 'Update' }), { ...NO_ROLLBACK, ...options });
    expect(outcome.status).toBe('UPDATE_FAILED');
    return outcome;
  };

  test('takes the failed resource back while the stack is in UPDATE_IN_PROGRESS, and cleans up nothing', async () => {
    const outcome = await fail();
    expect(story()).toEqual(['Update A a-1', 'Create New', 'Update B b-1', 'Update B b-1']);
    expect(statuses(outcome, 'S')).toEqual(['UPDATE_IN_PROGRESS', 'UPDATE_FAILED']);
    expect(statusOf('B')).toBe('UPDATE_FAILED');
    expect([statusOf('A'), outcome.resources.A.physicalId]).toEqual(['UPDATE_COMPLETE', 'a-2']);
  });

  test('leaves it alone if CloudFormation is told to have done so', async () => {
    await fail({ takeBackFailedUpdates: false });
    expect(story()).toEqual(['Update A a-1', 'Create New', 'Update B b-1']);
  });

  test.each([true, false])('goes forward: updates from the last stable properties, then cleans up all (taken back: %s)', async takeBackFailedUpdates => {
    await fail({ takeBackFailedUpdates });
    fixture.delivered.length = 0;
    const outcome = await fixture.deploy(after({ Size: 2 }), NO_ROLLBACK);
    expect(statuses(outcome, 'S')).toEqual(['UPDATE_IN_PROGRESS', 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS', 'UPDATE_COMPLETE']);
    expect(fixture.delivered[0].event.OldResourceProperties).not.toHaveProperty('Fail');
    expect(story().sort()).toEqual(['Delete A a-1', 'Delete Old o-1', 'Update B b-1']);
  });

  test('repeats the failed update although nothing changed, and may fail again', async () => {
    await fail();
    story();
    expect((await fixture.deploy(after({ Fail: 'Update' }), NO_ROLLBACK)).status).toBe('UPDATE_FAILED');
    expect(story()[0]).toBe('Update B b-1');
  });

  test('deletes what was updated, and then became another thing, with the properties that it had last', async () => {
    await fixture.deploy(before);
    const failing = { B: custom({ Id: 'b-1', Fail: 'Update' }), Old: custom({ Id: 'o-1' }) };
    await fixture.deploy({ ...failing, A: custom({ Id: 'a-1', Size: 2 }) }, NO_ROLLBACK);
    fixture.delivered.length = 0;
    await fixture.deploy(after({ Size: 2 }), NO_ROLLBACK);
    const deletion = fixture.delivered.find(({ event }) => event.RequestType === 'Delete' && event.PhysicalResourceId === 'a-1');
    expect(deletion!.event.ResourceProperties).toMatchObject({ Id: 'a-1', Size: '2' });
  });

  test('is undone by RollbackStack over several operations, to the last stable state', async () => {
    await fail();
    await fixture.deploy({ ...after({ Fail: 'Update' }), A: custom({ Id: 'a-3' }) }, NO_ROLLBACK);
    story();
    const outcome = await fixture.cloudFormation.rollbackStack('S');
    expect(statuses(outcome, 'S')).toEqual([
      'UPDATE_ROLLBACK_IN_PROGRESS', 'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS', 'UPDATE_ROLLBACK_COMPLETE',
    ]);
    expect(outcome.resources.A.physicalId).toBe('a-1');
    expect(statusOf('B')).toBe('UPDATE_COMPLETE');
    expect(story().sort()).toEqual(['Delete A a-2', 'Delete A a-3', 'Delete New n-1', 'Update A a-1']);
  });

  test('is deleted from UPDATE_FAILED, with what waited for a clean-up', async () => {
    await fail();
    story();
    expect((await fixture.destroy()).status).toBe('DELETE_COMPLETE');
    expect(story().sort()).toEqual(['Delete A a-1', 'Delete A a-2', 'Delete B b-1', 'Delete New n-1', 'Delete Old o-1']);
  });

  test('refuses to replace a resource of CloudFormation', async () => {
    const group = (name: string) => ({ Type: 'AWS::Logs::LogGroup', Properties: { LogGroupName: name } });
    await fixture.deploy({ Logs: group('one') });
    const outcome = await fixture.deploy({ Logs: group('two') }, NO_ROLLBACK);
    expect(outcome.events.find(({ status }) => status === 'UPDATE_FAILED')?.reason).toContain('not supported on stack with disable-rollback');
    expect((await fixture.deploy({ Logs: group('one') }, NO_ROLLBACK)).status).toBe('UPDATE_COMPLETE');
  });
});

describe('express mode', () => {
  test('rolls nothing back, unless asked for', async () => {
    const failing = { A: custom({ Id: 'a-1' }), B: custom({ A: ref('A'), Fail: 'Create' }) };
    expect((await fixture.deploy(failing, { express: true, disableRollback: false })).status).toBe('ROLLBACK_COMPLETE');
    expect((await fixture.deploy(failing, { express: true })).status).toBe('CREATE_FAILED');
  });

  test('waits for the answers of custom resources, and must be used until the stack is complete again', async () => {
    const resources = { A: custom({ Id: 'a-1', CreateSeconds: 60 }), B: custom({ Fail: 'Create' }) };
    await fixture.deploy(resources, { express: true });
    expect(fixture.seconds).toBe(60);
    await expect(fixture.deploy(resources)).rejects.toThrow('must use the same DeploymentConfig (mode=EXPRESS)');
    await expect(fixture.cloudFormation.rollbackStack('S')).rejects.toThrow('RollbackStack is not supported for stacks that were last updated using EXPRESS');
    expect((await fixture.deploy({ A: resources.A }, { express: true })).status).toBe('UPDATE_COMPLETE');
  });

  test('completes its own resources before they are ready, and repeats what their dependents fail with', async () => {
    const { ec2, config } = fixture.emulator;
    const { vpcId } = ec2.createVpc({ cidrBlock: '10.0.0.0/16' });
    const { subnetId } = ec2.createSubnet({ vpcId, cidrBlock: '10.0.0.0/24', availabilityZone: 'eu-west-1a' });
    const { groupId } = ec2.createSecurityGroup({ vpcId, groupName: 'g', description: 'g' });
    const files = { Files: { Type: 'AWS::EFS::FileSystem', Properties: {} } };
    await fixture.deploy(files, { express: true });
    const { FileSystems: [made] = [] } = await new EFSClient(config).send(new DescribeFileSystemsCommand({}));
    expect(made.LifeCycleState).toBe('creating');
    const target = { Type: 'AWS::EFS::MountTarget', Properties: { FileSystemId: ref('Files'), SubnetId: subnetId, SecurityGroups: [groupId] } };
    expect((await fixture.deploy({ ...files, Target: target }, { express: true })).status).toBe('UPDATE_COMPLETE');
    expect((await fixture.destroy({ express: true })).status).toBe('DELETE_COMPLETE');
  });
});

describe('OnFailure', () => {
  test('DELETE deletes what a failed creation made, without a rollback', async () => {
    const outcome = await fixture.deploy({ A: custom({ Id: 'a-1' }, { DeletionPolicy: 'RetainExceptOnCreate' }), B: custom({ A: ref('A'), Fail: 'Create' }) },
      { onFailure: 'DELETE' });
    expect(statuses(outcome, 'S')).toEqual(['CREATE_IN_PROGRESS', 'DELETE_IN_PROGRESS', 'DELETE_COMPLETE']);
    expect(statuses(outcome, 'A').at(-1)).toBe('DELETE_COMPLETE');
  });
});

describe('a rollback that fails', () => {
  const stuck = async () => {
    await fixture.deploy({ A: custom({ Id: 'a-1', Fail: 'Update' }), Z: custom({ Id: 'z-1' }) });
    await fixture.deploy({ A: custom({ Id: 'a-1', Size: 2 }), Z: custom({ Id: 'z-2' }), B: custom({ A: ref('A'), Z: ref('Z'), Fail: 'Create' }) });
    expect(fixture.cloudFormation.describe('S').status).toBe('UPDATE_ROLLBACK_FAILED');
    story();
  };

  test('can be continued, and undoes only what is left', async () => {
    await stuck();
    expect((await fixture.cloudFormation.continueUpdateRollback('S')).status).toBe('UPDATE_ROLLBACK_FAILED');
    expect(story()).toEqual(['Update A a-1']);
  });

  test('can be continued without the resource that is in its way', async () => {
    await stuck();
    await expect(fixture.cloudFormation.continueUpdateRollback('S', { resourcesToSkip: ['Z'] })).rejects.toThrow('not in UPDATE_FAILED state: [Z]');
    const outcome = await fixture.cloudFormation.continueUpdateRollback('S', { resourcesToSkip: ['A'] });
    expect(outcome.status).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(statuses(outcome, 'A')).toEqual(['UPDATE_COMPLETE']);
    expect(story().sort()).toEqual(['Delete B b', 'Delete Z z-2']);
    expect((await fixture.deploy({ A: custom({ Id: 'a-1' }), Z: custom({ Id: 'z-1' }) })).status).toBe('UPDATE_COMPLETE');
  });

  test('leaves a stack that can be deleted', async () => {
    await stuck();
    expect((await fixture.destroy()).status).toBe('DELETE_COMPLETE');
    expect(story().sort()).toEqual(['Delete A a-1', 'Delete B b', 'Delete Z z-1', 'Delete Z z-2']);
  });
});

describe('a deletion that fails', () => {
  test('may leave resources behind the second time', async () => {
    await fixture.deploy({ A: custom({ Id: 'a-1', Fail: 'Delete' }) });
    await expect(fixture.destroy({ retainResources: ['A'] })).rejects.toThrow('must be in the DELETE_FAILED state');
    expect((await fixture.destroy()).status).toBe('DELETE_FAILED');
    const outcome = await fixture.destroy({ retainResources: ['A'] });
    expect(outcome.status).toBe('DELETE_COMPLETE');
    expect(statuses(outcome, 'A')).toEqual(['DELETE_SKIPPED']);
  });
});
