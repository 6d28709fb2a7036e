import {
  DescribeStackResourceCommand, DescribeStackResourcesCommand, DescribeStacksCommand, paginateDescribeStackEvents, type CloudFormationClient,
} from '@aws-sdk/client-cloudformation';
import { saidBy } from './errors';
import { log } from './log';
import { RETRY_POLICIES, retrying, type RetryPolicy } from './retry';

/** A resource of a stack. */
export interface Membership {
  readonly stackId: string;
  readonly logicalId: string;
  readonly type: string;
}

/** A stack as DescribeStacks describes it. */
export interface StackState {
  readonly id: string;
  readonly status: string;
  /** Whether the operation leaves the stack as it is if it fails. */
  readonly rollbackDisabled: boolean;
  /** When the latest update began, or the creation; milliseconds since 1970. */
  readonly begun?: number;
  /** The type of the latest operation. */
  readonly operation?: string;
  /** The id of the stack that the user deploys; absent for such a stack. */
  readonly rootId?: string;
}

/** How long DescribeStacks may still return the status from before the operation. */
export const STATUS_LAG_MILLISECONDS = 60_000;

/** A resource, as CloudFormation describes it. */
export interface StackResource {
  readonly status: string;
  readonly physicalId: string | undefined;
}

/** The operation that has made a resource. */
export interface Awaiting {
  readonly stackId: string;
  /** `back`: the operation is a rollback. */
  readonly direction: string;
}

/** A resource that an operation has made and not yet reported as complete. */
export interface Unclaimed {
  readonly id: string;
  /** When its creation began, in milliseconds since 1970. */
  readonly begun: number | undefined;
  remove(): Promise<unknown>;
}

/** The state of stacks, from CloudFormation. */
export class Stacks {
  constructor(private readonly client: CloudFormationClient) {}

  /** Returns whether the stack is deleted. CloudFormation forgets deleted stacks after 90 days. */
  public async isDeleted(stackId: string): Promise<boolean> {
    const status = await this.status(stackId);
    return status === undefined || status === 'DELETE_COMPLETE';
  }

  /**
   * Returns whether CloudFormation still waits for a resource that an operation has made. It does not if it has cancelled the
   * operation, or if the stack is left as the operation failed, which waits for all others first. While it rolls back, or deletes
   * the stack, and after a failure without rollback, its next event may still delete the resource; otherwise no event will come,
   * so this removes the resource and throws. If CloudFormation does not answer, the operation goes on.
   */
  public async isAwaited({ stackId, direction }: Awaiting, made: Unclaimed): Promise<boolean> {
    let status: string;
    try {
      status = await this.status(stackId) ?? '';
    } catch (error) {
      log({ event: 'could not ask for the state of the stack', stackId, error: saidBy(error) });
      return true;
    }
    if (!/(ROLLBACK|^DELETE)_COMPLETE$/.test(status)) { return direction === 'back' || !/ROLLBACK|^DELETE|_FAILED$/.test(status); }
    // The operation may have begun just now, so that this is still the end of the one before.
    if (made.begun === undefined || Date.now() < made.begun + STATUS_LAG_MILLISECONDS) { return false; }
    try {
      await made.remove();
    } catch (error) {
      // Only the next poll can try again.
      log({ event: 'could not clean up', id: made.id, error: saidBy(error) });
      return false;
    }
    throw new Error(`CloudFormation cancelled the operation for which ${made.id} was made, and has gone back without it`);
  }

  /** Returns the stacks that have a resource with this physical id. CloudFormation lists it until an operation that removes it is over. */
  public async resources(physicalId: string): Promise<Membership[]> {
    // CloudFormation also throws if no stack has the id.
    const { StackResources: resources = [] } = await ask('DescribeStackResources',
      () => this.client.send(new DescribeStackResourcesCommand({ PhysicalResourceId: physicalId }))) ?? {};
    return resources
      .filter(resource => resource.PhysicalResourceId === physicalId && !/^DELETE_(COMPLETE|SKIPPED)$/.test(resource.ResourceStatus!))
      .map(({ StackId, LogicalResourceId, ResourceType }) => ({ stackId: StackId!, logicalId: LogicalResourceId!, type: ResourceType! }));
  }

  /**
   * Returns whether CloudFormation knows the thing as this resource of the stack, now or from an earlier operation. It remembers events, and
   * stacks that are deleted, for 90 days. Throws if it does not answer.
   */
  public async had({ stackId, logicalId, type }: Membership, physicalId: string): Promise<boolean> {
    const listed = await this.listed(stackId, logicalId);
    if (listed.some(one => one.type === type && one.physicalId === physicalId)) { return true; }
    // It does not list a resource that an update has removed or replaced.
    return await ask('DescribeStackEvents', () => this.isInEvents({ stackId, logicalId, type }, physicalId)) ?? false;
  }

  /** Returns the status and the physical id of a resource; undefined if the stack does not have it. Throws if CloudFormation does not answer. */
  public async resource(stackId: string, logicalId: string): Promise<StackResource | undefined> {
    const { StackResourceDetail: resource } = await ask('DescribeStackResource',
      () => this.client.send(new DescribeStackResourceCommand({ StackName: stackId, LogicalResourceId: logicalId })),
      RETRY_POLICIES.RESOURCE_STATUS) ?? {};
    return resource && { status: resource.ResourceStatus!, physicalId: resource.PhysicalResourceId };
  }

  /** Returns the resource with this logical id, as the stack lists it now, in an array; an empty one if there is none, or no such stack. */
  public async listed(stackId: string, logicalId: string): Promise<{ type: string; physicalId?: string; status: string }[]> {
    const { StackResources: resources = [] } = await ask('DescribeStackResources',
      () => this.client.send(new DescribeStackResourcesCommand({ StackName: stackId, LogicalResourceId: logicalId }))) ?? {};
    return resources.map(({ ResourceType, PhysicalResourceId, ResourceStatus }) =>
      ({ type: ResourceType!, physicalId: PhysicalResourceId || undefined, status: ResourceStatus! }));
  }

  private async isInEvents({ stackId, logicalId, type }: Membership, physicalId: string): Promise<boolean> {
    for await (const { StackEvents: events = [] } of paginateDescribeStackEvents({ client: this.client }, { StackName: stackId })) {
      const isOfResource = events.some(event =>
        event.ResourceType === type && event.LogicalResourceId === logicalId && event.PhysicalResourceId === physicalId);
      if (isOfResource) { return true; }
    }
    return false;
  }

  /** Returns whether an update of the resource has failed between two times, in milliseconds since 1970. Throws if CloudFormation does not answer. */
  public async hasFailedUpdate(stackId: string, logicalId: string, [since, until]: readonly [number, number]): Promise<boolean> {
    return await ask('DescribeStackEvents', async () => {
      for await (const { StackEvents: events = [] } of paginateDescribeStackEvents({ client: this.client }, { StackName: stackId })) {
        const recent = events.filter(({ Timestamp: at }) => at!.getTime() >= since);
        const failures = recent.filter(event => event.LogicalResourceId === logicalId && event.ResourceStatus === 'UPDATE_FAILED');
        if (failures.some(({ Timestamp: at }) => at!.getTime() <= until)) { return true; }
        // The latest events come first.
        if (recent.length < events.length) { return false; }
      }
      return false;
    }) ?? false;
  }

  /** Returns the status of a stack; undefined if there is no such stack, or CloudFormation has forgotten it. */
  public async status(stackId: string): Promise<string | undefined> {
    return (await this.describe(stackId))?.status;
  }

  /** Describes the stack that the user deploys, which is the stack itself unless that is nested. Returns undefined if there is none. */
  public async root(stackId: string): Promise<StackState | undefined> {
    const own = await this.describe(stackId);
    return own?.rootId === undefined ? own : this.describe(own.rootId);
  }

  /** Describes a stack. Returns undefined if there is none, or CloudFormation has forgotten it. */
  public async describe(stackId: string): Promise<StackState | undefined> {
    const { Stacks: [stack] = [] } = await ask('DescribeStacks', () => this.client.send(new DescribeStacksCommand({ StackName: stackId }))) ?? {};
    return stack && {
      id: stack.StackId!,
      status: stack.StackStatus!,
      // Not known is as good as disabled: then an Update may take back a failed one.
      rollbackDisabled: stack.DisableRollback ?? true,
      begun: (stack.LastUpdatedTime ?? stack.CreationTime)?.getTime(),
      operation: stack.LastOperations?.[0]?.OperationType,
      rootId: stack.RootId,
    };
  }
}

/** Asks CloudFormation. Returns undefined if there is no such stack or resource. */
async function ask<T>(what: string, send: () => Promise<T>, policy: RetryPolicy = RETRY_POLICIES.STACK_STATUS): Promise<T | undefined> {
  try {
    return await retrying(send, { what, policy });
  } catch (error) {
    // The name of this error is the one for every wrong parameter, so only the message tells them apart.
    if (/does not exist/.test((error as Error).message)) { return undefined; }
    throw error;
  }
}
