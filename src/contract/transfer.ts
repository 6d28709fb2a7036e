import type { IntegrityOptions, VerifyInput } from './integrity';
import type { TransferLimits } from './limits';

/** What the import handler, the transfer state machine and its functions say to each other. */

/** Names of environment variables that the constructs set for the functions. */
export const TRANSFER_ENVIRONMENT = {
  /** Also of the handlers, as long as the stack has imports or exports: machine images remove the records of the snapshots that they kept. */
  bucket: 'TRANSFER_BUCKET',
} as const;

/**
 * Where an import or an export is done. Its resource carries the names, because the Delete of the last import comes when the update has already
 * taken them from the environment of the function.
 */
export interface TransferPlace {
  readonly TransferBucket: string;
  readonly StateMachineArn: string;
}

/** The input of an execution, made by the creation, or by a poll if that died before; its name is derived from the snapshot id. */
export interface TransferInput extends IntegrityOptions, TransferLimits {
  readonly snapshotId: string;
  /** The owner tag of the import; what listens to the end of executions knows it by that. */
  readonly owner?: string;
  readonly source: PinnedSource;
  /** Only what differs from it is put. Absent: everything. */
  readonly parent?: TransferParent;
}

/** The snapshot that another one was started from. */
export interface TransferParent {
  readonly snapshotId: string;
  /** It has no manifest in the transfer bucket: what it holds is read from it. The size of its volume, in GiB. */
  readonly readGiB?: number;
}

/** One version of one object, as it was when the import began. */
export interface PinnedObject {
  /** What it is, for whoever reads of it. Absent: an image. */
  readonly what?: 'manifest' | 'checksum file';
  readonly bucket: string;
  /** The account that the bucket must belong to. Absent: any. */
  readonly bucketOwner?: string;
  readonly key: string;
  /** Absent where the bucket keeps no versions; then the ETag alone pins it. */
  readonly versionId?: string;
  readonly etag: string;
  /** Bytes of the object. */
  readonly size: number;
}

/** The SHA-256 that the user wants an object to have. */
export interface ContentPin {
  /** 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  /** Name of the user's property, for errors. */
  readonly prop: 'sha256' | 'sha256SumsKey';
  /** Whether a worker computes the SHA-256 of the object, because S3 has none. */
  readonly computed: boolean;
}

/** What is imported. */
export interface PinnedSource extends PinnedObject {
  /** Absent: the object may have any SHA-256. */
  readonly pin?: ContentPin;
  /** Absent: the object is the disk, byte for byte, unless it is a delta. */
  readonly image?: PinnedImage;
  /** It is no image, but a delta: what it leads from and to. */
  readonly delta?: PinnedDelta;
  /** The object is a raw disk, and this tells the digests of all its blocks. */
  readonly manifest?: PinnedManifest;
}

/** The manifest beside an exported image; see `lambda/transfer/formats/manifest.ts`. */
export interface PinnedManifest extends PinnedObject {
  /** Offset of the first digest. */
  readonly digestsAt: number;
}

/** What the header of a delta says; see `lambda/transfer/formats/delta.ts`. */
export interface PinnedDelta {
  /** GiB. */
  readonly volumeSize: number;
  readonly entries: number;
  readonly records: number;
}

/** What else an object may be that holds a disk. */
export interface PinnedImage {
  /** See `disk-image-format.ts`; never `AUTO` or `RAW`. */
  readonly format: string;
  /** Bytes of the disk; of a stream, at most. */
  readonly diskSize: number;
  /** It is compressed as a whole, and read by one worker from its start. */
  readonly stream?: {
    /** Bytes of the disk that are known before. */
    readonly atLeast: number;
    /** Why the disk cannot be larger. */
    readonly limit: 'VOLUME_SIZE' | 'STATED' | 'WORKER';
  };
  /** The object is an archive, and the image a file in it. */
  readonly member?: PinnedMember;
}

export interface PinnedMember {
  readonly archive: 'TAR' | 'ZIP';
  readonly name: string;
  /** Bytes of the file. */
  readonly size: number;
  /** Where its first header is; in a ZIP archive, its content. */
  readonly at: number;
  /** In a ZIP archive, it is deflated: to so many bytes, and with this checksum of its content. */
  readonly deflated?: { readonly length: number; readonly crc32: number };
  /** The user chose it by its name. Absent: it is the only disk. */
  readonly isNamed?: boolean;
  /** All of the archive is compressed. Absent: what `format` and `stream` say is said of the file alone. */
  readonly isInStream?: boolean;
}

/** What `plan` answers: how many ranges there are. Where range n lies follows from the plan object in the transfer bucket. */
export interface PlanResult {
  readonly snapshotId: string;
  /** How many ranges are copied at once. */
  readonly workers: number;
  /** Of an import, also `HASH_ITEM`, which is no range; see `lambda/transfer/bucket/plan.ts`. */
  readonly ranges: readonly { readonly n: number }[];
  /** Whether CloudFormation does not wait for the end, so that the work may take days. */
  readonly background: boolean;
  /** Whether there is a parent to be released at the end. */
  readonly increment: boolean;
}

/** The input of `copy`: one range of one transfer. */
export interface CopyInput extends Retried {
  readonly snapshotId: string;
  readonly n: number;
}

/** The member of a worker's input that counts its repetitions. */
export interface Retried {
  /** How often Step Functions has repeated this invocation so far. Absent in executions that an earlier release began. */
  readonly retries?: number;
}

/** `done: false`: the worker came near its deadline, and wants to be invoked again. */
export interface CopyResult {
  readonly done: boolean;
}

/**
 * The input of the function of all steps before and after the copying: one of these steps. `execution`: the name of the execution,
 * which is the id of the snapshot.
 */
export type StepInput =
  | { readonly plan: TransferInput; readonly execution: string }
  | { readonly seal: SnapshotInput }
  | { readonly settle: SettleInput }
  | { readonly verify: VerifyInput };

/** The input of `seal`, and of `cleanUp` for one that failed. */
export interface SnapshotInput {
  readonly snapshotId: string;
}

export interface SettleInput extends SnapshotInput {
  /** Seconds that the state machine has just waited. Absent in executions that an earlier release began. */
  readonly seconds?: number;
}

/** The input of `cleanUp` at the end of one that succeeded. */
export interface ReleaseInput {
  /** The snapshot whose parent is not needed any longer. */
  readonly releaseParentOf: string;
}

/** What `seal` and `settle` answer. */
export interface SettleResult {
  readonly completed: boolean;
  /** Seconds to wait before `settle` asks again. */
  readonly seconds: number;
  /** Whether the snapshot is completed, and batches of it are to be read back: they are too many blocks for the function that sealed. */
  readonly verify: boolean;
  /** Absent if there are none. */
  readonly batches?: readonly { readonly n: number }[];
}

/** Event that EventBridge sends to `cleanUp` when an execution of a transfer or an export ends. */
export interface ExecutionEnded {
  readonly detail: {
    /** The id of the snapshot or export, unless somebody else has started the execution. */
    readonly name: string;
    /** The execution's input, as JSON. */
    readonly input: string;
    /** SUCCEEDED, FAILED, TIMED_OUT or ABORTED. */
    readonly status: string;
    /** Milliseconds since 1970. */
    readonly startDate: number;
    readonly stopDate: number | null;
  };
}
