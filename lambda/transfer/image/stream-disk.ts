import type { Disk, ReadFile } from './disk';
import { TAIL } from '../../../src/contract/image-recognition';
import { refuse } from '../formats/layout';
import { footerInside } from '../formats/nested-format';
import { STREAM_NAMES, type StreamFormat } from '../formats/streams';

/** Bytes that one request reads while the piece before is being decompressed. */
const PIECE_BYTES = 4 * 1024 * 1024;

/**
 * A disk that is compressed as a whole, so that it is read once, from its start. Parts have to be read in their order. Bytes
 * between them are decompressed and dropped.
 */
export class StreamDisk implements Disk {
  public endsAt: number | undefined;
  private readonly pieces: AsyncGenerator<Buffer>;
  private turn: Promise<unknown> = Promise.resolve();
  /** Bytes of the disk before `pending`. */
  private position = 0;
  private pending: Buffer = Buffer.alloc(0);

  constructor(
    private readonly format: StreamFormat,
    /** The bytes of the disk, and maybe the footer of a fixed VHD. */
    content: AsyncGenerator<Buffer>,
    public readonly size: number,
    /** Why the stream may not be longer, for the error that refuses it. */
    private readonly limit: string,
  ) {
    this.pieces = withoutFooter(format, content);
  }

  /** Reads in turn. Fills `into` with zeros beyond the end of the stream. */
  public read(from: number, into: Buffer, arrived?: (filled: number) => void): Promise<void> {
    const done = this.turn.then(() => this.readInTurn(from, into, arrived));
    this.turn = done.catch(() => {});
    return done;
  }

  /** Frees the memory of the decompression. */
  public async close(): Promise<void> {
    await this.turn;
    await this.pieces.return(undefined);
  }

  private async readInTurn(from: number, into: Buffer, arrived?: (filled: number) => void): Promise<void> {
    if (from < this.position) { throw new Error(`a stream cannot be read again from byte ${from}`); }
    while (this.position < from && await this.more()) { this.drop(Math.min(this.pending.length, from - this.position)); }
    let filled = 0;
    while (filled < into.length && await this.more()) {
      const copied = this.pending.copy(into, filled);
      this.drop(copied);
      filled += copied;
      arrived?.(filled);
    }
    into.fill(0, filled);
    if (from + into.length >= this.size && await this.more()) {
      refuse(`is a ${STREAM_NAMES[this.format]} stream of more than ${this.size} bytes, ${this.limit}`);
    }
  }

  private drop(bytes: number): void {
    this.position += bytes;
    this.pending = this.pending.subarray(bytes);
  }

  /** Returns whether more bytes come. */
  private async more(): Promise<boolean> {
    while (this.pending.length === 0 && this.endsAt === undefined) {
      const { value, done } = await this.pieces.next();
      if (done) { this.endsAt = this.position; } else { this.pending = value; }
    }
    return this.pending.length > 0;
  }
}

/** Holds the last bytes back until the end of the stream, because they may be the footer of a fixed VHD. */
async function* withoutFooter(format: StreamFormat, pieces: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  let [tail, passed] = [Buffer.alloc(0), 0];
  for await (const piece of pieces) {
    const end = Buffer.concat([tail, piece.subarray(-TAIL)]);
    const short = piece.length < TAIL;
    // If the piece is at least TAIL bytes long, emit the old tail and all of the piece but its last TAIL bytes. Otherwise emit what exceeds TAIL bytes in total.
    const out = short ? [end.subarray(0, -TAIL)] : [tail, piece.subarray(0, -TAIL)];
    tail = end.subarray(-TAIL);
    for (const part of out) {
      passed += part.length;
      if (part.length > 0) { yield part; }
    }
  }
  const last = tail.subarray(0, tail.length - footerInside(format, tail, passed));
  if (last.length > 0) { yield last; }
}

/** Reads a file from its start to its end. The next piece is being read while one is used. */
export async function* piecesOf(size: number, readFile: ReadFile, pieceBytes = PIECE_BYTES): AsyncGenerator<Buffer> {
  const read = async (offset: number): Promise<Buffer> => {
    const piece = Buffer.allocUnsafe(Math.min(pieceBytes, size - offset));
    await readFile(offset, piece);
    return piece;
  };
  let next: Promise<Buffer> | undefined = size > 0 ? read(0) : undefined;
  for (let offset = pieceBytes; next; offset += pieceBytes) {
    const piece: Buffer = await next;
    next = offset < size ? read(offset) : undefined;
    // The error is thrown when it is this piece's turn.
    next?.catch(() => {});
    yield piece;
  }
}
