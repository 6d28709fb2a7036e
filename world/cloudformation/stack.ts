import type { Ids } from './ids';
import type { Policy, Template } from './template';
import { REGION, ACCOUNT, PARTITION } from '../emulator/environment';

export type Properties = Record<string, any>;

/** A resource as the stack knows it. */
export interface Resource {
  readonly logicalId: string;
  readonly type: string;
  /** Absent while it is being made, and if that failed before there was anything. */
  physicalId?: string;
  /** As they were resolved when it was last made or updated. */
  readonly properties: Properties;
  attributes: Record<string, unknown>;
  readonly dependencies: string[];
  readonly deletionPolicy: Policy;
  readonly updateReplacePolicy: Policy;
  status: string;
  reason?: string;
}

/** One line of a stack's history; the stack itself appears as a resource with its name as logical id. */
export interface StackEvent {
  /** Milliseconds since 1970 in emulated time. */
  readonly timestamp: number;
  readonly logicalId: string;
  readonly type: string;
  readonly status: string;
  readonly physicalId?: string;
  readonly reason?: string;
}

export const STACK_TYPE = 'AWS::CloudFormation::Stack';

/** A deployed stack. */
export class Stack {
  public readonly id: string;
  public readonly events: StackEvent[] = [];
  /** The current resources, by logical id. */
  public readonly resources = new Map<string, Resource>();
  public outputs: Record<string, { readonly value: string; readonly description?: string; readonly exportName?: string }> = {};
  /** Names of other stacks' exports that the current template uses. */
  public imports = new Set<string>();
  public status = 'REVIEW_IN_PROGRESS';
  public reason?: string;
  /** What the resources were last successfully made from. */
  public template?: Template;
  public tags: Record<string, string> = {};
  public updated?: number;
  public deleted?: number;

  constructor(
    public readonly name: string,
    public readonly ids: Ids,
    public readonly created: number,
    private readonly now: () => number,
    public readonly parent?: Stack,
  ) {
    this.id = `arn:${PARTITION}:cloudformation:${REGION}:${ACCOUNT}:stack/${name}/${ids.uuid()}`;
  }

  /** Called at every event; set by whoever wants to watch. */
  public onEvent: (event: StackEvent) => void = () => {};

  public get inProgress(): boolean {
    return this.status.endsWith('_IN_PROGRESS') && this.status !== 'REVIEW_IN_PROGRESS';
  }

  public setStatus(status: string, reason?: string): void {
    this.status = status;
    this.reason = reason;
    this.record({ logicalId: this.name, type: STACK_TYPE, physicalId: this.id }, status, reason);
  }

  public setResourceStatus(resource: Resource, status: string, reason?: string): void {
    resource.status = status;
    resource.reason = reason;
    this.record(resource, status, reason);
  }

  private record({ logicalId, type, physicalId }: Pick<Resource, 'logicalId' | 'type' | 'physicalId'>, status: string, reason?: string): void {
    const event: StackEvent = { timestamp: this.now(), logicalId, type, status, physicalId, reason };
    this.events.push(event);
    this.onEvent(event);
  }
}
