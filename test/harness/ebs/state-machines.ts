import { LAMBDA_FAILED, MAP_DENIED, RETRIERS, type Retrier } from '../../../src/private/ebs/retriers';
import { arn } from '../../../world/emulator/environment';

/*
 * The state machines as the constructs define them, without the seconds that a synthesis takes.
 * `test/unit/src/private/ebs/state-machines.test.ts` compares them.
 */

const retry = ({ errors, intervalSeconds, maxDelaySeconds, maxAttempts, jitter }: Retrier) => ({
  ErrorEquals: errors,
  IntervalSeconds: intervalSeconds,
  MaxAttempts: maxAttempts,
  BackoffRate: 2,
  ...(maxDelaySeconds !== undefined && { MaxDelaySeconds: maxDelaySeconds }),
  ...(jitter && { JitterStrategy: 'FULL' }),
});

const task = (name: string, retriers = RETRIERS) => ({ Type: 'Task', Resource: arn('lambda', `function:${name}`), Retry: retriers.map(retry) });

const MAP = { Type: 'Map', Retry: [retry(MAP_DENIED)] };

/** The part of a map that works on each range until it is done. */
const rangeLoop = ({ work, question, done, answer }: { work: string; question: string; done: string; answer: string }, state: object) => ({
  ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
  StartAt: work,
  States: {
    [work]: { ...state, Next: question },
    [question]: { Type: 'Choice', Choices: [{ Variable: answer, BooleanEquals: true, Next: done }], Default: work },
    [done]: { Type: 'Succeed', OutputPath: null },
  },
});

const COMPLETED = { Variable: '$.settle.completed', BooleanEquals: true };
const TO_VERIFY = { Variable: '$.verify', BooleanEquals: true };
const INCREMENT = { Variable: '$.increment', BooleanEquals: true };

export const IMPORT_DEFINITION = {
  StartAt: 'Plan transfer',
  States: {
    'Plan transfer': { ...task('steps'), Parameters: { 'plan.$': '$', 'execution.$': '$$.Execution.Name' }, Next: 'Copy all ranges' },
    'Copy all ranges': {
      ...MAP,
      ItemsPath: '$.ranges',
      ItemSelector: { 'snapshotId.$': '$.snapshotId', 'n.$': '$$.Map.Item.Value.n' },
      MaxConcurrencyPath: '$.workers',
      ItemProcessor: rangeLoop({ work: 'Copy range', question: 'Range copied?', done: 'Range copied', answer: '$.copy.done' }, {
        ...task('copy'), Parameters: { 'snapshotId.$': '$.snapshotId', 'n.$': '$.n', 'retries.$': '$$.State.RetryCount' }, ResultPath: '$.copy',
      }),
      ResultPath: null,
      Next: 'Seal snapshot',
    },
    'Seal snapshot': {
      ...task('steps'), Parameters: { seal: { 'snapshotId.$': '$.snapshotId' } }, ResultPath: '$.settle', Next: 'Snapshot completed?',
    },
    'Settle snapshot': {
      ...task('steps'),
      Parameters: { settle: { 'snapshotId.$': '$.snapshotId', 'seconds.$': '$.settle.seconds' } },
      ResultPath: '$.settle',
      Next: 'Snapshot completed?',
    },
    'Snapshot completed?': {
      Type: 'Choice',
      Choices: [
        { And: [COMPLETED, TO_VERIFY], Next: 'Verify all ranges' },
        { And: [COMPLETED, INCREMENT], Next: 'Release parent' },
        { ...COMPLETED, Next: 'Snapshot completed' },
      ],
      Default: 'Wait for EBS',
    },
    'Wait for EBS': { Type: 'Wait', SecondsPath: '$.settle.seconds', Next: 'Settle snapshot' },
    'Verify all ranges': {
      ...MAP,
      ItemsPath: '$.ranges',
      ItemSelector: { 'snapshotId.$': '$.snapshotId', 'n.$': '$$.Map.Item.Value.n', 'from': 0 },
      MaxConcurrency: 6,
      ItemProcessor: rangeLoop({ work: 'Verify range', question: 'Range verified?', done: 'Range verified', answer: '$.done' }, task('verify')),
      ResultPath: null,
      Next: 'Increment verified?',
    },
    'Increment verified?': { Type: 'Choice', Choices: [{ ...INCREMENT, Next: 'Release parent' }], Default: 'Snapshot completed' },
    'Release parent': {
      ...task('cleanUp', [LAMBDA_FAILED]),
      Parameters: { 'releaseParentOf.$': '$.snapshotId' },
      ResultPath: null,
      Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: 'Snapshot completed' }],
      Next: 'Snapshot completed',
    },
    'Snapshot completed': { Type: 'Succeed' },
  },
};

export const EXPORT_DEFINITION = {
  StartAt: 'Plan export',
  States: {
    'Plan export': { ...task('exportPlan'), Parameters: { 'plan.$': '$', 'execution.$': '$$.Execution.Name' }, Next: 'Export all ranges' },
    'Export all ranges': {
      ...MAP,
      ItemsPath: '$.ranges',
      ItemSelector: { 'exportId.$': '$.exportId', 'n.$': '$$.Map.Item.Value.n' },
      MaxConcurrencyPath: '$.workers',
      ItemProcessor: rangeLoop({ work: 'Export range', question: 'Range exported?', done: 'Range exported', answer: '$.copy.done' }, {
        ...task('exportCopy'), Parameters: { 'exportId.$': '$.exportId', 'n.$': '$.n', 'retries.$': '$$.State.RetryCount' }, ResultPath: '$.copy',
      }),
      ResultPath: null,
      Next: 'Complete object',
    },
    'Complete object': { ...task('exportFinish'), Parameters: { 'exportId.$': '$.exportId' }, ResultPath: null, End: true },
  },
};
