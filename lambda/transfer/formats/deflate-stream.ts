import { createInflateRaw } from 'node:zlib';
import type { ByteInput } from './byte-input';
import { refuse } from './layout';
import { OUTPUT_BYTES, untilItsEnd } from './stream-decoder';

/** Decompresses a member of a ZIP archive. Throws if something is behind its end. */
export async function* inflateRaw(input: ByteInput): AsyncGenerator<Buffer> {
  yield* untilItsEnd(createInflateRaw({ chunkSize: OUTPUT_BYTES }), input);
  if ((await input.piece()).length > 0) { refuse(`is a damaged deflate stream: it ends after ${input.position} bytes, but has more`); }
}
