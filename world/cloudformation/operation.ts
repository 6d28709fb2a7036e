import type { Delivery, Handler, Made, Request } from './handler';
import { scalarsToStrings, type Scope } from './intrinsics';
import { NotYet } from './late';
import type { Resource, Stack } from './stack';
import type { Template } from './template';
import type { Clock } from '../emulator/clock';

/** The parameters of an operation in CloudFormation's words, and what is to go wrong in it. */
export interface OperationOptions extends Delivery {
  /**
   * Leaves the stack as it is if the operation fails (`cdk deploy --no-rollback`).
   * @default - false, in express mode true
   */
  readonly disableRollback?: boolean;
  /** OnFailure of CreateStack. */
  readonly onFailure?: 'ROLLBACK' | 'DELETE' | 'DO_NOTHING';
  /** A rollback deletes new resources although their DeletionPolicy is Retain. */
  readonly retainExceptOnCreate?: boolean;
  /** This resource fails instead of being made or updated. */
  readonly fail?: string;
  /** As soon as this resource is made or updated, the deployment fails, as if another resource did. */
  readonly failAfter?: string;
  /** After so many seconds of emulated time the deployment is cancelled, as by CancelUpdateStack. */
  readonly cancelAfter?: number;
  /** The physical id in the Update events of a rollback, where the failed update had changed it. Default: 'old'. */
  readonly rollbackPhysicalId?: 'old' | 'new';
  /**
   * Without a rollback, a failed update of a custom resource is taken back by an Update event in the same operation. The user guide
   * says "rolling back failed resources to their last known stable state", but nobody has published the events.
   * @default true
   */
  readonly takeBackFailedUpdates?: boolean;
  /**
   * When a failed creation is deleted that is tried again: before the new one, or in the clean-up. No source says.
   * @default 'before'
   */
  readonly failedCreations?: 'before' | 'clean-up';
}

/** The surroundings of operations. */
export interface Surroundings {
  readonly clock: Clock;
  handler(type: string): Handler;
  /** Intrinsic functions that look beyond the stack; `Ref` and `Fn::GetAtt` of resources are looked up in the stack first. */
  scope(stack: Stack, template: Template, imports: Set<string>): Scope;
  /** Makes the outputs known, exports included; throws if it may not. */
  publish(stack: Stack, outputs: Stack['outputs']): void;
}

/** The base of all that goes through the resources of a stack in the order of their dependencies. */
export abstract class Operation {
  constructor(protected readonly around: Surroundings, protected readonly stack: Stack, protected readonly options: OperationOptions) {}

  protected request({ logicalId, type, properties }: Resource, signal = new AbortController().signal): Request {
    return { stack: this.stack, logicalId, type, properties, signal, delivery: this.options };
  }

  /** `Ref` and `Fn::GetAtt` look at the resources as they are at that moment. */
  protected scope(template: Template, imports = new Set<string>()): Scope {
    const outer = this.around.scope(this.stack, template, imports);
    return {
      ...outer,
      ref: name => this.stack.resources.get(name)?.physicalId ?? outer.ref(name),
      attribute: (logicalId, name) => {
        const resource = this.stack.resources.get(logicalId);
        if (!resource) { throw new Error(`Fn::GetAtt finds no resource ${logicalId}`); }
        const value = resource.attributes[name];
        if (value !== undefined && value !== null) { return value; }
        throw new Error(this.around.handler(resource.type).custom
          ? `CustomResource attribute error: Vendor response doesn't contain ${name} attribute in object ${this.stack.id}|${logicalId}`
          : `Requested attribute ${name} must be a readonly property in schema for ${resource.type}`);
      },
    };
  }

  /** Time stands still while the player itself works. Repeats what a service refuses only because it sees a change of IAM late. */
  protected async working<T>(handler: Handler, work: () => T | Promise<T>): Promise<T> {
    const done = handler.waits ? () => {} : this.around.clock.work();
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof NotYet)) { throw error; }
      done();
      await this.around.clock.sleep(error.until - this.around.clock.now());
      return await this.working(handler, work);
    } finally {
      done();
    }
  }
}

/** Returns whether a failure of operations with these options leaves the stack as it is. */
export function isRollbackDisabled({ disableRollback, express, onFailure }: OperationOptions): boolean {
  return disableRollback ?? (onFailure === undefined ? express === true : onFailure === 'DO_NOTHING');
}

export function complete(resource: Resource, made: Made): void {
  resource.physicalId = made.physicalId;
  resource.attributes = made.attributes ?? {};
}

/** Equal for CloudFormation: order of keys does not count, nor whether a scalar is a string. */
export function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(scalarsToStrings(a))) === JSON.stringify(sorted(scalarsToStrings(b)));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) { return value.map(sorted); }
  if (typeof value !== 'object' || value === null) { return value; }
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1).map(([key, inner]) => [key, sorted(inner)]));
}
