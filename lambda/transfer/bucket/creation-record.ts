/**
 * The record of a snapshot or AMI that a handler of this stack has made. Tags lead to a thing, and prove nothing, because whoever may tag
 * in the account can set them, and copies carry copied ones. Only the handlers write here, and no other thing has the id.
 */
export interface CreationRecord {
  /** The snapshot or AMI. */
  readonly id: string;
  readonly stackId: string;
  readonly logicalId: string;
  /** Digest of the properties whose change means replacement. */
  readonly identity: string;
  /** The call that made it. */
  readonly call: string;
  /** When CloudFormation sent that call, in milliseconds since 1970. */
  readonly sent: number;
  /** CloudFormation has deleted the snapshot, but it is still used. Absent: it is a resource of the stack, or becomes one. */
  readonly state?: LeftState;
  /** CloudFormation had retained the snapshot when an update went back to it. */
  readonly takenUp?: true;
}

/** States of a snapshot that is deleted once nothing uses it; see `STATES`. */
export type LeftState = 'retained' | 'condemned' | 'used';

/** Returns the key of the record in the transfer bucket. */
export function creationKeyOf(id: string): string {
  return id.startsWith('ami-') ? `images/${id}.json` : `transfers/${id}/record.json`;
}
