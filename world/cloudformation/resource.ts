import type { Policy } from './template';

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
