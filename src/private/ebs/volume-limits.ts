export interface VolumeLimits {
  /** GiB. */
  readonly size: readonly [number, number];
  readonly iops?: { readonly range: readonly [number, number]; readonly perGib: number; readonly required?: boolean };
  /** MiB a second. */
  readonly throughput?: readonly [number, number];
  readonly notForRoot?: boolean;
}

/** As https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EbsBlockDevice.html and the user guide have them. */
export const VOLUME_LIMITS: Record<string, VolumeLimits> = {
  gp2: { size: [1, 16_384] },
  gp3: { size: [1, 65_536], iops: { range: [3_000, 80_000], perGib: 500 }, throughput: [125, 2_000] },
  io1: { size: [4, 16_384], iops: { range: [100, 64_000], perGib: 50, required: true } },
  io2: { size: [4, 65_536], iops: { range: [100, 256_000], perGib: 1_000, required: true } },
  st1: { size: [125, 16_384], notForRoot: true },
  sc1: { size: [125, 16_384], notForRoot: true },
  standard: { size: [1, 1_024] },
};
