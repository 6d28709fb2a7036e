/** Entries of the bundles, by the name of their folder in assets/. */
export const ENTRIES: Record<string, string> = {
  'efs': 'lambda/efs/index.ts',
  'deferred-throughput': 'lambda/efs/file-system/deferred-throughput.ts',
  'ebs': 'lambda/ebs/index.ts',
  'transfer-copy': 'lambda/transfer/import/copy.ts',
  'transfer-steps': 'lambda/transfer/import/steps.ts',
  'transfer-clean-up': 'lambda/transfer/import/clean-up.ts',
  'export-plan': 'lambda/transfer/export/plan.ts',
  'export-copy': 'lambda/transfer/export/copy.ts',
  'export-finish': 'lambda/transfer/export/finish.ts',
  'export-clean-up': 'lambda/transfer/export/clean-up.ts',
  'cli': 'cli/index.ts',
};
