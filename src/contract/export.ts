import type { TransferLimits } from './limits';
import type { ExportFormatName } from './snapshot-export';
import type { Retried } from './transfer';

/** What the handler of exports, their state machine and its functions say to each other. */

/** The input of an execution, made by the creation, or by a poll if that died before; its name is the id of the export. */
export interface ExportInput extends Pick<TransferLimits, 'maxConcurrency' | 'deadline' | 'background'> {
  readonly exportId: string;
  /** The owner tag of the construct, by which what listens to the end of executions knows it. */
  readonly owner: string;
  readonly snapshotId: string;
  /** Absent: the whole snapshot. Otherwise what differs from this one. */
  readonly sinceId?: string;
  /** Absent: raw, or a delta. */
  readonly format?: Exclude<ExportFormatName, 'RAW'>;
  /** GiB. */
  readonly volumeSize: number;
  readonly bucket: string;
  /** The account that the bucket must belong to. Absent: any. */
  readonly bucketOwner?: string;
  readonly key: string;
  /** The multipart upload that was begun. */
  readonly uploadId: string;
  /** The budget that all workers share. */
  readonly maxGetsPerSecond?: number;
}

/** The input of the first function. */
export interface ExportPlanInput {
  readonly plan: ExportInput;
  /** Name of the execution, which is the id of the export. */
  readonly execution: string;
}

/** The input of all functions but the first. */
export interface ExportIdInput {
  readonly exportId: string;
}

/** What `plan` answers: how many ranges there are. Where range n lies follows from the plan object in the transfer bucket. */
export interface ExportPlanResult extends ExportIdInput {
  readonly done: true;
  /** How many ranges are copied at once. */
  readonly workers: number;
  readonly ranges: readonly { readonly n: number }[];
  /** Whether CloudFormation does not wait for the end, so that the work may take days. */
  readonly background: boolean;
}

/** What `plan` answers if it came near its deadline before EBS had listed all changes: the input of the next invocation. */
export interface ExportPlanUnfinished extends ExportInput {
  readonly done: false;
}

/** The input of `copy`: one range of one export. */
export interface ExportCopyInput extends ExportIdInput, Retried {
  readonly n: number;
}

/** `done: false`: the worker came near its deadline, and wants to be invoked again. */
export interface ExportCopyResult {
  readonly done: boolean;
}
