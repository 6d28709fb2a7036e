import type { Properties, Resource, Stack } from './stack';

/** How events reach custom resources in one deployment: what can go wrong between CloudFormation and Lambda. */
export interface Delivery {
  /** The events for this custom resource arrive twice, the second time so many seconds later (default: at once). */
  readonly duplicate?: string;
  readonly duplicateDelay?: number;
  /** The Create event for this custom resource arrives only after it was cancelled, so many seconds after the Delete event (default 60). */
  readonly lateCreate?: string;
  readonly lateCreateDelay?: number;
  /** The Update event for this custom resource arrives only after it was cancelled, so many seconds after the next event (default 60). */
  readonly lateUpdate?: string;
  readonly lateUpdateDelay?: number;
  /** The Delete event for this custom resource arrives so many seconds late (default 60). */
  readonly lateDelete?: string;
  readonly lateDeleteDelay?: number;
  /**
   * The events for this custom resource are sent anew after so many seconds (default 60) without an answer, with the same RequestId
   * and another ResponseURL. Only an answer to the newest URL counts.
   */
  readonly resend?: string;
  readonly resendDelay?: number;
  /** Events have the RequestIds of those that the operation before sent (aws-cdk#35957). */
  readonly reuseRequestIds?: boolean;
  /** In express mode, CloudFormation's own resources need not be ready. */
  readonly express?: boolean;
}

/** What a handler is to make, or to change into. */
export interface Request {
  readonly stack: Stack;
  readonly logicalId: string;
  readonly type: string;
  readonly properties: Properties;
  readonly delivery: Delivery;
  /** Aborted when something else has failed: CloudFormation does not wait for this one any longer. */
  readonly signal: AbortSignal;
}

export interface Made {
  /** What `Ref` gives. */
  readonly physicalId: string;
  /** What `Fn::GetAtt` gives. */
  readonly attributes?: Record<string, unknown>;
}

/** What the player knows of one resource type. */
export interface Handler {
  /** Properties whose change makes a new resource in place of the old. */
  readonly immutable?: string[];
  /** It takes emulated time: the clock must not stand still meanwhile. */
  readonly waits?: boolean;
  /** A custom resource: Update may answer with another physical id, and rolling back is another Update. */
  readonly custom?: boolean;
  /** A failed creation is updated by the next operation, not made again. */
  readonly resumes?: boolean;
  create(request: Request): Made | Promise<Made>;
  update(request: Request, before: Resource): Made | Promise<Made>;
  delete(resource: Resource, stack: Stack, delivery: Delivery): void | Promise<void>;
}

/** Why a resource failed, and what it is called if it may exist nevertheless. */
export class ResourceFailure extends Error {
  constructor(message: string, public readonly physicalId?: string) {
    super(message);
  }
}
