import { createGunzip } from 'node:zlib';
import { cutOff, type ByteInput } from './byte-input';
import { refuse } from './layout';
import { give, OUTPUT_BYTES, untilItsEnd } from './stream-decoder';

const ZERO = Buffer.alloc(1);

/**
 * Decompresses all members of gzip. Node's decoder goes on from one to the next, but ends without an error where a zero follows a
 * member, whatever is behind that. So the rest is looked at here. Throws unless it is zeros to the very end.
 */
export async function* gunzip(input: ByteInput): AsyncGenerator<Buffer> {
  const decoder = createGunzip({ chunkSize: OUTPUT_BYTES });
  let isAtEnd = false;
  // A zero behind the last byte shows where that is: the decoder leaves it behind a member, and uses it within one. A single byte behind a member becomes two.
  const atEnd = async () => {
    isAtEnd = true;
    if (await give(decoder, ZERO) > 0) { throw new Error('the zero was used'); }
    decoder.end();
  };
  try {
    yield* untilItsEnd(decoder, input, atEnd);
  } catch (error) {
    // zlib's text for a member that does not begin with gzip's magic; the first one does.
    if ((error as Error).message === 'incorrect header check') {
      refuse('has something behind its end that is no gzip, and that is not supported; decompress it first with gzip -d (which warns of "trailing garbage"), and upload the disk');
    }
    throw isAtEnd ? cutOff() : error;
  }
  const end = input.position;
  // Tapes and block devices leave zeros behind a file.
  for (let piece = await input.piece(); piece.length > 0; piece = await input.piece()) {
    if (piece.some(byte => byte !== 0)) {
      refuse(`has zeros behind the end of its gzip data, which is at byte ${end}, and something else behind them, so a part of it may be lost; upload it again, `
        + 'or, if gzip -d gives the whole disk, decompress it and upload that');
    }
    await input.discard(piece.length);
  }
}
