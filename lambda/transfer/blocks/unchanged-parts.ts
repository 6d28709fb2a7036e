import { BLOCK_SIZE } from './sizes';

/** A part of a multipart upload. */
export interface ImagePart {
  /** Bytes. */
  readonly size: number;
  /** Base64. */
  readonly sha256: string;
}

/** A run of blocks: `to` is the first block behind it. */
export type Blocks = readonly [from: number, to: number];

/**
 * Returns the blocks whose bytes all lie in unchanged parts. A part is unchanged if it has the same offset, the same size and the same
 * SHA-256 as before; nothing weaker proves that its content is the same.
 */
export function unchangedBlocks(old: readonly ImagePart[], now: readonly ImagePart[]): Blocks[] {
  const before = new Map(withOffsets(old).map(({ offset, part }) => [offset, part]));
  const size = sizeOf(now);
  // The last block may be cut off by the end of the image if the image ended there before.
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
