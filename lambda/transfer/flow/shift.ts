/** What of Lambda's context is needed. */
export interface Deadline {
  getRemainingTimeInMillis(): number;
}
