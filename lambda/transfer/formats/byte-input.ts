import { refuse } from './layout';

/** Compressed bytes that may yield no content. A decoder that goes on and on without any is given up. */
const MOST_WITHOUT_CONTENT = 16 * 1024 * 1024;

/** Returns the error for a stream that ends too early, as zlib has it. */
export function cutOff(): Error {
  return Object.assign(new Error('unexpected end of file'), { code: 'Z_BUF_ERROR' });
}

/** The compressed bytes of a stream, from its start to its end. */
export class ByteInput {
  /** Bytes that were taken. */
  public position = 0;
  private readonly pieces: AsyncIterator<Buffer>;
  private pending: Buffer = Buffer.alloc(0);
  private withoutContent = 0;

  /** @param name Name of the format in errors. */
  constructor(private readonly name: string, source: AsyncIterable<Buffer>) {
    this.pieces = source[Symbol.asyncIterator]();
  }

  /** Returns the next bytes without taking them. They are fewer if the end comes before. */
  public async peek(length: number): Promise<Buffer> {
    while (this.pending.length < length && await this.more()) {}
    return this.pending.subarray(0, length);
  }

  /** Takes an exact number of bytes. Throws if the end comes before. */
  public async take(length: number): Promise<Buffer> {
    const taken = await this.peek(length);
    if (taken.length < length) { throw cutOff(); }
    this.consume(length);
    return taken;
  }

  /** Returns all that is there of the next bytes without taking them. Empty: the end. */
  public async piece(): Promise<Buffer> {
    await this.peek(1);
    return this.pending;
  }

  /** Takes bytes that were peeked at. */
  public consume(length: number): void {
    this.pending = this.pending.subarray(length);
    this.position += length;
  }

  /** Takes bytes that are no work for a decoder. */
  public async discard(length: number): Promise<void> {
    for (let left = length; left > 0;) {
      const taken = await this.take(Math.min(left, (await this.piece()).length || left));
      left -= taken.length;
      this.foundContent();
    }
  }

  /** Records that the decoder has returned content. */
  public foundContent(): void {
    this.withoutContent = 0;
  }

  private async more(): Promise<boolean> {
    const { value, done } = await this.pieces.next();
    if (done) { return false; }
    const piece = value as Buffer;
    if (this.withoutContent > MOST_WITHOUT_CONTENT) {
      refuse(`is a ${this.name} stream of which ${this.withoutContent} bytes before byte ${this.position + this.pending.length} hold no content; compress the disk again`);
    }
    this.withoutContent += piece.length;
    this.pending = this.pending.length === 0 ? piece : Buffer.concat([this.pending, piece]);
    return true;
  }
}
