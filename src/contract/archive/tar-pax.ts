import { refuse } from '../image-refusal';
import { addNumber, refuseMap, type SparseMap } from './tar-sparse';

/** What the records of an extended header (PAX) say of the member behind it. Only what matters here is kept. */
export class PaxHeader {
  public path: string | undefined;
  public size: number | undefined;
  /** Of a sparse member. */
  public sparseName: string | undefined;
  public sparseSize: number | undefined;
  public sparseVersion: string | undefined;
  public map: SparseMap | undefined;

  constructor(bytes: Buffer) {
    for (const [key, value] of records(bytes)) { this.set(key, value); }
  }

  private set(key: string, value: Buffer): void {
    switch (key) {
      case 'path': this.path = value.toString(); return;
      case 'size': this.size = decimal(key, value); return;
      case 'GNU.sparse.name': this.sparseName = value.toString(); return;
      case 'GNU.sparse.size': case 'GNU.sparse.realsize': this.sparseSize = decimal(key, value); return;
      case 'GNU.sparse.major': this.sparseVersion = value.toString(); return;
      case 'GNU.sparse.offset': case 'GNU.sparse.numbytes': return addNumber(this.map ??= [], decimal(key, value));
      case 'GNU.sparse.map': this.map = numbers(value); return;
      case 'SCHILY.realsize': return void refuse('is a tar archive with a sparse member of star, which is not supported; make it with: tar -S --format=posix');
    }
  }
}

/** Each record: its length in decimal digits, a space, key, `=`, value, and a line feed. */
function* records(bytes: Buffer): Generator<readonly [key: string, value: Buffer]> {
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const length = space > at && space - at < 10 ? decimal('length', bytes.subarray(at, space)) : NaN;
    const end = at + length;
    const equals = bytes.indexOf(0x3d, space);
    if (!(equals > space && equals < end && end <= bytes.length && bytes[end - 1] === 0x0a)) { damagedPax('its records are not of the length that they say'); }
    yield [bytes.toString('latin1', space + 1, equals), bytes.subarray(equals + 1, end - 1)];
    at = end;
  }
}

function decimal(key: string, value: Buffer): number {
  const text = value.toString('latin1', 0, 24);
  return /^\d{1,16}$/.test(text) ? Number(text) : damagedPax(`${key.slice(0, 40)} is ${JSON.stringify(text)}`);
}

/** Numbers between commas. */
function numbers(value: Buffer): SparseMap {
  const map: SparseMap = [];
  for (let at = 0; at < value.length;) {
    const comma = value.indexOf(0x2c, at);
    const end = comma < 0 ? value.length : comma;
    addNumber(map, decimal('GNU.sparse.map', value.subarray(at, end)));
    at = end + 1;
  }
  return map.length > 0 ? map : refuseMap('is empty');
}

function damagedPax(how: string): never {
  return refuse(`is a damaged tar archive: in an extended header, ${how}`);
}
