import {
  CloudFormationClient, DescribeStackResourceCommand, DescribeStackResourcesCommand, DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import { custom, Fixture } from './fixture';
import { Principal } from '../../../world/emulator/iam';

let fixture: Fixture;
afterEach(() => fixture.close());
afterAll(() => Fixture.cleanUp());

const ref = (logicalId: string) => ({ Ref: logicalId });
/** Events of a resource, with the seconds at which they arrived. */
const arrivals = (logicalId: string) => fixture.delivered.filter(({ event }) => event.LogicalResourceId === logicalId)
  .map(({ seconds, event }) => `${seconds} ${event.RequestType} ${event.PhysicalResourceId ?? ''}`.trim());

describe('events', () => {
  beforeEach(async () => { fixture = await Fixture.start(); });

  test.each(['Create', 'Update', 'Delete'])('of a %s may arrive twice at the same time', async type => {
    const options = { duplicate: 'A' };
    await fixture.deploy({ A: custom({ Id: 'a' }) }, type === 'Create' ? options : {});
    await fixture.deploy({ A: custom({ Id: 'a', Size: 2 }) }, type === 'Update' ? options : {});
    await fixture.destroy(type === 'Delete' ? options : {});
    const twice = fixture.delivered.filter(({ event }) => event.RequestType === type);
    expect(twice).toHaveLength(2);
    expect(twice[1]).toEqual(twice[0]);
    expect(fixture.delivered).toHaveLength(4);
  });

  test('of an Update may arrive after that of its rollback', async () => {
    await fixture.deploy({ A: custom({ Id: 'a' }) });
    fixture.delivered.length = 0;
    const outcome = await fixture.deploy({ A: custom({ Id: 'a', Size: 2 }), B: custom({ CreateSeconds: 10, Fail: 'Create' }) },
      { lateUpdate: 'A', lateUpdateDelay: 30 });
    await fixture.emulator.clock.sleep(60_000);
    expect(outcome.status).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(arrivals('A')).toEqual(['10 Update a', '40 Update a']);
    const [back, late] = fixture.delivered.filter(({ event }) => event.LogicalResourceId === 'A').map(({ event }) => event);
    expect([back.ResourceProperties.Size, late.ResourceProperties.Size]).toEqual([undefined, '2']);
  });

  test('of a Delete may be late, and are waited for', async () => {
    await fixture.deploy({ A: custom({ Id: 'a' }) });
    expect((await fixture.destroy({ lateDelete: 'A', lateDeleteDelay: 45 })).status).toBe('DELETE_COMPLETE');
    expect(arrivals('A')).toEqual(['0 Create', '45 Delete a']);
  });

  test('of a Create without rollback may arrive in the next operation, after the Delete', async () => {
    await fixture.deploy({ A: custom({ Id: 'a', ServiceTimeout: 20 }) }, { disableRollback: true, lateCreate: 'A', lateCreateDelay: 10 });
    await fixture.deploy({}, { disableRollback: true });
    await fixture.emulator.clock.sleep(60_000);
    expect(arrivals('A')).toEqual([expect.stringMatching(/^20 Delete S-A-/), '30 Create']);
  });
});

describe('statuses', () => {
  const LATE = 30;
  beforeEach(async () => { fixture = await Fixture.start({ seed: 1, lateness: { stackStatus: LATE } }); });

  const ask = async () => {
    // Time stands still until both answers are there.
    const done = fixture.emulator.clock.work();
    const client = new CloudFormationClient(fixture.emulator.config);
    const { Stacks: [stack] = [] } = await client.send(new DescribeStacksCommand({ StackName: 'S' }));
    const { StackResources = [] } = await client.send(new DescribeStackResourcesCommand({ StackName: 'S' }));
    const listed = Object.fromEntries(StackResources.map(({ LogicalResourceId, ResourceStatus }) => [LogicalResourceId, ResourceStatus]));
    done();
    return { stack: stack.StackStatus, listed };
  };

  test('may be shown as they were before the operation for seconds, of the stack and of each resource', async () => {
    const seen: { stack?: string; listed: Record<string, string | undefined> }[] = [];
    let deploying: Promise<unknown>;
    // The clock does not wait for what goes before a deployment, such as the upload of assets.
    await new Promise<unknown>(resolve => {
      deploying = fixture.deploy({ A: custom({ Id: 'a', CreateSeconds: 100 }), B: custom({ A: ref('A') }) }, { onEvent: resolve });
    });
    for (let second = 0; second < 60; second++) {
      await fixture.emulator.clock.sleep(1000);
      seen.push(await ask());
    }
    await deploying!;
    await fixture.emulator.clock.sleep(LATE * 1000);
    expect(await ask()).toMatchObject({ stack: 'CREATE_COMPLETE', listed: { A: 'CREATE_COMPLETE', B: 'CREATE_COMPLETE' } });
    expect(seen[0].stack).toBe('REVIEW_IN_PROGRESS');
    expect(seen[0].listed).not.toHaveProperty('A');
    expect(seen.at(-1)).toMatchObject({ stack: 'CREATE_IN_PROGRESS', listed: { A: 'CREATE_IN_PROGRESS' } });
  });

  test('are shown of one resource by DescribeStackResource', async () => {
    const { stackId } = await fixture.deploy({ A: custom({ Id: 'a' }) });
    await fixture.emulator.clock.sleep(LATE * 1000);
    const client = new CloudFormationClient(fixture.emulator.config);
    const describe = (LogicalResourceId: string) => client.send(new DescribeStackResourceCommand({ StackName: stackId, LogicalResourceId }));
    expect((await describe('A')).StackResourceDetail).toMatchObject({
      StackId: stackId, LogicalResourceId: 'A', PhysicalResourceId: 'a', ResourceStatus: 'CREATE_COMPLETE', LastUpdatedTimestamp: expect.any(Date),
    });
    await expect(describe('Nothing')).rejects.toThrow('Resource Nothing does not exist for stack S');
  });

  test('may be late by the same time for one stack', async () => {
    fixture.emulator.lateness.fix('stackStatus', /:stack\/S\//, 60);
    const seen: string[] = [];
    const look = async () => {
      const begin = fixture.emulator.clock.now();
      for (const second of [1, 59, 61]) {
        await fixture.emulator.clock.sleep(begin + second * 1000 - fixture.emulator.clock.now());
        seen.push(`${second} ${(await ask()).listed.A}`);
      }
    };
    let looking: Promise<void>;
    await fixture.deploy({ A: custom({ CreateSeconds: 100 }) }, { onEvent: ({ logicalId }) => { if (logicalId === 'A') { looking ??= look(); } } });
    await looking!;
    expect(seen).toEqual(['1 undefined', '59 undefined', '61 CREATE_IN_PROGRESS']);
  });
});

describe('DescribeStackResource', () => {
  beforeEach(async () => { fixture = await Fixture.start(); });

  const describeResource = (StackName: string, LogicalResourceId: string, credentials = fixture.emulator.config.credentials) =>
    new CloudFormationClient({ ...fixture.emulator.config, credentials }).send(new DescribeStackResourceCommand({ StackName, LogicalResourceId }));

  test('shows the resources of a deleted stack for 90 days, by the id of the stack', async () => {
    const { stackId } = await fixture.deploy({ A: custom({ Id: 'a' }), B: custom({ Id: 'b' }, { DeletionPolicy: 'Retain' }) });
    await fixture.destroy();
    expect((await describeResource(stackId, 'A')).StackResourceDetail).toMatchObject({ PhysicalResourceId: 'a', ResourceStatus: 'DELETE_COMPLETE' });
    expect((await describeResource(stackId, 'B')).StackResourceDetail).toMatchObject({ PhysicalResourceId: 'b', ResourceStatus: 'DELETE_SKIPPED' });
    await expect(describeResource('S', 'A')).rejects.toMatchObject({ name: 'ValidationError', message: "Stack 'S' does not exist" });
    fixture.emulator.clock.advance(90 * 24 * 3600_000);
    await expect(describeResource(stackId, 'A')).rejects.toMatchObject({ name: 'ValidationError', message: `Stack '${stackId}' does not exist` });
  });

  test('shows what the rollback of a creation deleted, and not what an update removed', async () => {
    const { stackId } = await fixture.deploy({ A: custom({ Id: 'a' }), B: custom({ Fail: 'Create' }, { DependsOn: 'A' }) });
    expect((await describeResource(stackId, 'A')).StackResourceDetail!.ResourceStatus).toBe('DELETE_COMPLETE');

    const again = await fixture.deploy({ A: custom(), B: custom() });
    await fixture.deploy({ A: custom() });
    await expect(describeResource(again.stackId, 'B')).rejects.toMatchObject({ name: 'ValidationError', message: 'Resource B does not exist for stack S' });
  });

  test('is denied without a permission, also of a stack that does not exist', async () => {
    const { stackId } = await fixture.deploy({ A: custom() });
    const allowed = (Action: string, Resource: string) => fixture.emulator.server.issue(
      new Principal('arn:aws:sts::111122223333:assumed-role/r/f', () => [{ Effect: 'Allow', Action, Resource }]));
    await expect(describeResource(stackId, 'A', allowed('cloudformation:DescribeStackResource', `${stackId}x`))).rejects.toMatchObject({
      name: 'AccessDenied', message: expect.stringContaining('is not authorized to perform: cloudformation:DescribeStackResource on resource:'),
    });
    await expect(describeResource('S', 'A', allowed('cloudformation:DescribeStacks', '*'))).rejects.toMatchObject({ name: 'AccessDenied' });
    await expect(describeResource('None', 'A', allowed('cloudformation:DescribeStackResource', stackId))).rejects.toMatchObject({ name: 'AccessDenied' });
    expect((await describeResource('S', 'A', allowed('cloudformation:DescribeStackResource', stackId))).StackResourceDetail!.LogicalResourceId).toBe('A');
  });
});
