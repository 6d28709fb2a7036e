import { DescribeStackResourcesCommand, DescribeStacksCommand, type CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { saidBy } from './errors';
import { log } from './log';
import type { ReadyContext } from './resource-lifecycle';
import { RETRY_POLICIES, retrying } from './retry';

/** A resource of a stack. */
export interface Membership {
  readonly stackId: string;
  readonly logicalId: string;
  readonly type: string;
}

/** So long CloudFormation may tell the status before an operation. */
const SETTLED_AFTER_MILLISECONDS = 60_000;

/** What an operation has made, and not handed out yet. */
export interface Unclaimed {
  readonly id: string;
  /** When it was begun, in milliseconds since 1970. */
  readonly begun: number | undefined;
  remove(): Promise<unknown>;
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
   * Whether CloudFormation waits for what an operation has made. Not if it has cancelled that: as long as it goes back, or deletes
   * the stack, its next event may come for the thing; when that is over nobody will, so that it is removed, and this throws.
   * Where CloudFormation does not say, all goes on.
   */
  public async isAwaited({ stackId, mayBeCancelled }: Pick<ReadyContext<unknown>, 'stackId' | 'mayBeCancelled'>, made: Unclaimed): Promise<boolean> {
    let status: string;
    try {
      status = await this.status(stackId) ?? '';
    } catch (error) {
      log({ event: 'could not ask for the state of the stack', stackId, error: saidBy(error) });
      return true;
    }
    if (!/(ROLLBACK|^DELETE)_COMPLETE$/.test(status)) { return !(mayBeCancelled && /ROLLBACK|^DELETE/.test(status)); }
    // Where an operation began just now, that may still be the end of the one before.
    if (made.begun === undefined || Date.now() < made.begun + SETTLED_AFTER_MILLISECONDS) { return false; }
    try {
      await made.remove();
    } catch (error) {
      // The next poll tries again, and nobody else would.
      log({ event: 'could not clean up', id: made.id, error: saidBy(error) });
      return false;
    }
    throw new Error(`CloudFormation cancelled the operation for which ${made.id} was made, and has gone back without it`);
  }

  /** Where this is a resource of a stack; CloudFormation lists it there until an operation that removes it is over. */
  public async resources(physicalId: string): Promise<Membership[]> {
    try {
      const { StackResources: resources } = await retrying(
        () => this.client.send(new DescribeStackResourcesCommand({ PhysicalResourceId: physicalId })), { what: 'DescribeStackResources', policy: RETRY_POLICIES.STACK_STATUS });
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
        () => this.client.send(new DescribeStacksCommand({ StackName: stackId })), { what: 'DescribeStacks', policy: RETRY_POLICIES.STACK_STATUS });
      return stacks?.[0]?.StackStatus;
    } catch (error) {
      // CloudFormation's error for a stack that it does not know is the one for every wrong parameter.
      if (/does not exist/.test((error as Error).message)) { return undefined; }
      throw error;
    }
  }
}
