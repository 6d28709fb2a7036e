import { createSHA256 } from 'hash-wasm';
import type { CopyResult, PinnedSource } from '../../../src/contract/transfer';
import { log } from '../../shared/log';
import type { TransferStore } from '../bucket/store';
import { inOrder } from '../flow/concurrency';
import { Progress } from '../flow/progress';
import type { Shift } from '../flow/shift';
import type { Source } from '../image/object';

/** Bytes that one GET brings at most: 8 MiB. SHA-256 takes 64 bytes at once, so a state that is saved between pieces holds no bytes of the image. */
const PIECE_BYTES = 8 * 1024 * 1024;
/** Pieces that are read at once. They fill the network of a worker. */
const READS_AT_ONCE = 4;

/**
 * Computes the SHA-256 of the object from its first byte to its last, or as much of it as there is time for. One worker does this beside
 * those that copy, because SHA-256 cannot be combined from ranges. hash-wasm can save the state of a hash, which Node.js cannot.
 */
export async function hashObject(
  { source, store }: { readonly source: Source; readonly store: TransferStore }, snapshotId: string, image: PinnedSource, shift: Shift,
): Promise<CopyResult> {
  const hash = (await createSHA256()).init();
  const saved = await store.hashing(snapshotId);
  if (saved) { hash.load(Buffer.from(saved.state, 'base64')); }
  const begin = saved?.hashed ?? 0;
  let hashed = begin;
  const save = async () => {
    const hashing = { hashed, state: Buffer.from(hash.save()).toString('base64') };
    await store.refuseCancelled(snapshotId);
    await store.saveHashing(snapshotId, hashing);
  };

  const progress = new Progress(save);
  await shift.attempt(async () => {
    for await (const piece of inOrder(readsFrom(begin, image, source, shift), READS_AT_ONCE)) {
      hash.update(piece);
      hashed += piece.length;
      progress.made();
    }
  });
  await progress.end();
  shift.throwFailure();
  if (hashed === begin) { shift.throwDropped('nothing of the image could be read'); }

  const done = hashed === image.size;
  log({ event: done ? 'image hashed' : 'image not hashed in time', snapshotId, hashed, size: image.size });
  if (!done) {
    await save();
    return { done };
  }
  await store.refuseCancelled(snapshotId);
  await store.saveSha256(snapshotId, hash.digest());
  return { done };
}

/** Returns the reads of the object from a byte on, while there is time. The first is always returned, so that every invocation makes progress. */
function* readsFrom(begin: number, image: PinnedSource, source: Source, { giveUp }: Shift): Generator<() => Promise<Buffer>> {
  for (let offset = begin; offset < image.size && (offset === begin || !giveUp()); offset += PIECE_BYTES) {
    yield () => readPiece(source, image, offset, giveUp);
  }
}

async function readPiece(source: Source, image: PinnedSource, offset: number, giveUp: () => boolean): Promise<Buffer> {
  const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, image.size - offset));
  await source.read(image, offset, piece, giveUp);
  return piece;
}
