import type { Changes } from './changes';
import type { Ids } from './ids';
import type { Resource } from './resource';
import { ShownStatuses } from './shown-statuses';
import type { Template } from './template';
import { REGION, ACCOUNT, PARTITION } from '../emulator/environment';

export type { Properties, Resource } from './resource';

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

export type OperationType = 'CREATE_STACK' | 'UPDATE_STACK' | 'DELETE_STACK' | 'ROLLBACK' | 'CONTINUE_ROLLBACK';

/** The time of a stack. */
export interface StackTime {
  now(): number;
  /** Returns the milliseconds after which a change of status is seen in the API, of the stack or of the resource with this logical id. */
  delay(thing: string): number;
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
  /** What operations have changed since then; absent while the stack is stable. */
  public changes?: Changes;
  /** The latest operation first. */
  public readonly operations: { readonly type: OperationType; readonly id: string }[] = [];
  /** Of the latest operation. */
  public disableRollback = false;
  public express = false;
  public tags: Record<string, string> = {};
  public updated?: number;
  public deleted?: number;
  private readonly shown = new ShownStatuses();
  private readonly shownResources = new Map<string, ShownStatuses>();
  /** Resources that went with the stack, or with the rollback of its creation, by logical id. */
  private readonly ended = new Map<string, Resource>();

  constructor(
    public readonly name: string,
    public readonly ids: Ids,
    public readonly created: number,
    private readonly time: StackTime,
    public readonly parent?: Stack,
  ) {
    this.id = `arn:${PARTITION}:cloudformation:${REGION}:${ACCOUNT}:stack/${name}/${ids.uuid()}`;
    this.shown.add(this.status, created);
  }

  /** Called at every event; set by whoever wants to watch. */
  public onEvent: (event: StackEvent) => void = () => {};

  public get inProgress(): boolean {
    return this.status.endsWith('_IN_PROGRESS') && this.status !== 'REVIEW_IN_PROGRESS';
  }

  /** Notes an operation that begins. */
  public note(type: OperationType, { disableRollback, express = false }: { disableRollback: boolean; express?: boolean }): void {
    this.operations.unshift({ type, id: this.ids.uuid() });
    this.disableRollback = disableRollback;
    this.express = express;
  }

  /** Returns the status that the API shows. */
  public get shownStatus(): { readonly status: string; readonly reason?: string } {
    return this.shown.at(this.time.now())!;
  }

  /** Returns the resources that the API lists, also those that a deletion or the rollback of a creation has deleted. */
  public get listed(): Resource[] {
    return [...new Map([...this.ended, ...this.resources]).values()];
  }

  /** Returns the status that the API shows of a resource; undefined if it does not list the resource yet. */
  public shownStatusOf({ logicalId }: Resource): { readonly status: string; readonly reason?: string } | undefined {
    return this.shownResources.get(logicalId)?.at(this.time.now());
  }

  public setStatus(status: string, reason?: string): void {
    this.status = status;
    this.reason = reason;
    this.shown.add(status, this.time.now() + this.time.delay(this.id), reason);
    this.record({ logicalId: this.name, type: STACK_TYPE, physicalId: this.id }, status, reason);
  }

  public setResourceStatus(resource: Resource, status: string, reason?: string): void {
    resource.status = status;
    resource.reason = reason;
    const { logicalId, physicalId } = resource;
    // The deletion of a resource that was replaced is not listed.
    const isReplaced = (this.resources.get(logicalId)?.physicalId ?? physicalId) !== physicalId;
    if (!isReplaced || !status.startsWith('DELETE_')) {
      if (!isReplaced && /^(DELETE|ROLLBACK)_IN_PROGRESS$/.test(this.status)) { this.ended.set(logicalId, resource); }
      const shown = this.shownResources.get(logicalId) ?? new ShownStatuses();
      this.shownResources.set(logicalId, shown);
      shown.add(status, this.time.now() + this.time.delay(`${this.id}/${logicalId}`), reason);
    }
    this.record(resource, status, reason);
  }

  private record({ logicalId, type, physicalId }: Pick<Resource, 'logicalId' | 'type' | 'physicalId'>, status: string, reason?: string): void {
    const event: StackEvent = { timestamp: this.time.now(), logicalId, type, status, physicalId, reason };
    this.events.push(event);
    this.onEvent(event);
  }
}
