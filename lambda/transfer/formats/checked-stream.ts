import { crc32 as crc32Of } from 'node:zlib';
import { refuse } from './layout';

interface Expected {
  readonly size: number;
  readonly crc32: number;
}

/** Passes content on. Throws at its end if it has another size or CRC-32 than the archive says. */
export async function* withCrc32(content: AsyncGenerator<Buffer>, { size, crc32 }: Expected): AsyncGenerator<Buffer> {
  let [length, sum] = [0, 0];
  for await (const piece of content) {
    length += piece.length;
    if (length > size) { refuse(`is damaged: it has more bytes than the ${size} that the archive says`); }
    sum = crc32Of(piece, sum);
    yield piece;
  }
  if (length !== size || sum !== crc32) { refuse(`is damaged: it has ${length} bytes with the CRC-32 ${hex(sum)}, and should have ${size} with ${hex(crc32)}`); }
}

function hex(sum: number): string {
  return sum.toString(16).padStart(8, '0');
}
