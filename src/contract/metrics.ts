/** What CloudWatch is told when an import ends. */
export const IMPORT_METRICS = {
  namespace: 'cdk-durable-storage',
  /** Its value is the owner tag of the import: root stack and path of the construct. */
  dimension: 'Import',
  succeeded: 'ImportsSucceeded',
  failed: 'ImportsFailed',
  duration: 'ImportDuration',
} as const;
