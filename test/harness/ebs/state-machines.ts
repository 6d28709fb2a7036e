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

const INLINE = { Mode: 'INLINE' };
const DISTRIBUTED = { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' };

interface Loop {
  readonly work: string;
  readonly question: string;
  readonly done: string;
  readonly answer: string;
  readonly mode?: object;
}

/** The part of a map that works on each item until it is done. */
const loop = ({ work, question, done, answer, mode = INLINE }: Loop, state: object) => ({
  ProcessorConfig: mode,
  StartAt: work,
  States: {
    [work]: { ...state, Next: question },
    [question]: { Type: 'Choice', Choices: [{ Variable: answer, BooleanEquals: true, Next: done }], Default: work },
    [done]: { Type: 'Succeed', OutputPath: null },
  },
});

/** Works on each range, in the history of the execution or in others, and goes on. */
const eachRange = ({ verb, done, id, work }: { verb: string; done: string; id: object; work: object }, Next: string) => {
  const map = (where: string, mode: object) => ({
    Type: 'Map',
    ItemsPath: '$.ranges',
    ItemSelector: { ...id, 'n.$': '$$.Map.Item.Value.n' },
    MaxConcurrencyPath: '$.workers',
    ItemProcessor: loop({
      work: `${verb} range${where}`, question: `Range ${done}${where}?`, done: `Range ${done}${where}`, answer: '$.copy.done', mode,
    }, work),
    ResultPath: null,
    Next,
  });
  const [all, inBackground] = [`${verb} all ranges`, `${verb} all ranges in the background`];
  return {
    'In the background?': { Type: 'Choice', Choices: [{ Variable: '$.background', BooleanEquals: true, Next: inBackground }], Default: all },
    [all]: map('', INLINE),
    [inBackground]: { ...map(' in the background', DISTRIBUTED), Retry: [retry(MAP_DENIED)] },
  };
};

const COMPLETED = { Variable: '$.settle.completed', BooleanEquals: true };
const TO_VERIFY = { Variable: '$.settle.verify', BooleanEquals: true };
const INCREMENT = { Variable: '$.increment', BooleanEquals: true };

export const IMPORT_DEFINITION = {
  StartAt: 'Plan transfer',
  States: {
    'Plan transfer': { ...task('steps'), Parameters: { 'plan.$': '$', 'execution.$': '$$.Execution.Name' }, Next: 'In the background?' },
    ...eachRange({
      verb: 'Copy',
      done: 'copied',
      id: { 'snapshotId.$': '$.snapshotId' },
      work: { ...task('copy'), Parameters: { 'snapshotId.$': '$.snapshotId', 'n.$': '$.n', 'retries.$': '$$.State.RetryCount' }, ResultPath: '$.copy' },
    }, 'Seal snapshot'),
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
        { And: [COMPLETED, TO_VERIFY], Next: 'Verify all batches' },
        { And: [COMPLETED, INCREMENT], Next: 'Release parent' },
        { ...COMPLETED, Next: 'Snapshot completed' },
      ],
      Default: 'Wait for EBS',
    },
    'Wait for EBS': { Type: 'Wait', SecondsPath: '$.settle.seconds', Next: 'Settle snapshot' },
    'Verify all batches': {
      Type: 'Map',
      ItemsPath: '$.settle.batches',
      ItemSelector: { 'snapshotId.$': '$.snapshotId', 'n.$': '$$.Map.Item.Value.n', 'from': 0 },
      MaxConcurrency: 6,
      ItemProcessor: loop({ work: 'Verify batch', question: 'Batch verified?', done: 'Batch verified', answer: '$.done' }, {
        ...task('steps'), Parameters: { 'verify.$': '$' },
      }),
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
    'Plan export': { ...task('exportPlan'), Parameters: { 'plan.$': '$', 'execution.$': '$$.Execution.Name' }, Next: 'Export planned?' },
    'Export planned?': { Type: 'Choice', Choices: [{ Variable: '$.done', BooleanEquals: true, Next: 'In the background?' }], Default: 'Plan export' },
    ...eachRange({
      verb: 'Export',
      done: 'exported',
      id: { 'exportId.$': '$.exportId' },
      work: { ...task('exportCopy'), Parameters: { 'exportId.$': '$.exportId', 'n.$': '$.n', 'retries.$': '$$.State.RetryCount' }, ResultPath: '$.copy' },
    }, 'Complete object'),
    'Complete object': { ...task('exportFinish'), Parameters: { 'exportId.$': '$.exportId' }, ResultPath: null, End: true },
  },
};
