import type { Clock } from '../emulator/clock';

const PASSING = /^(IncorrectFileSystemLifeCycleState|IncorrectMountTargetState|FileSystemInUse|DependencyViolation)$/;
const SECONDS_BETWEEN = 5;
const MOST_ATTEMPTS = 60;

/**
 * Repeats an action on one of CloudFormation's own resources while what it depends on is not ready: in express mode, the
 * dependents begin before that. The user guide calls such failures transient, and gives neither their names nor how long.
 */
export async function insisting<T>(clock: Clock, act: () => T | Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      if (attempt === MOST_ATTEMPTS || !PASSING.test((error as Error).name)) { throw error; }
      await clock.sleep(SECONDS_BETWEEN * 1000);
    }
  }
}
