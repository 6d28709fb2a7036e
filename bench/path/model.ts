/**
 * The latency model of AWS: every constant that `bench:path` uses, in milliseconds unless the comment says otherwise. Nobody measured them
 * with this library on AWS. "Assumed" means that no source gives the value for this case. CPU takes no time in the model.
 */
export const MODEL = {
  // ── CloudFormation ──
  /** From the status of a custom resource to its event in Lambda's queue. Assumed. */
  request: 500,
  /** From the answer to the status. Assumed. */
  response: 500,

  // ── Lambda ──
  /** Start of a new process until its handler runs. Assumed; AWS names "under 100 ms to over 1 second" (Lambda guide, execution environments). */
  coldStart: 800,
  /** The same for a process that is there already. Assumed. */
  warmStart: 20,
  /** Time of an asynchronous event in the queue. Assumed. */
  queue: 100,
  /** Bytes a second of a function's network, in each direction: 0.6 Gbit/s at every memory size, as several people measured. 400 to 700 Mbit/s were seen too. */
  network: 76e6,
  /** Whether both directions share that rate. Not documented; assumed. */
  networkShared: false,

  // ── Step Functions, EventBridge ──
  /** Entering a state of a standard workflow. Assumed. */
  transition: 60,
  /** Start of a Distributed Map. Assumed. */
  mapRun: 1_500,
  /** Start of one of its children. Assumed. */
  mapChild: 300,
  /** Delivery of an event to a target. Assumed; Amazon Key reports 80 ms for 9 of 10 (AWS Architecture Blog, February 2026). */
  eventDelivery: 100,

  // ── Calls of functions ──
  /** Any call that is not named below. Assumed. */
  call: 50,
  /** GetObject and HeadObject until the first byte, in the Region. Assumed; AWS promises 100 to 200 ms or better (S3 guide, performance). */
  s3FirstByte: 30,
  /** PutSnapshotBlock, after the block has been sent. Assumed. */
  put: 100,
  /** GetSnapshotBlock, before the block is received. Assumed. */
  get: 50,

  // ── EBS ──
  /** Puts a second for a snapshot: EBS's quota (EBS endpoints and quotas). */
  putQuota: 1_000,
  /** Puts that the quota's bucket holds when nothing was sent for a while. Assumed. */
  putBurst: 1_000,
  /** From CompleteSnapshot to `completed`. Assumed; some seconds to a minute were seen. */
  completion: 5_000,
  /** From `completed` until blocks can be read. Assumed; up to a minute was seen. */
  readDelay: 0,

  // ── EFS ──
  /** Creating a file system. Assumed. */
  fileSystemCreating: 5_000,
  /** Creating a mount target. Assumed; the guide says that it takes up to 90 seconds until a target can be used. */
  mountTargetCreating: 80_000,
  /** Deleting a mount target. Assumed. */
  mountTargetDeleting: 40_000,
  /** Deleting a file system. Assumed. */
  fileSystemDeleting: 5_000,
};

export type Model = typeof MODEL;

/** Bytes of a block of EBS. */
export const BLOCK_BYTES = 512 * 1024;
export const BLOCKS_PER_GIB = 2_048;
