import { DescribeStackResourcesCommand, DescribeStacksCommand, type CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { saidBy } from './errors';
import { log } from './log';
import { retrying } from './retry';

/** A resource of a stack. */
export interface Membership {
  readonly stackId: string;
  readonly logicalId: string;
  readonly type: string;
}

/** So long CloudFormation may tell the status before an operation. */
const SETTLED_AFTER_MILLISECONDS = 60_000;

/** Why there is an end of what was made for an operation that was cancelled. CloudFormation does not listen any more. */
export function cancelledFor(id: string): string {
  return `CloudFormation cancelled the operation for which ${id} was made, and has gone back without it`;
}

/** What CloudFormation says of stacks. No event tells a handler that it takes part in a rollback. */
export class Stacks {
  constructor(private readonly client: CloudFormationClient) {}

  /** Whether the stack is no more. CloudFormation forgets deleted stacks after 90 days. */
  public async isDeleted(stackId: string): Promise<boolean> {
    const status = await this.status(stackId);
    return status === undefined || status === 'DELETE_COMPLETE';
  }

  /** Whether the stack is on the way back from a failed operation; `otherwise` if CloudFormation does not say. */
  public async isRollingBack(stackId: string, otherwise: boolean): Promise<boolean> {
    try {
      return /ROLLBACK/.test(await this.status(stackId) ?? '');
    } catch (error) {
      log({ event: 'could not ask for the state of the stack', stackId, error: saidBy(error) });
      return otherwise;
    }
  }

  /**
   * Whether CloudFormation has cancelled an operation for which something is made that was not handed out yet. `for now`: it goes
   * back, or deletes the stack, and may come for it. `for good`: it has ended that, and nobody will. Where it does not say, all goes on.
   *
   * `goesForward`: the operation is none of the way back itself. `begun`: when it began, in milliseconds since 1970.
   */
  public async cancelled(stackId: string, goesForward: boolean, begun = 0): Promise<'for now' | 'for good' | false> {
    let status: string;
    try {
      status = await this.status(stackId) ?? '';
    } catch (error) {
      log({ event: 'could not ask for the state of the stack', stackId, error: saidBy(error) });
      return false;
    }
    // Where an operation began just now, that may still be the end of the one before.
    if (/(ROLLBACK|^DELETE)_COMPLETE$/.test(status)) { return Date.now() > begun + SETTLED_AFTER_MILLISECONDS ? 'for good' : 'for now'; }
    return goesForward && /ROLLBACK|^DELETE/.test(status) && 'for now';
  }

  /** Where this is a resource of a stack; CloudFormation lists it there until an operation that removes it is over. */
  public async resources(physicalId: string): Promise<Membership[]> {
    try {
      const { StackResources: resources } = await retrying(
        () => this.client.send(new DescribeStackResourcesCommand({ PhysicalResourceId: physicalId })), { what: 'DescribeStackResources', seconds: 30 });
      return (resources ?? [])
        .filter(resource => resource.PhysicalResourceId === physicalId && !/^DELETE_(COMPLETE|SKIPPED)$/.test(resource.ResourceStatus!))
        .map(({ StackId, LogicalResourceId, ResourceType }) => ({ stackId: StackId!, logicalId: LogicalResourceId!, type: ResourceType! }));
    } catch (error) {
      // That it is of no stack is an error, too.
      if (/does not exist/.test((error as Error).message)) { return []; }
      throw error;
    }
  }

  /** undefined: there is none, or it is forgotten. */
  public async status(stackId: string): Promise<string | undefined> {
    try {
      const { Stacks: stacks } = await retrying(
        () => this.client.send(new DescribeStacksCommand({ StackName: stackId })), { what: 'DescribeStacks', seconds: 30 });
      return stacks?.[0]?.StackStatus;
    } catch (error) {
      // CloudFormation's error for a stack that it does not know is the one for every wrong parameter.
      if (/does not exist/.test((error as Error).message)) { return undefined; }
      throw error;
    }
  }
}
