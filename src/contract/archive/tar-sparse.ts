import { refuse } from '../image-refusal';
import type { Reading } from './reading';
import { TAR_BLOCK, tarNumber } from './tar-header';

/*
 * The map of a sparse member: which stretches of a file are in the archive, one behind the other. All else of the file is zeros.
 * GNU tar has four ways to write it: its old format, and the versions 0.0, 0.1 and 1.0 of its PAX format.
 */

/** Position and length of one stretch after another. */
export type SparseMap = number[];

/** Limit for the memory. A disk of 64 GiB with a hole behind every 128 KiB has as many. */
const MOST_STRETCHES = 500_000;
/** Of the old format: stretches in the header, and in each block behind it. */
const [IN_HEADER, IN_BLOCK] = [4, 21];
const [HEADER_MAP, HEADER_MORE, HEADER_SIZE, BLOCK_MORE] = [386, 482, 483, 504];
const NUMBER = 12;
/** Digits of a number in a map of version 1.0. */
const LONGEST_NUMBER = 20;

export interface SparseFile {
  readonly map: SparseMap;
  /** Bytes of the file. */
  readonly size: number;
  /** Where its content begins in the archive. */
  readonly at: number;
}

/** Reads a map of the old format: from the header, and the blocks behind it. */
export function* oldMap(header: Buffer, behind: number): Reading<SparseFile> {
  if (header.toString('latin1', 508, 512) === 'tar\0') { refuse('is a tar archive with a sparse member of star, which is not supported; make it with: tar -S --format=posix'); }
  const map: SparseMap = [];
  addStretches(map, header, HEADER_MAP, IN_HEADER);
  let at = behind;
  for (let more = header[HEADER_MORE]; more !== 0; at += TAR_BLOCK) {
    const block = yield { at, length: TAR_BLOCK };
    if (block.length < TAR_BLOCK) { refuseMap('is cut off'); }
    addStretches(map, block, 0, IN_BLOCK);
    more = block[BLOCK_MORE];
  }
  return { map, size: tarNumber(header, HEADER_SIZE, NUMBER) ?? refuseMap('does not say how large the file is'), at };
}

function addStretches(map: SparseMap, block: Buffer, from: number, count: number): void {
  for (let i = 0, at = from; i < count && block[at + NUMBER] !== 0; i++, at += 2 * NUMBER) {
    addNumber(map, tarNumber(block, at, NUMBER) ?? NaN);
    addNumber(map, tarNumber(block, at + NUMBER, NUMBER) ?? NaN);
  }
}

/** Adds a position or a length. */
export function addNumber(map: SparseMap, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) { refuseMap('has something else than a number in it'); }
  if (map.length >= 2 * MOST_STRETCHES) { refuse(`is a tar archive with a sparse member in more than ${MOST_STRETCHES} pieces; make it without --sparse`); }
  map.push(value);
}

/** Reads a map of version 1.0, which is at the start of the content: numbers in decimal digits, one a line, and the first one is their count. */
export function* newMap(start: number): Reading<{ readonly map: SparseMap; readonly at: number }> {
  const map: SparseMap = [];
  let [at, line, left] = [start, '', -1];
  while (left !== 0) {
    const block = yield { at, length: TAR_BLOCK };
    if (block.length < TAR_BLOCK) { refuseMap('is cut off'); }
    at += TAR_BLOCK;
    const lines = (line + block.toString('latin1')).split('\n');
    line = lines.pop()!;
    for (const text of lines) {
      if (left === 0) { break; }
      const value = /^\d+$/.test(text) && text.length <= LONGEST_NUMBER ? Number(text) : NaN;
      if (left < 0) { left = 2 * value; addNumber([], value); } else { addNumber(map, value); left--; }
    }
    if (line.length > LONGEST_NUMBER && left !== 0) { refuseMap('has something else than a number in it'); }
  }
  return { map, at };
}

/** Throws unless the stretches are in order, within the file, and together as long as the content. */
export function checkMap({ map, size }: Pick<SparseFile, 'map' | 'size'>, stored: number): void {
  let [end, sum] = [0, 0];
  if (map.length % 2 !== 0) { refuseMap('has a position without a length'); }
  for (let i = 0; i < map.length; i += 2) {
    if (map[i] < end || map[i] + map[i + 1] > size) { refuseMap(`has ${map[i + 1]} bytes at byte ${map[i]}, which are not in order, or not within its ${size} bytes`); }
    end = map[i] + map[i + 1];
    sum += map[i + 1];
  }
  if (sum !== stored) { refuseMap(`is for ${sum} bytes, but the archive has ${stored}`); }
}

export function refuseMap(how: string): never {
  return refuse(`is a damaged tar archive: the map of a sparse member ${how}`);
}
