/** The snapshot that an increment is made of. */
export const PARENT_ID = 'snap-0000000000000000f';

export interface SinkOptions {
  /** What holds the disk. */
  readonly format: 'RAW' | 'QCOW2' | 'ZSTD';
  /** Bytes of the image. */
  readonly size: number;
  /** Whether three of four blocks are zeros. */
  readonly zeros: boolean;
  /** Of a parent, which has every block of the image but one in so many. Absent: there is no parent. */
  readonly changedOneIn?: number;
  /** Milliseconds until a put is answered. */
  readonly latency: number;
  readonly cert: string;
  readonly key: string;
  /** What the worker finds as its plan. */
  readonly plan: object;
}

export type PipelineName = 'sha256' | 'naive' | 'concurrent' | 'worker';

/** What a pipeline's process reports. */
export interface Measured {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakRssMiB: number;
}
