import { DescribeStacksCommand, paginateDescribeStacks, paginateListStackResources, type CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { stackDigits } from '../lambda/efs/claims/claim';

/** A stack, as far as CloudFormation knows it. */
export interface KnownStack {
  readonly isDeleted: boolean;
  /** Whether an operation is under way, or a failed one can be continued: either may still use what CloudFormation does not list. */
  readonly isChanging: boolean;
  /** Logical ids by physical ids of the resources that it has. */
  readonly resources: ReadonlyMap<string, string>;
}

const DELETED: KnownStack = { isDeleted: true, isChanging: false, resources: new Map() };

const CHANGING = /_IN_PROGRESS$|^UPDATE(_ROLLBACK)?_FAILED$/;

/** Looks up each stack once. */
export class Stacks {
  private readonly known = new Map<string, Promise<KnownStack>>();
  private living: Promise<Map<string, string>> | undefined;

  constructor(private readonly client: CloudFormationClient) {}

  /** Returns the stack with this id. One that CloudFormation has forgotten counts as deleted. */
  public find(stackId: string): Promise<KnownStack> {
    const known = this.known.get(stackId) ?? this.ask(stackId);
    this.known.set(stackId, known);
    return known;
  }

  /** Returns the id of the stack whose id ends with this UUID, which is given without dashes; undefined if there is none. */
  public async idOf(uuid: string): Promise<string | undefined> {
    this.living ??= this.list();
    return (await this.living).get(uuid);
  }

  private async list(): Promise<Map<string, string>> {
    const ids = new Map<string, string>();
    for await (const { Stacks: stacks = [] } of paginateDescribeStacks({ client: this.client }, {})) {
      for (const { StackId: id, StackStatus: status } of stacks) {
        if (status !== 'DELETE_COMPLETE') { ids.set(stackDigits(id!), id!); }
      }
    }
    return ids;
  }

  private async ask(stackId: string): Promise<KnownStack> {
    try {
      const { Stacks: [stack] = [] } = await this.client.send(new DescribeStacksCommand({ StackName: stackId }));
      if (stack?.StackStatus === undefined || stack.StackStatus === 'DELETE_COMPLETE') { return DELETED; }
      return { isDeleted: false, isChanging: CHANGING.test(stack.StackStatus), resources: await this.resourcesOf(stackId) };
    } catch (error) {
      // The name of this error is the one for every wrong parameter, so only the message tells them apart.
      if (/does not exist/.test((error as Error).message)) { return DELETED; }
      throw error;
    }
  }

  private async resourcesOf(stackId: string): Promise<Map<string, string>> {
    const resources = new Map<string, string>();
    for await (const page of paginateListStackResources({ client: this.client }, { StackName: stackId })) {
      for (const { PhysicalResourceId: id, LogicalResourceId: logicalId, ResourceStatus: status } of page.StackResourceSummaries ?? []) {
        if (id !== undefined && status !== 'DELETE_COMPLETE' && status !== 'DELETE_SKIPPED') { resources.set(id, logicalId!); }
      }
    }
    return resources;
  }
}
