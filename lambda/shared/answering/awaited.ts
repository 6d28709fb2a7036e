import type { Call } from './call';
import type { CloudFormationEvent } from './cloudformation-event';
import { saidBy } from '../errors';
import { log } from '../log';
import { isThrottle } from '../retry';
import { STATUS_LAG_MILLISECONDS, type Stacks } from '../stacks';

/** How long a call counts if CloudFormation does not return the status. */
const UNKNOWN_MILLISECONDS = 5 * 60_000;

/**
 * Whether CloudFormation still waits for a resource. Events may arrive late, after CloudFormation has cancelled them: a thing that is made
 * then would be deleted by nobody, and a change would undo the rollback.
 */
export class Awaited {
  constructor(private readonly stacks: Pick<Stacks, 'resource'>) {}

  /** Returns `not yet` while the status may be from before the event. A deletion always counts. */
  public async ask({ RequestType, StackId, LogicalResourceId }: CloudFormationEvent, { sent }: Call): Promise<'yes' | 'no' | 'not yet'> {
    if (RequestType === 'Delete') { return 'yes'; }
    let status: string | undefined;
    try {
      status = (await this.stacks.resource(StackId, LogicalResourceId))?.status;
    } catch (error) {
      log({ event: 'could not ask for the state of the resource', StackId, LogicalResourceId, error: saidBy(error) });
      if (Date.now() >= sent + UNKNOWN_MILLISECONDS) { return 'no'; }
      // It does return statuses then, so that the deletion of a cancelled creation waits less than five minutes.
      return isThrottle(error) ? 'not yet' : 'yes';
    }
    if (/^(CREATE|UPDATE)_IN_PROGRESS$/.test(status ?? '')) { return 'yes'; }
    log({ event: 'CloudFormation does not list the resource as in progress', StackId, LogicalResourceId, status });
    return Date.now() < sent + STATUS_LAG_MILLISECONDS ? 'not yet' : 'no';
  }
}
