import { Readable } from 'node:stream';

/** Time after which a request is aborted if S3 takes nothing of its body. */
const SILENCE_MILLISECONDS = 20_000;
/**
 * Smallest piece but the last. The SDK sends each piece as a chunk of its own, and S3 refuses chunks under 8,192 bytes, except the last.
 * The SDK's own `requestStreamBufferSize` reads ahead without limit, so it would hold a whole part in memory.
 */
const SMALLEST_PIECE = 65_536;

/**
 * Calls `send` with a body that is made while it is sent. If making it fails, aborts the request and throws that error: the stream
 * itself never fails, because nothing would handle its error.
 */
export async function sendStreamed<T>(body: () => AsyncIterable<Buffer>, send: (body: Readable, abort: AbortSignal) => Promise<T>): Promise<T> {
  const streamed = new StreamedBody();
  const stream = Readable.from(streamed.pieces(body), { objectMode: false });
  try {
    return await send(stream, streamed.abort.signal);
  } catch (error) {
    throw streamed.failure ? streamed.failure.error : error;
  } finally {
    streamed.stopWatching();
    stream.destroy();
  }
}

/** Watches that the pieces of a body are taken in time. */
class StreamedBody {
  public readonly abort = new AbortController();
  public failure: { readonly error: unknown } | undefined;
  private silence: NodeJS.Timeout | undefined;

  public async* pieces(body: () => AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    try {
      for await (const piece of inLargePieces(body())) {
        this.watch();
        yield piece;
        // S3 cannot take anything while the next piece is being made.
        this.stopWatching();
      }
      this.watch();
    } catch (error) {
      this.fail(error);
      await new Promise(() => {});
    }
  }

  public stopWatching(): void {
    clearTimeout(this.silence);
  }

  private watch(): void {
    this.stopWatching();
    this.silence = setTimeout(() => this.fail(Object.assign(new Error('S3 does not take the body'), { name: 'TimeoutError' })), SILENCE_MILLISECONDS);
  }

  private fail(error: unknown): void {
    this.failure ??= { error };
    this.abort.abort();
  }
}

/** Yields the same bytes. Joins pieces that are too small with those after them, and leaves large pieces as they are. */
async function* inLargePieces(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let small: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body) {
    small.push(piece);
    bytes += piece.length;
    if (bytes < SMALLEST_PIECE) { continue; }
    yield small.length === 1 ? piece : Buffer.concat(small, bytes);
    small = [];
    bytes = 0;
  }
  if (bytes > 0) { yield Buffer.concat(small, bytes); }
}
