import { nameOfImage, type Source } from './object';
import type { SnapshotImportProperties } from '../../../src/contract/snapshot-import';
import type { ContentPin, PinnedObject } from '../../../src/contract/transfer';
import { sha256In } from '../formats/sha256-sums';

type Properties = Pick<SnapshotImportProperties, 'SourceSha256' | 'SourceSha256SumsKey'>;

/** Bytes of a checksum file that is read: room for 10,000 lines. */
const MOST_SUMS_BYTES = 1024 * 1024;

/** Returns the SHA-256 that the user wants the object to have; undefined if any will do. Throws if S3 knows that the object has another one. */
export async function pinContent(source: Source, object: PinnedObject, properties: Properties): Promise<ContentPin | undefined> {
  const wanted = await wantedSha256(source, object, properties);
  if (!wanted) { return undefined; }
  const known = await source.sha256(object);
  const pin = { ...wanted, computed: known === undefined };
  if (known !== undefined) { comparePin(pin, known, nameOfImage(object)); }
  return pin;
}

/** Throws unless the SHA-256 of an object is the wanted one. @param name Name of the object for the error. */
export function comparePin({ sha256, prop }: Pick<ContentPin, 'sha256' | 'prop'>, found: string | undefined, name: string): void {
  if (found === sha256) { return; }
  throw new Error(`${name} is not the one that '${prop}' names: its SHA-256 is ${found ?? 'not known'}, and should be ${sha256}; `
    + `correct '${prop}', or upload the right image`);
}

async function wantedSha256(
  source: Source, object: PinnedObject, { SourceSha256, SourceSha256SumsKey }: Properties,
): Promise<Pick<ContentPin, 'sha256' | 'prop'> | undefined> {
  if (SourceSha256SumsKey !== undefined) { return { sha256: await sha256InSums(source, object, SourceSha256SumsKey), prop: 'sha256SumsKey' }; }
  if (SourceSha256 === undefined) { return undefined; }
  if (!/^[0-9a-f]{64}$/i.test(SourceSha256)) { throw new Error(`'sha256' must be 64 hexadecimal digits, got '${SourceSha256.slice(0, 80)}'`); }
  return { sha256: SourceSha256.toLowerCase(), prop: 'sha256' };
}

async function sha256InSums(source: Source, { bucket, bucketOwner, key: imageKey }: PinnedObject, key: string): Promise<string> {
  const file = await source.pin({ bucket, bucketOwner, key, what: 'checksum file' });
  const name = nameOfImage(file);
  if (file.size > MOST_SUMS_BYTES) {
    throw new Error(`${name} has ${file.size} bytes, and at most ${MOST_SUMS_BYTES} are read; check 'sha256SumsKey'`);
  }
  const bytes = Buffer.alloc(file.size);
  if (bytes.length > 0) { await source.read(file, 0, bytes); }
  return sha256In(bytes.toString(), imageKey.split('/').at(-1)!, name);
}
