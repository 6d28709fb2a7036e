import { ByteInput } from './byte-input';
import { refuse } from './layout';
import { Choice, headOf } from '../../../src/contract/archive/disk-member';
import { readInTime, type Reading } from '../../../src/contract/archive/reading';
import { quoted, TarReader, type TarMember } from '../../../src/contract/archive/tar';

/** Bytes of one piece of a hole. */
const HOLE_BYTES = 1024 * 1024;

/** A tar archive that is read once, from its start, because it is compressed as a whole. */
export class TarStream {
  private readonly input: ByteInput;
  private readonly reader = new TarReader();
  private readonly choice: Choice<TarMember>;

  /** @param name The member that the user wants. Absent: the only disk. */
  constructor(private readonly pieces: AsyncGenerator<Buffer>, name: string | undefined) {
    this.input = new ByteInput('tar', pieces);
    this.choice = new Choice('TAR', name);
  }

  /** Finds the first disk, and its first bytes. @param most Bytes of other files that may be before it. */
  public async find(most = Infinity): Promise<{ readonly member: TarMember; readonly head: Buffer }> {
    const member = await this.next(0, most);
    if (!member) { return this.choice.only() as never; }
    return { member, head: await this.read(headOf(member)) };
  }

  /** Reads the file that was found. */
  public async* content({ at, size, stored, map = [0, stored] }: TarMember): AsyncGenerator<Buffer> {
    let position = 0;
    await this.skipTo(at);
    for (let i = 0; i < map.length; i += 2) {
      yield* hole(map[i] - position);
      for (let left = map[i + 1]; left > 0;) {
        const piece = (await this.input.piece()).subarray(0, left);
        if (piece.length === 0) { refuse(`is a tar archive that is cut off: ${left} bytes are missing of a stretch of its file; was it uploaded completely?`); }
        this.consume(piece.length);
        left -= piece.length;
        yield piece;
      }
      position = map[i] + map[i + 1];
    }
    yield* hole(size - position);
  }

  /** Looks at all that is behind a member. Throws if another one may be the disk, too. */
  public async finish({ next }: TarMember): Promise<void> {
    let at = next;
    for (let another = await this.next(at, Infinity); another; another = await this.next(at, Infinity)) { at = another.next; }
    this.choice.only();
  }

  public async close(): Promise<void> {
    await this.pieces.return(undefined);
  }

  /** Takes the next disk. At the end of the archive, looks at what is behind it. */
  private async next(from: number, most: number): Promise<TarMember | undefined> {
    for (let at = from; at <= most;) {
      const member = await this.read(this.reader.member(at));
      if (!member) {
        await this.read(this.reader.end(at));
        return undefined;
      }
      if (await this.read(this.choice.offer(member, headOf))) { return member; }
      at = member.next;
    }
    return refuse(`is a tar archive with more than ${most} bytes of other files before a disk, and is compressed as a whole, so that all of them must be read; pack the disk alone`);
  }

  private read<T>(reading: Reading<T>): Promise<T> {
    return readInTime(reading, async ({ at, length }) => {
      await this.skipTo(at);
      this.input.foundContent();
      return this.input.peek(length);
    });
  }

  private async skipTo(at: number): Promise<void> {
    while (this.input.position < at) {
      const piece = await this.input.piece();
      if (piece.length === 0) { return; }
      this.consume(Math.min(piece.length, at - this.input.position));
    }
  }

  private consume(length: number): void {
    this.input.consume(length);
    this.input.foundContent();
  }
}

/** Decompressed bytes of a tar archive in, bytes of the disk in it out. */
export async function* diskInTar(
  pieces: AsyncGenerator<Buffer>, { name, isNamed, size }: { readonly name: string; readonly isNamed?: boolean; readonly size: number },
): AsyncGenerator<Buffer> {
  const tar = new TarStream(pieces, isNamed ? name : undefined);
  try {
    const { member } = await tar.find();
    if (member.name !== name || member.size !== size) { refuse(`is a tar archive in which ${quoted(member.name)} is found now, where ${quoted(name)} was`); }
    yield* tar.content(member);
    await tar.finish(member);
  } finally {
    await tar.close();
  }
}

function* hole(length: number): Generator<Buffer> {
  for (let left = length; left > 0; left -= HOLE_BYTES) { yield Buffer.alloc(Math.min(left, HOLE_BYTES)); }
}
