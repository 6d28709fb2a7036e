import type { Model } from './model';

/** Seconds that an import with `Verification.SAMPLE` may take at most, by MB/s of a function's network. */
export const IMPORT_TARGETS = [
  { image: '256 MiB', mebibytes: 256, most: { 76: 12, 50: 13 } },
  { image: '1 GiB', mebibytes: 1_024, most: { 76: 13, 50: 14 } },
  { image: '4 GiB', mebibytes: 4_096, most: { 76: 19, 50: 20 } },
  { image: '20 GiB', mebibytes: 20_480, most: { 76: 58, 50: 58 } },
  { image: '100 GiB', mebibytes: 102_400, most: { 76: 245, 50: 247 } },
] as const;

/** The same for operations of a `FileSystem` with three mount targets. */
export const FILE_SYSTEM_TARGETS = { create: 92, delete: 50, update: 2.8 } as const;

/** Part of EBS's quota that the copying of 20 GiB uses at least at 50 MB/s, and part of the puts that are refused at most. */
export const QUOTA_TARGETS = { mebibytes: 20_480, used: 0.88, refused: 0.01 } as const;

/** Changes of the model, one at a time. */
export const SENSITIVITY: readonly (readonly [string, Partial<Model>])[] = [
  ['read delay 0 → 20 s', { readDelay: 20_000 }],
  ['completion 5 → 15 s', { completion: 15_000 }],
  ['network 76 → 50 MB/s', { network: 50e6 }],
  ['network of both directions together', { networkShared: true }],
  ['put 100 → 200 ms', { put: 200 }],
  ['put 100 → 400 ms', { put: 400 }],
  ['cold start 0.8 → 1.6 s', { coldStart: 1_600 }],
  ['cold start 0.8 → 0.4 s', { coldStart: 400 }],
  ['Distributed Map 1.5 → 3 s, child 0.3 → 0.6 s', { mapRun: 3_000, mapChild: 600 }],
  ['S3 30 → 60 ms', { s3FirstByte: 60 }],
  ['call 50 → 100 ms', { call: 100, get: 100 }],
  ['transition 60 → 120 ms', { transition: 120 }],
  ['queue 0.1 → 1 s', { queue: 1_000 }],
  ['EventBridge 0.1 → 1 s', { eventDelivery: 1_000 }],
  ['CloudFormation 0.5 → 1 s each way', { request: 1_000, response: 1_000 }],
  ['EBS holds 100 puts instead of 1,000', { putBurst: 100 }],
];
