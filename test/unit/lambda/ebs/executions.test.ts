import { SFNClient } from '@aws-sdk/client-sfn';
import { Executions, executionState } from '../../../../lambda/ebs/executions';
import { clientConfig } from '../../../../lambda/shared/client-config';
import type { TransferInput } from '../../../../src/contract/transfer';
import { EbsHandlerWorld } from '../../../harness/ebs/ebs-handler-world';

describe('an execution', () => {
  test('that failed by a function has the message of that function as its reason', () => {
    const cause = JSON.stringify({ errorType: 'Error', errorMessage: 'image s3://images/disk.img was replaced' });
    expect(executionState({ status: 'FAILED', error: 'Error', cause })).toEqual({ status: 'FAILED', reason: 'image s3://images/disk.img was replaced' });
  });

  test.each([
    ['Lambda.Unknown', 'the function ended', 'Lambda.Unknown: the function ended'],
    ['States.Runtime', undefined, 'States.Runtime'],
    ['Lambda.TooManyRequestsException', 'Rate Exceeded.', 'Lambda had no free concurrency for the functions of the transfer for hours'],
    [undefined, '{}', '{}'],
    [undefined, undefined, 'the transfer failed'],
  ])('that failed with error %s and cause %s says: %s', (error, cause, reason) => {
    expect(executionState({ status: 'FAILED', error, cause })).toEqual({ status: 'FAILED', reason });
  });

  test('whose workers left no reason says where to look', () => {
    expect(executionState({ status: 'FAILED', error: 'States.ExceedToleratedFailureThreshold', cause: 'too many failed' }))
      .toMatchObject({ reason: expect.stringMatching(/no worker wrote the reason into the transfer bucket: Lambda did not run one.*logs/) as string });
  });

  test('that was stopped, or ran out of time, has failed', () => {
    expect(executionState({ status: 'ABORTED' })).toEqual({ status: 'FAILED', reason: 'the transfer was stopped' });
    expect(executionState({ status: 'TIMED_OUT' })).toEqual({ status: 'FAILED', reason: 'the transfer did not end in time' });
  });

  test('that Step Functions will redrive is running', () => {
    expect(executionState({ status: 'PENDING_REDRIVE' })).toEqual({ status: 'RUNNING' });
  });
});

describe('in Step Functions', () => {
  const ID = 'snap-0123456789abcdef0';
  let world: EbsHandlerWorld;
  let executions: Executions;

  beforeEach(async () => {
    world = await EbsHandlerWorld.start();
    executions = new Executions(new SFNClient(clientConfig()), world.importMachine);
  });
  afterEach(() => world.close());

  const start = () => executions.start({ snapshotId: ID } as TransferInput);

  test('an execution is started once, even if the answer is lost, or if the start is repeated after its end', async () => {
    world.server.faults.inject('states:StartExecution', { kind: 'lost-answer' });
    await world.run(start);
    expect(world.server.count('states:StartExecution')).toBe(2);
    // The input has no image, so that the plan fails.
    // The plan looks for the snapshot, which is not there, for two minutes and a half.
    await world.clock.sleep(200_000);
    const ended = await executions.find(ID);
    expect(ended).toMatchObject({ status: 'FAILED' });
    await world.run(start);
    expect(await executions.find(ID)).toEqual(ended);
  });

  test('an execution that was never started is not found, and can be stopped', async () => {
    expect(await executions.find(ID)).toBeUndefined();
    await executions.stop(ID);
    expect(world.server.count('states:StopExecution')).toBe(0);
  });
});
