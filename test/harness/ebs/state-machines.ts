import { arn } from '../../../world/emulator/environment';

const task = (name: string) => ({
  Type: 'Task',
  Resource: arn('lambda', `function:${name}`),
  Retry: [{ ErrorEquals: ['Lambda.Unknown'], IntervalSeconds: 2, BackoffRate: 2, MaxAttempts: 6 }],
});

/** The state machine of imports, as the constructs define it. */
export const IMPORT_DEFINITION = {
  StartAt: 'Plan',
  States: {
    Plan: { ...task('steps'), Parameters: { 'plan.$': '$' }, Next: 'Copy' },
    Copy: {
      Type: 'Map',
      ItemsPath: '$.ranges',
      ItemSelector: { 'snapshotId.$': '$.snapshotId', 'n.$': '$$.Map.Item.Value.n' },
      MaxConcurrencyPath: '$.workers',
      ItemProcessor: {
        ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
        StartAt: 'CopyRange',
        States: {
          CopyRange: { ...task('copy'), ResultPath: '$.result', Next: 'Done' },
          Done: { Type: 'Choice', Choices: [{ Variable: '$.result.done', BooleanEquals: true, Next: 'Copied' }], Default: 'CopyRange' },
          Copied: { Type: 'Succeed' },
        },
      },
      ResultPath: null,
      Next: 'Seal',
    },
    Seal: { ...task('steps'), Parameters: { seal: { 'snapshotId.$': '$.snapshotId' } }, ResultPath: '$.settle', Next: 'Settled' },
    Settle: { ...task('steps'), Parameters: { settle: { 'snapshotId.$': '$.snapshotId' } }, ResultPath: '$.settle', Next: 'Settled' },
    Settled: {
      Type: 'Choice',
      Choices: [
        { And: [{ Variable: '$.settle.completed', BooleanEquals: true }, { Variable: '$.verify', BooleanEquals: true }], Next: 'Verify' },
        { And: [{ Variable: '$.settle.completed', BooleanEquals: true }, { Variable: '$.increment', BooleanEquals: true }], Next: 'Release' },
        { Variable: '$.settle.completed', BooleanEquals: true, Next: 'End' },
      ],
      Default: 'Wait',
    },
    Wait: { Type: 'Wait', Seconds: 5, Next: 'Settle' },
    Verify: {
      Type: 'Map',
      ItemsPath: '$.ranges',
      ItemSelector: { 'snapshotId.$': '$.snapshotId', 'n.$': '$$.Map.Item.Value.n', 'from': 0 },
      MaxConcurrency: 4,
      ItemProcessor: {
        ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
        StartAt: 'VerifyRange',
        States: {
          VerifyRange: { ...task('verify'), Next: 'Compared' },
          Compared: { Type: 'Choice', Choices: [{ Variable: '$.done', BooleanEquals: true, Next: 'RangeVerified' }], Default: 'VerifyRange' },
          RangeVerified: { Type: 'Succeed' },
        },
      },
      ResultPath: null,
      Next: 'Increment',
    },
    Increment: { Type: 'Choice', Choices: [{ Variable: '$.increment', BooleanEquals: true, Next: 'Release' }], Default: 'End' },
    Release: { ...task('cleanUp'), Parameters: { 'releaseParentOf.$': '$.snapshotId' }, ResultPath: null, Next: 'End' },
    End: { Type: 'Succeed' },
  },
};

/** The state machine of exports, as the constructs define it. */
export const EXPORT_DEFINITION = {
  StartAt: 'Plan',
  States: {
    Plan: { ...task('exportPlan'), Next: 'Copy' },
    Copy: {
      Type: 'Map',
      ItemsPath: '$.ranges',
      ItemSelector: { 'exportId.$': '$.exportId', 'n.$': '$$.Map.Item.Value.n' },
      MaxConcurrencyPath: '$.workers',
      ItemProcessor: {
        ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
        StartAt: 'CopyRange',
        States: {
          CopyRange: { ...task('exportCopy'), ResultPath: '$.result', Next: 'Done' },
          Done: { Type: 'Choice', Choices: [{ Variable: '$.result.done', BooleanEquals: true, Next: 'Copied' }], Default: 'CopyRange' },
          Copied: { Type: 'Succeed' },
        },
      },
      ResultPath: null,
      Next: 'Finish',
    },
    Finish: { ...task('exportFinish'), ResultPath: null, End: true },
  },
};
