import { DescribeStackResourceCommand, type CloudFormationClient } from '@aws-sdk/client-cloudformation';
import type { Call } from './call';
import type { CloudFormationEvent } from './cloudformation-event';
import { saidBy } from '../errors';
import { log } from '../log';
import { isThrottle, RETRY_POLICIES, retrying } from '../retry';

/** How long DescribeStackResource may return the status from before the event. */
const STATUS_LAG_MILLISECONDS = 60_000;
/** How long a call counts if CloudFormation does not return the status. */
const UNKNOWN_MILLISECONDS = 5 * 60_000;

/**
 * Whether CloudFormation still waits for a resource. Events may arrive late, after CloudFormation has cancelled them: a thing that is made
 * then would be deleted by nobody, and a change would undo the rollback.
 */
export class Awaited {
  constructor(private readonly client: Pick<CloudFormationClient, 'send'>) {}

  /** Returns `not yet` while the status may be from before the event. A deletion always counts. */
  public async ask({ RequestType, StackId, LogicalResourceId }: CloudFormationEvent, { sent }: Call): Promise<'yes' | 'no' | 'not yet'> {
    if (RequestType === 'Delete') { return 'yes'; }
    let status: string | undefined;
    try {
      status = await this.status(StackId, LogicalResourceId);
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

  /** Returns undefined if the stack does not have the resource. */
  private async status(stackId: string, logicalId: string): Promise<string | undefined> {
    try {
      const { StackResourceDetail: resource } = await retrying(
        () => this.client.send(new DescribeStackResourceCommand({ StackName: stackId, LogicalResourceId: logicalId })),
        { what: 'DescribeStackResource', policy: RETRY_POLICIES.RESOURCE_STATUS });
      return resource?.ResourceStatus;
    } catch (error) {
      // The name of this error is the one for every wrong parameter, so only the message tells them apart.
      if (/does not exist/.test((error as Error).message)) { return undefined; }
      throw error;
    }
  }
}
