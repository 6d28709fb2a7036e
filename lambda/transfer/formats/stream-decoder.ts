import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ByteInput } from './byte-input';

/** Bytes of content in one piece. */
export const OUTPUT_BYTES = 1024 * 1024;

/** A decoder of Node.js, which counts the compressed bytes that it used. */
type Decoder = Transform & { readonly bytesWritten: number };

/** Decompresses a source that ends where the compressed data ends. */
export async function* through(decoder: Transform, source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const done = pipeline(Readable.from(source, { objectMode: true }), decoder);
  // Thrown below.
  done.catch(() => {});
  try {
    for await (const piece of decoder) { yield piece as Buffer; }
    await done;
  } finally {
    decoder.destroy();
  }
}

/**
 * Decompresses until the compressed data ends. Leaves the bytes behind it in the input.
 *
 * @param atEnd Ends the decoder when it was given all of the input.
 */
export async function* untilItsEnd(
  decoder: Decoder, input: ByteInput, atEnd = async () => { decoder.end(); },
): AsyncGenerator<Buffer> {
  const feed = async () => {
    for (let piece = await input.piece(); piece.length > 0; piece = await input.piece()) {
      const used = await give(decoder, piece);
      input.consume(used);
      if (used < piece.length) { return; }
    }
    await atEnd();
  };
  const fed = feed();
  fed.catch(error => decoder.destroy(error as Error));
  try {
    for await (const piece of decoder) { yield piece as Buffer; }
    await fed;
  } finally {
    decoder.destroy();
  }
}

/** Gives bytes to a decoder. Returns how many of them it used. */
export async function give(decoder: Decoder, bytes: Buffer): Promise<number> {
  const before = decoder.bytesWritten;
  await new Promise<void>((resolve, reject) => decoder.write(bytes, error => error ? reject(error) : resolve()));
  return decoder.bytesWritten - before;
}
