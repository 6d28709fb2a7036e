/**
 * What happens to a change of throughput that comes too early: Amazon EFS allows one
 * change of the mode, or one decrease of the rate, in 24 hours.
 */
export enum ThroughputCooldown {
  /**
   * The deployment fails at once, with the time from which EFS allows the change. A
   * rollback keeps the throughput that is in force.
   */
  FAIL = 'FAIL',

  /**
   * The deployment succeeds with the throughput that is in force, also a rollback. The
   * change is made as soon as EFS allows it, unless a later deployment wants something else.
   */
  DEFER = 'DEFER',
}
