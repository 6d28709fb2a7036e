import { BLOCK_SIZE } from './sizes';

/** A part of a multipart upload, as S3 has it. */
export interface ImagePart {
  /** Bytes. */
  readonly size: number;
  /** In base64. */
  readonly sha256: string;
}

/** Blocks, from the first one to the one after the last. */
export type Blocks = readonly [from: number, to: number];

/**
 * The blocks all of whose bytes lie in parts that are what they were: at the
 * same offset, as large, with the same SHA-256. Anything weaker than that proves nothing.
 */
export function unchangedBlocks(old: readonly ImagePart[], now: readonly ImagePart[]): Blocks[] {
  const before = new Map(withOffsets(old).map(({ offset, part }) => [offset, part]));
  const size = sizeOf(now);
  // The last block may end with the image, if it did so before.
  const end = size === sizeOf(old) ? Math.ceil(size / BLOCK_SIZE) * BLOCK_SIZE : size;
  const runs: { from: number; to: number }[] = [];
  for (const { offset, part } of withOffsets(now)) {
    const same = before.get(offset);
    if (same?.size !== part.size || same.sha256 !== part.sha256) { continue; }
    const last = runs.at(-1);
    if (last?.to === offset) { last.to += part.size; } else { runs.push({ from: offset, to: offset + part.size }); }
  }
  return runs
    .map(({ from, to }): Blocks => [Math.ceil(from / BLOCK_SIZE), Math.floor((to === size ? end : to) / BLOCK_SIZE)])
    .filter(([from, to]) => from < to);
}

function withOffsets(parts: readonly ImagePart[]): { offset: number; part: ImagePart }[] {
  let offset = 0;
  return parts.map(part => ({ offset: (offset += part.size) - part.size, part }));
}

export function sizeOf(parts: readonly ImagePart[]): number {
  return parts.reduce((sum, { size }) => sum + size, 0);
}
