import { CloudFormationClient, DescribeStackEventsCommand, DescribeStackResourcesCommand, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { custom, Fixture } from './fixture';
import type { StackOutcome } from '../../../world/cloudformation';
import { Principal } from '../../../world/emulator/iam';

let fixture: Fixture;
beforeEach(async () => { fixture = await Fixture.start(); });
afterEach(() => fixture.close());
afterAll(() => Fixture.cleanUp());

const ref = (logicalId: string) => ({ Ref: logicalId });
const attribute = (logicalId: string, name: string) => ({ 'Fn::GetAtt': [logicalId, name] });
/** What happened to these resources, in order: `A CREATE_COMPLETE`. */
const history = ({ events }: StackOutcome, ...ids: string[]) =>
  events.filter(({ logicalId }) => ids.includes(logicalId)).map(({ logicalId, status }) => `${logicalId} ${status}`);
const reasonOf = ({ events }: StackOutcome, logicalId: string) =>
  events.find(event => event.logicalId === logicalId && event.status.endsWith('_FAILED'))?.reason;

describe('creating', () => {
  test('makes independent resources at once and dependent ones afterwards', async () => {
    const outcome = await fixture.deploy({
      C: custom({ Text: { 'Fn::Sub': '${A}/${B.Name}' } }),
      A: custom({ Id: 'a-1', Seconds: 10 }),
      B: custom({ Seconds: 20, Data: { Name: 'bee' } }),
      D: custom({}, { DependsOn: 'A' }),
    });

    expect(outcome.status).toBe('CREATE_COMPLETE');
    expect(fixture.delivered.map(({ seconds, event }) => [seconds, event.LogicalResourceId])).toEqual([[0, 'A'], [0, 'B'], [10, 'D'], [20, 'C']]);
    expect(fixture.delivered[3].event.ResourceProperties.Text).toBe('a-1/bee');
    expect(outcome.resources.A).toEqual({ physicalId: 'a-1', type: 'Custom::Thing', attributes: {} });
  });

  test('delivers scalars as strings, and nothing for what is null', async () => {
    await fixture.deploy({ A: custom({ Yes: true, Number: 5, List: [1, false], Map: { a: { b: 2.5 } }, None: null, Gone: { Ref: 'AWS::NoValue' } }) });
    const { ResourceProperties: { ServiceToken, ...properties }, ...event } = fixture.delivered[0].event;
    expect(properties).toEqual({ Yes: 'true', Number: '5', List: ['1', 'false'], Map: { a: { b: '2.5' } } });
    expect(event).toMatchObject({ RequestType: 'Create', ResourceType: 'Custom::Thing', LogicalResourceId: 'A', ServiceToken });
    expect(event.PhysicalResourceId).toBeUndefined();
    expect(event.StackId).toMatch(/^arn:aws:cloudformation:eu-west-1:111122223333:stack\/S\//);
  });

  test('gives outputs, parameters and conditional resources', async () => {
    const outcome = await fixture.deploy({ A: custom({ Id: ref('Name') }), B: custom({}, { Condition: 'Never' }) }, {
      body: {
        Parameters: { Name: { Type: 'String', Default: 'x' }, Version: { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/cdk-bootstrap/hnb659fds/version' } },
        Conditions: { Never: { 'Fn::Equals': [ref('Name'), 'never'] } },
        Outputs: { Id: { Value: ref('A') }, Stack: { Value: ref('AWS::StackName') }, Version: { Value: ref('Version') } },
      },
      parameters: { Name: 'given' },
    });
    expect(outcome.outputs).toEqual({ Id: 'given', Stack: 'S', Version: '30' });
    expect(Object.keys(outcome.resources)).not.toContain('B');
  });

  test('refuses what it cannot play before anything is made', async () => {
    await expect(fixture.deploy({ A: { Type: 'AWS::Nope::Thing' } })).rejects.toThrow('type AWS::Nope::Thing is not supported by the player');
    await expect(fixture.deploy({ A: custom({ x: ref('B') }), B: custom({ x: ref('A') }) })).rejects.toThrow('circular dependency');
    await expect(fixture.deploy({ A: custom({ x: ref('Missing') }) })).rejects.toThrow('[Missing]');
    expect(() => fixture.cloudFormation.describe('S')).toThrow('does not exist');
  });
});

describe('a failing create', () => {
  test('deletes everything in reverse order', async () => {
    const outcome = await fixture.deploy({ A: custom({ Id: 'a-1' }), B: custom({ Id: 'b-1', A: ref('A') }), C: custom({ Fail: 'Create', Id: 'c-1', B: ref('B') }) });
    expect(outcome.status).toBe('ROLLBACK_COMPLETE');
    expect(fixture.story).toEqual(['Create A', 'Create B', 'Create C', 'Delete C c-1', 'Delete B b-1', 'Delete A a-1']);
    expect(reasonOf(outcome, 'C')).toContain('told to fail');
    expect(outcome.resources).toEqual({});
  });

  test('cancels what is being made, and deletes it under an invented id meanwhile', async () => {
    const outcome = await fixture.deploy({ A: custom({ CreateSeconds: 60, Id: 'a-1' }), B: custom({ CreateSeconds: 10, Fail: 'Create' }) });
    const [create] = fixture.delivered;
    const deletion = fixture.delivered.find(({ event }) => event.RequestType === 'Delete' && event.LogicalResourceId === 'A')!;

    expect(outcome.status).toBe('ROLLBACK_COMPLETE');
    expect(reasonOf(outcome, 'A')).toBe('Resource creation cancelled');
    expect(deletion.seconds).toBe(10);
    expect(deletion.event.PhysicalResourceId).toMatch(/^S-A-[0-9A-F]{12}$/);
    expect(deletion.event).toMatchObject({ StackId: create.event.StackId, ResourceProperties: create.event.ResourceProperties });
    expect(deletion.event.RequestId).not.toBe(create.event.RequestId);
    expect(fixture.seconds).toBeLessThan(60);
  });

  test('can deliver the cancelled Create after its Delete', async () => {
    await fixture.deploy({ A: custom({ DeleteSeconds: 120 }), B: custom({ CreateSeconds: 10, Fail: 'Create' }) }, { lateCreate: 'A', lateCreateDelay: 30 });
    expect(fixture.delivered.filter(({ event }) => event.LogicalResourceId === 'A').map(({ seconds, event }) => [seconds, event.RequestType]))
      .toEqual([[10, 'Delete'], [40, 'Create']]);
  });

  test('honours the deletion policies, and the next deployment starts over', async () => {
    const resources = (fail: object) => ({
      A: custom({ Id: 'a-1' }, { DeletionPolicy: 'Retain' }),
      B: custom({ Id: 'b-1' }, { DeletionPolicy: 'RetainExceptOnCreate' }),
      C: custom({ ...fail, A: ref('A'), B: ref('B') }),
    });
    const failed = await fixture.deploy(resources({ Fail: 'Create' }));
    expect(failed.status).toBe('ROLLBACK_COMPLETE');
    expect(history(failed, 'A')).toContain('A DELETE_SKIPPED');
    expect(history(failed, 'B')).toContain('B DELETE_COMPLETE');

    const again = await fixture.deploy(resources({}));
    expect(again.status).toBe('CREATE_COMPLETE');
    expect(again.stackId).not.toBe(failed.stackId);
    expect(history(await fixture.destroy(), 'A', 'B').sort()).toEqual(['A DELETE_SKIPPED', 'B DELETE_SKIPPED']);
  });

  test('ends in ROLLBACK_FAILED if something cannot be deleted', async () => {
    const outcome = await fixture.deploy({ A: custom({ Fail: 'Delete' }), B: custom({ A: ref('A'), Fail: 'Create' }) });
    expect(outcome.status).toBe('ROLLBACK_FAILED');
  });

  test.each([
    ['an attribute that is not in Data', { A: custom({ Data: { x: 1 } }), B: custom({ y: attribute('A', 'y') }) }, 'B', /Vendor response doesn't contain y attribute in object/],
    ['an answer of more than 4096 bytes', { A: custom({ Data: { Text: 'x'.repeat(4000) } }) }, 'A', /Response object is too long/],
    ['an answer that is not JSON', { A: custom({ Raw: 'Create', Body: 'hm' }) }, 'A', /not valid JSON/],
    ['an answer to another request', { A: custom({ Raw: 'Create', Body: '{"Status":"SUCCESS","PhysicalResourceId":"x"}' }) }, 'A', /StackId/],
    ['an empty physical id', { A: custom({ Id: '' }) }, 'A', /Invalid PhysicalResourceId/],
    ['a service token that is no function', { A: { Type: 'Custom::Thing', Properties: { ServiceToken: 'arn:aws:lambda:eu-west-1:111122223333:function:none' } } }, 'A', /not found/],
  ])('is caused by %s', async (_, resources, logicalId, reason) => {
    const outcome = await fixture.deploy(resources);
    expect(outcome.status).toBe('ROLLBACK_COMPLETE');
    expect(reasonOf(outcome, logicalId)).toMatch(reason);
  });

  test('is caused by silence, after the service timeout or an hour', async () => {
    const outcome = await fixture.deploy({ A: custom({ Silent: 'Create', ServiceTimeout: 120 }) });
    expect(reasonOf(outcome, 'A')).toContain('did not receive a response');
    expect(fixture.delivered.map(({ seconds, event }) => [seconds, event.RequestType])).toEqual([[0, 'Create'], [120, 'Delete']]);

    const start = fixture.seconds;
    await fixture.deploy({ A: custom({ Silent: 'Create' }) });
    expect(fixture.seconds - start).toBe(3600);
  });

  test('that crashes is invoked three times in all, and then waited for in vain', async () => {
    const invoke = jest.spyOn(fixture.emulator.lambda, 'invoke');
    const outcome = await fixture.deploy({ A: custom({ Throw: 'Create' }) });
    expect(reasonOf(outcome, 'A')).toContain('did not receive a response');
    expect(invoke.mock.calls.map(([, event]) => (event as { RequestType: string }).RequestType)).toEqual(['Create', 'Create', 'Create', 'Delete']);
    expect(fixture.seconds).toBe(3600);
  });
});

describe('updating', () => {
  test('leaves alone what has not changed, and says what it was before', async () => {
    await fixture.deploy({ A: custom({ Id: 'a-1' }), B: custom({ Id: 'b-1', Size: 1 }) });
    fixture.delivered.length = 0;

    const outcome = await fixture.deploy({ A: custom({ Id: 'a-1' }, { DependsOn: 'B' }), B: custom({ Id: 'b-1', Size: 2 }) });
    expect(outcome.status).toBe('UPDATE_COMPLETE');
    expect(fixture.story).toEqual(['Update B b-1']);
    expect(fixture.delivered[0].event).toMatchObject({ ResourceProperties: { Size: '2' }, OldResourceProperties: { Size: '1' } });
    expect(history(outcome, 'A')).toEqual([]);

    expect((await fixture.deploy({ A: custom({ Id: 'a-1' }, { DependsOn: 'B' }), B: custom({ Id: 'b-1', Size: 2 }) })).events).toEqual([]);
  });

  test('replaces first, then updates what depends on it, and deletes the old things last, in reverse order', async () => {
    await fixture.deploy({ A: custom({ Id: 'a-1' }), B: custom({ Id: { 'Fn::Sub': 'b-${A}' } }), Removed: custom({ Id: 'r', B: ref('B') }) });
    fixture.delivered.length = 0;

    const outcome = await fixture.deploy({ A: custom({ Id: 'a-2' }), B: custom({ Id: { 'Fn::Sub': 'b-${A}' } }) });
    expect(outcome.status).toBe('UPDATE_COMPLETE');
    expect(fixture.story).toEqual(['Update A a-1', 'Update B b-a-1', 'Delete Removed r', 'Delete B b-a-1', 'Delete A a-1']);
    expect(fixture.delivered[4].event.ResourceProperties.Id).toBe('a-1');
    expect(outcome.resources.B.physicalId).toBe('b-a-2');
    expect(history(outcome, 'S')).toEqual(['S UPDATE_IN_PROGRESS', 'S UPDATE_COMPLETE_CLEANUP_IN_PROGRESS', 'S UPDATE_COMPLETE']);
  });

  test('keeps the old thing if the policy says so', async () => {
    await fixture.deploy({ A: custom({ Id: 'a-1' }, { UpdateReplacePolicy: 'Retain' }), B: custom({}, { DeletionPolicy: 'Retain' }) });
    fixture.delivered.length = 0;
    const outcome = await fixture.deploy({ A: custom({ Id: 'a-2' }, { UpdateReplacePolicy: 'Retain' }) });
    expect(fixture.story).toEqual(['Update A a-1']);
    expect(history(outcome, 'A', 'B').filter(line => line.endsWith('SKIPPED')).sort()).toEqual(['A DELETE_SKIPPED', 'B DELETE_SKIPPED']);
  });

  test('passes over a clean-up that fails', async () => {
    await fixture.deploy({ A: custom({ Fail: 'Delete' }) });
    const outcome = await fixture.deploy({});
    expect(outcome.status).toBe('UPDATE_COMPLETE');
    expect(history(outcome, 'A')).toEqual(['A DELETE_IN_PROGRESS', 'A DELETE_FAILED']);
  });

  test('refuses another type or another service token', async () => {
    await fixture.deploy({ A: custom() });
    await expect(fixture.deploy({ A: { ...custom(), Type: 'Custom::Other' } })).rejects.toThrow('modifies resource type of the following resources: [A]');

    const outcome = await fixture.deploy({ A: custom({ ServiceToken: 'arn:aws:lambda:eu-west-1:111122223333:function:other' }) });
    expect(outcome.status).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(reasonOf(outcome, 'A')).toBe('Modifying service token is not allowed.');
    expect(fixture.story).toEqual(['Create A']);
  });

  test('delivers an event twice if told to', async () => {
    const outcome = await fixture.deploy({ A: custom() }, { duplicate: 'A', duplicateDelay: 30 });
    await fixture.emulator.clock.sleep(60_000);
    expect(outcome.status).toBe('CREATE_COMPLETE');
    const [first, second] = fixture.delivered;
    expect(second.event).toEqual(first.event);
    expect(second.seconds).toBe(30);
  });
});

describe('a failing update', () => {
  const before = { A: custom({ Id: 'a-1' }), B: custom({ Id: 'b-1', A: ref('A') }) };
  const after = (b: object = {}) => ({ A: custom({ Id: 'a-2' }), B: custom({ Id: 'b-1', A: ref('A'), ...b }) });

  test.each(['old', 'new'] as const)('reverses a completed replacement with the %s id, then deletes what it had made', async rollbackPhysicalId => {
    await fixture.deploy(before);
    fixture.delivered.length = 0;
    const outcome = await fixture.deploy(after({ Fail: 'Update' }), { rollbackPhysicalId });
    expect(outcome.status).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(fixture.story).toEqual([
      'Update A a-1', 'Update B b-1', `Update A ${rollbackPhysicalId === 'old' ? 'a-1' : 'a-2'}`, 'Update B b-1', 'Delete A a-2',
    ]);
    expect(fixture.delivered[2].event).toMatchObject({ ResourceProperties: { Id: 'a-1' }, OldResourceProperties: { Id: 'a-2' } });
    expect(fixture.delivered[4].event.ResourceProperties.Id).toBe('a-2');
    expect(outcome.resources.A.physicalId).toBe('a-1');
    expect(outcome.resources.B.physicalId).toBe('b-1');
  });

  test('sends no event to what it had not reached, and deletes what is new', async () => {
    await fixture.deploy(before);
    fixture.delivered.length = 0;
    const outcome = await fixture.deploy({ ...after(), New: custom({ Id: 'n', CreateSeconds: 60 }) }, { fail: 'B' });
    expect(outcome.status).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(reasonOf(outcome, 'B')).toBe('Simulated failure');
    expect(reasonOf(outcome, 'New')).toBe('Resource creation cancelled');
    expect(fixture.story.slice(0, 3)).toEqual(['Update A a-1', 'Create New', 'Update A a-1']);
    expect(fixture.story.slice(3).sort()).toEqual(['Delete A a-2', expect.stringMatching(/^Delete New S-New-/)]);
    expect(Object.keys(outcome.resources)).not.toContain('New');
  });

  test('may fail after everything was done', async () => {
    await fixture.deploy(before);
    fixture.delivered.length = 0;
    const outcome = await fixture.deploy(after(), { failAfter: 'B' });
    expect(outcome.reason).toBe('Simulated failure after B.');
    expect(fixture.story).toEqual(['Update A a-1', 'Update B b-1', 'Update A a-1', 'Update B b-1', 'Delete A a-2']);
  });

  test('may be cancelled while a replacement is being made', async () => {
    await fixture.deploy(before);
    fixture.delivered.length = 0;
    const outcome = await fixture.deploy({ ...after(), A: custom({ Id: 'a-2', UpdateSeconds: 60 }) }, { cancelAfter: 20 });
    expect(reasonOf(outcome, 'A')).toBe('Resource update cancelled');
    expect(fixture.delivered.map(({ seconds, event }) => [seconds, event.RequestType, event.PhysicalResourceId]))
      .toEqual([[0, 'Update', 'a-1'], [20, 'Update', 'a-1']]);
  });

  test('gets stuck if the reversed update fails as well', async () => {
    await fixture.deploy({ A: custom({ Id: 'a-1', Fail: 'Update' }) });
    const outcome = await fixture.deploy({ A: custom({ Id: 'a-1', Size: 2 }), B: custom({ A: ref('A'), Fail: 'Create' }) });
    expect(outcome.status).toBe('UPDATE_ROLLBACK_FAILED');
    expect(outcome.reason).toContain('[A]');
    await expect(fixture.deploy({})).rejects.toThrow('is in UPDATE_ROLLBACK_FAILED state and can not be updated');
    expect((await fixture.destroy()).status).toBe('DELETE_COMPLETE');
  });
});

describe('deleting', () => {
  test('goes in reverse order, and stops where something cannot be deleted', async () => {
    await fixture.deploy({ A: custom({ Id: 'a-1' }), B: custom({ Id: 'b-1', A: ref('A'), Fail: 'Delete' }), C: custom({ Id: 'c-1' }) });
    const outcome = await fixture.destroy();
    expect(outcome.status).toBe('DELETE_FAILED');
    expect(outcome.reason).toContain('[B]');
    expect(fixture.story.slice(3).sort()).toEqual(['Delete B b-1', 'Delete C c-1']);
    expect(Object.keys(outcome.resources).sort()).toEqual(['A', 'B', 'Handler', 'HandlerRole']);
  });
});

describe('roles', () => {
  const POLICY = (...actions: string[]) => ({
    Type: 'AWS::IAM::Policy',
    Properties: {
      PolicyName: 'calls',
      PolicyDocument: { Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }] },
      Roles: [ref('HandlerRole')],
    },
  });

  test('a call that no policy allows fails the custom resource', async () => {
    const outcome = await fixture.deploy({ A: custom({ Call: 'Create' }) });
    expect(reasonOf(outcome, 'A')).toMatch(/UnauthorizedOperation: .*assumed-role\/S-HandlerRole-.* is not authorized to perform: ec2:DescribeSubnets/);
  });

  test('a policy counts from its own creation on, and what nobody used is reported', async () => {
    const outcome = await fixture.deploy({ P: POLICY('ec2:DescribeSubnets', 'ec2:DescribeVpcs'), A: custom({ Call: 'Create' }, { DependsOn: 'P' }) });
    expect(outcome.status).toBe('CREATE_COMPLETE');
    expect(fixture.cloudFormation.unusedActions('S')).toEqual({ HandlerRole: ['ec2:DescribeVpcs'] });
    await fixture.destroy();
    expect(fixture.cloudFormation.unusedActions('S')).toEqual({ HandlerRole: ['ec2:DescribeVpcs'] });
  });

  test('a policy that shrinks has shrunk before what was removed is deleted', async () => {
    await fixture.deploy({ P: POLICY('ec2:DescribeSubnets'), A: custom({ Call: 'Delete' }) });
    const outcome = await fixture.deploy({ P: POLICY('ec2:DescribeVpcs') });
    expect(outcome.status).toBe('UPDATE_COMPLETE');
    expect(reasonOf(outcome, 'A')).toContain('ec2:DescribeSubnets');
  });

  test('more inline policies than a role can hold are refused', async () => {
    const outcome = await fixture.deploy({ P: POLICY('ec2:DescribeSubnets', ...Array.from({ length: 400 }, (_, index) => `ec2:DescribeSomethingLong${index}`)) });
    expect(reasonOf(outcome, 'P')).toContain('Maximum policy size of 10240 bytes exceeded');
  });
});

describe('under the provider framework', () => {
  test('a custom resource is complete when isComplete says so', async () => {
    const created = await fixture.deploy({ A: custom({ Id: 'a', Seconds: 60 }) }, { base: 'Framework', body: { Outputs: { Elapsed: { Value: attribute('A', 'Elapsed') } } } });
    expect(created.status).toBe('CREATE_COMPLETE');
    expect(Number(created.outputs.Elapsed)).toBeGreaterThanOrEqual(60);
    expect(fixture.seconds).toBeLessThan(70);
    expect((await fixture.destroy()).status).toBe('DELETE_COMPLETE');
  });

  test('what fails in onEvent is swallowed by the framework when it is deleted', async () => {
    const outcome = await fixture.deploy({ A: custom({ Id: 'a', Fail: 'Create' }) }, { base: 'Framework' });
    expect(outcome.status).toBe('ROLLBACK_COMPLETE');
    expect(reasonOf(outcome, 'A')).toContain('told to fail');
    expect(fixture.delivered[1].event.PhysicalResourceId).toBe('AWSCDK::CustomResourceProviderFramework::CREATE_FAILED');
  });

  test('what is never complete times out', async () => {
    const outcome = await fixture.deploy({ A: custom({ Id: 'a', Seconds: 7200 }) }, { base: 'Framework' });
    expect(reasonOf(outcome, 'A')).toContain('Operation timed out');
    expect(fixture.seconds).toBeGreaterThanOrEqual(1800);
  });
});

describe('the API', () => {
  test('describes a stack to whoever may ask, a deleted one only by its id', async () => {
    const client = new CloudFormationClient(fixture.emulator.config);
    const { stackId } = await fixture.deploy({ A: custom({ Id: 'a<1>' }) }, { body: { Outputs: { Id: { Value: ref('A') } } } });

    const { Stacks: [stack] = [] } = await client.send(new DescribeStacksCommand({ StackName: 'S' }));
    expect(stack).toMatchObject({ StackId: stackId, StackStatus: 'CREATE_COMPLETE', Outputs: [{ OutputKey: 'Id', OutputValue: 'a<1>' }] });
    const { StackResources = [] } = await client.send(new DescribeStackResourcesCommand({ PhysicalResourceId: 'a<1>' }));
    expect(StackResources.map(({ LogicalResourceId }) => LogicalResourceId)).toContain('A');

    const allowed = { Effect: 'Allow' as const, Action: 'cloudformation:DescribeStacks', Resource: stackId };
    const role = fixture.emulator.server.issue(new Principal('arn:aws:sts::111122223333:assumed-role/r/f', () => [allowed]));
    const limited = new CloudFormationClient({ ...fixture.emulator.config, credentials: role });
    await expect(limited.send(new DescribeStackResourcesCommand({ StackName: stackId }))).rejects.toMatchObject({ name: 'AccessDenied' });

    await fixture.destroy();
    const { StackEvents: events = [] } = await client.send(new DescribeStackEventsCommand({ StackName: stackId }));
    expect(events.filter(event => event.LogicalResourceId === 'A' && event.PhysicalResourceId === 'a<1>').map(event => event.ResourceStatus))
      .toEqual(['DELETE_COMPLETE', 'DELETE_IN_PROGRESS', 'CREATE_COMPLETE']);
    await expect(limited.send(new DescribeStackEventsCommand({ StackName: stackId }))).rejects.toMatchObject({ name: 'AccessDenied' });
    await expect(client.send(new DescribeStacksCommand({ StackName: 'S' }))).rejects.toThrow('Stack with id S does not exist');
    const { Stacks: [deleted] = [] } = await limited.send(new DescribeStacksCommand({ StackName: stackId }));
    expect(deleted.StackStatus).toBe('DELETE_COMPLETE');
  });

  test('an export stays while another stack imports it', async () => {
    const exporting = (id: string) => fixture.deploy({ A: custom({ Id: id }) }, { body: { Outputs: { Id: { Value: ref('A'), Export: { Name: 'shared' } } } } });
    await exporting('a-1');
    const importing = await fixture.deploy({ B: custom({ Id: { 'Fn::ImportValue': 'shared' } }) }, { name: 'T' });
    expect(importing.resources.B.physicalId).toBe('a-1');
    await expect(fixture.destroy()).rejects.toThrow('Export shared cannot be deleted as it is in use by T');
    expect((await exporting('a-2')).status).toBe('UPDATE_ROLLBACK_COMPLETE');
    await fixture.destroy({}, 'T');
    expect((await fixture.destroy()).status).toBe('DELETE_COMPLETE');
  });
});
