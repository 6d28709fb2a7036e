/**
 * Logical ids of what aws-cdk-lib's Provider framework makes: its functions, its waiter state machine, and their roles.
 * They are exempt from delays until this library has a framework of its own.
 */
export function isOfProviderFramework(logicalId: string): boolean {
  return /framework(onEvent|isComplete|onTimeout)|waiterstatemachine/.test(logicalId);
}
