import type { Mutant } from './mutant';

const COPY = 'lambda/transfer/import/copy.ts';
const RANGE_COPY = 'lambda/transfer/import/range-copy.ts';
const DECISION = 'lambda/transfer/import/block-decision.ts';
const SEAL = 'lambda/transfer/import/seal.ts';
const SHIFT = 'lambda/transfer/flow/shift.ts';
const RECORD = 'lambda/transfer/bucket/range-record.ts';
const STORE = 'lambda/transfer/bucket/store.ts';
const PARENT = 'lambda/transfer/parent/digests.ts';
const COPY_TEST = 'test/handlers/transfer/copy.test.ts';
const SEAL_TEST = 'test/handlers/transfer/seal.test.ts';
const CLEAN_UP_TEST = 'test/handlers/transfer/clean-up.test.ts';
const DECISION_TEST = 'test/unit/lambda/transfer/import/block-decision.test.ts';
const PART_TEST = 'test/unit/lambda/transfer/import/part-reader.test.ts';
const SHIFT_TEST = 'test/unit/lambda/transfer/flow/shift.test.ts';
const RECORD_TEST = 'test/unit/lambda/transfer/bucket/range-record.test.ts';
const STORE_TEST = 'test/unit/lambda/transfer/bucket/store.test.ts';
const PARENT_TEST = 'test/unit/lambda/transfer/parent/digests.test.ts';

/** M13 of the findings (no second look after a parent was condemned) is equivalent: the next poll of the Delete looks again. */
export const TRANSFER_IMPORT_MUTANTS: readonly Mutant[] = [
  {
    guard: 'the last block of an image is filled up with zeros, not with what the buffer held before (M01)',
    file: 'lambda/transfer/import/part-reader.ts',
    find: '      buffer.fill(0, length);\n',
    replace: '',
    test: PART_TEST,
  },
  {
    guard: 'a buffer is not used again before its blocks were sent',
    file: 'lambda/transfer/import/part-reader.ts',
    find: '      await Promise.all(taken);\n',
    replace: '',
    test: PART_TEST,
  },
  {
    guard: 'a finished range is not saved after the import was cancelled (M02)',
    file: RANGE_COPY,
    find: '    await store.refuseCancelled(snapshotId);\n    if (this.end',
    replace: '    if (this.end',
    test: COPY_TEST,
    name: 'of a finished range once',
  },
  {
    guard: 'an unfinished range is not saved after the import was cancelled',
    file: RANGE_COPY,
    find: '    await store.refuseCancelled(snapshotId);\n    await store.saveProgress',
    replace: '    await store.saveProgress',
    test: COPY_TEST,
    name: 'of an unfinished range once',
  },
  {
    guard: 'a worker whose range another one finished does not fail the import (M03)',
    file: COPY,
    find: 'if (await aws.store.digests(input.snapshotId, input.n).catch(() => undefined)) { return { done: true }; }',
    replace: '',
    test: COPY_TEST,
    name: 'whose range another worker finished',
  },
  {
    guard: 'every invocation copies at least one part (M04)',
    file: RANGE_COPY,
    find: 'shift.forEach(parts.slice(0, 1), 1, copyPart, { always: 1 })',
    replace: 'shift.forEach(parts.slice(0, 1), 1, copyPart)',
    test: COPY_TEST,
    name: 'although there was no time',
  },
  {
    guard: 'one part is copied alone first, so that the other lanes wait until EBS has the snapshot (M04)',
    file: RANGE_COPY,
    find: 'await shift.forEach(parts.slice(0, 1), 1, copyPart, { always: 1 });',
    replace: 'void shift.forEach(parts.slice(0, 1), 1, copyPart, { always: 1 })',
    test: COPY_TEST,
    name: 'stops in time',
  },
  {
    guard: 'a second sealer marks the manifest for the first (M05)',
    file: SEAL,
    find: 'if (!alone) { await store.saveManifest({ ...manifest, again: true }); }',
    replace: '',
    test: SEAL_TEST,
    name: 'the first that EBS refuses',
  },
  {
    guard: 'the image is compared with what it was before the snapshot is completed (M06)',
    file: SEAL,
    find: '  await source.verify(plan.source);\n',
    replace: '',
    test: SEAL_TEST,
    name: 'replaced',
  },
  {
    guard: 'a snapshot with a missing range is not completed',
    file: SEAL,
    find: 'range?.digests.length !== count * DIGEST_SIZE || ',
    replace: 'range && ',
    test: SEAL_TEST,
    name: 'a range is missing',
  },
  {
    guard: 'a snapshot with a missing block is not completed',
    file: SEAL,
    find: ' || new Digests(range.digests).missing().length > 0',
    replace: '',
    test: SEAL_TEST,
    name: 'a block is missing',
  },
  {
    guard: 'the LINEAR checksum covers every digest',
    file: 'lambda/transfer/blocks/digests.ts',
    find: '    this.sum.update(digests);\n',
    replace: '    this.sum.update(digests.subarray(DIGEST_SIZE));\n',
    test: 'test/unit/lambda/transfer/blocks/digests.test.ts',
  },
  {
    guard: 'EBS is given count and checksum of the blocks that were put',
    file: 'lambda/transfer/snapshot/block-writer.ts',
    find: 'Checksum: linearChecksum,',
    replace: "Checksum: 'x',",
    test: SEAL_TEST,
    name: 'done again',
  },
  {
    guard: 'the clean-up leaves foreign snapshots alone (M19)',
    file: 'lambda/transfer/import/leftovers.ts',
    find: 'if (snapshot && valueOf(snapshot.tags, OWNERSHIP_TAGS.stackId) === undefined)',
    replace: 'if (snapshot === null)',
    test: CLEAN_UP_TEST,
    name: 'not ours',
  },
  {
    guard: 'the clean-up removes the objects of one snapshot only',
    file: STORE,
    find: 'return `transfers/${snapshotId}/${name}`;',
    replace: 'return `transfers/${snapshotId}${name && `/${name}`}`;',
    test: CLEAN_UP_TEST,
    name: 'one snapshot only',
  },
  {
    guard: 'the clean-up keeps the reason of the failure',
    file: STORE,
    find: "keepFailure ? ['failure'] : []",
    replace: '[]',
    test: STORE_TEST,
  },
  {
    guard: 'the clean-up keeps nothing that it was not asked to keep',
    file: STORE,
    find: "keepFailure ? ['failure'] : []",
    replace: "['failure']",
    test: STORE_TEST,
  },
  {
    guard: 'the clean-up keeps one object, not all that end in its name',
    file: STORE,
    find: '!keptKeys.includes(key)',
    replace: '!kept.some(name => key.endsWith(name))',
    test: STORE_TEST,
  },
  {
    guard: 'the clean-up removes more objects than S3 lists at once',
    file: STORE,
    find: '      if (Errors.length > 0) {',
    replace: '      if (Errors.length === 0) { return; } else {',
    test: STORE_TEST,
  },
  {
    guard: 'an object that S3 does not delete fails the clean-up',
    file: STORE,
    find: '      if (Errors.length > 0) {',
    replace: '      if (Errors.length > 0) { return; } else if (Errors.length > 1) {',
    test: STORE_TEST,
  },
  { guard: 'a second sealer does not overwrite the manifest', file: STORE, find: "JSON.stringify(manifest), { IfNoneMatch: '*' }", replace: 'JSON.stringify(manifest)', test: STORE_TEST },
  { guard: 'only the first of two sealers counts as the first', file: STORE, find: '{ return false; }', replace: '{ return true; }', test: STORE_TEST },
  { guard: 'two sealers at the same time do not fail', file: STORE, find: "['PreconditionFailed', 'ConditionalRequestConflict']", replace: "['PreconditionFailed']", test: STORE_TEST },
  { guard: 'the first failure is kept', file: STORE, find: "'failure', sentence, { IfNoneMatch: '*' }", replace: "'failure', sentence", test: STORE_TEST },
  {
    guard: 'the reason of a failure is not saved after the clean-up',
    file: STORE,
    find: "    if (!await this.get(snapshotId, 'plan.json')) { return; }\n",
    replace: '',
    test: STORE_TEST,
  },
  {
    guard: 'a cancelled import is refused',
    file: STORE,
    find: "    if (!await this.get(snapshotId, 'plan.json')) { throw cancelled(snapshotId); }\n",
    replace: '',
    test: STORE_TEST,
  },
  {
    guard: 'an import whose plan cannot be read is not taken for cancelled',
    file: STORE,
    find: "if (isNamed(error, 'NoSuchKey')) { return undefined; }",
    replace: 'if (error) { return undefined; }',
    test: STORE_TEST,
  },
  {
    guard: 'the rate falls once per reaction time, not at every throttle (M16)',
    file: 'lambda/transfer/flow/pacer.ts',
    find: '    if (now - this.halved < REACTION_MILLISECONDS) { return; }\n',
    replace: '',
    test: 'test/unit/lambda/transfer/flow/pacer.test.ts',
  },
  {
    guard: 'a volume that has blocks beyond the image is not verified (M24)',
    file: 'lambda/transfer/import/verify.ts',
    find: 'n === rangesOf(plan) - 1 ? Infinity : first + count',
    replace: 'first + count',
    test: 'test/unit/lambda/transfer/import/verify.test.ts',
  },
  {
    guard: 'a block that was never written, or is lost, fails the verification',
    file: 'lambda/transfer/import/verify.ts',
    find: '    if (last && left.length > 0) {',
    replace: '    if (left === undefined) {',
    test: 'test/unit/lambda/transfer/import/verify.test.ts',
  },
  {
    guard: 'a save that is under way is waited for, so that it does not write after the clean-up (M28)',
    file: 'lambda/transfer/flow/progress.ts',
    find: '    await this.saving;\n',
    replace: '',
    test: 'test/unit/lambda/transfer/flow/progress.test.ts',
  },
  { guard: 'zeros are left out only if the user wants it (read)', file: DECISION, find: "if (zeroBlocks === 'OMIT' && isZero(block)", replace: 'if (isZero(block)', test: DECISION_TEST },
  { guard: 'only zeros are left out', file: DECISION, find: ' && isZero(block)', replace: '', test: DECISION_TEST },
  { guard: 'a block is not left out if it should be data', file: DECISION, find: ' && (known ?? ZERO_DIGEST).equals(ZERO_DIGEST)', replace: '', test: DECISION_TEST },
  { guard: 'zeros are left out only if the user wants it (unread)', file: DECISION, find: "if (zeroBlocks === 'OMIT' && known", replace: 'if (known', test: DECISION_TEST },
  { guard: 'a block is read unless the parent has the same', file: DECISION, find: 'return inherited?.equals(known) ?', replace: 'return inherited ?', test: DECISION_TEST },
  { guard: 'a block is put unless the parent has the same', file: DECISION, find: 'action: inherited?.equals(digest) ?', replace: 'action: inherited ?', test: DECISION_TEST },
  { guard: 'zeros of the image are put where the parent has nothing', file: DECISION, find: 'beyondImage && inherited', replace: 'inherited', test: DECISION_TEST },
  { guard: 'zeros beyond the image overwrite what the parent has', file: DECISION, find: 'inherited?.equals(ABSENT_DIGEST);', replace: 'inherited !== undefined;', test: DECISION_TEST },
  { guard: 'a final error is not left to the next invocation', file: SHIFT, find: 'if (this.isOutOfTime && this.isTransient(error))', replace: 'if (this.isOutOfTime)', test: SHIFT_TEST },
  { guard: 'a transient error fails a worker that has time', file: SHIFT, find: 'if (this.isOutOfTime && this.isTransient(error))', replace: 'if (this.isTransient(error))', test: SHIFT_TEST },
  { guard: 'the first failure of a worker is reported', file: SHIFT, find: 'this.failure ??= { error };', replace: 'this.failure = { error };', test: SHIFT_TEST },
  { guard: 'a worker stops in time', file: SHIFT, find: '< this.reserve', replace: '< 0', test: SHIFT_TEST },
  { guard: 'a worker begins nothing after a failure', file: SHIFT, find: 'while (!this.hasFailed && (', replace: 'while ((', test: SHIFT_TEST },
  { guard: 'a CRC covers the bytes of the image only', file: RECORD, find: 'Math.min(BLOCK_SIZE, this.imageBytes - i * BLOCK_SIZE)', replace: 'BLOCK_SIZE', test: RECORD_TEST },
  { guard: 'the rest of a longer stream is not taken for CRCs', file: RECORD, find: 'const crcs = crc ? saved', replace: 'const crcs = true ? saved', test: RECORD_TEST },
  {
    guard: 'the digests of a parent are not saved after the import was cancelled',
    file: PARENT,
    find: '  await store.refuseCancelled(snapshotId);\n  await store.saveParentDigests',
    replace: '  await store.saveParentDigests',
    test: PARENT_TEST,
  },
  {
    guard: 'the reading of a parent is not saved after the import was cancelled',
    file: PARENT,
    find: '    await this.aws.store.refuseCancelled(snapshotId);\n',
    replace: '',
    test: PARENT_TEST,
  },
  { guard: 'every invocation reads at least one block of a parent', file: PARENT, find: '    }, { always: 1 });', replace: '    });', test: PARENT_TEST },
  { guard: 'a block that the parent does not have is recorded as absent', file: PARENT, find: '      if (!listed?.has(index)) {', replace: '      if (listed === null) {', test: PARENT_TEST },
  {
    guard: 'an import on top of a parent whose recorded digests are gone fails',
    file: PARENT,
    find: '    if (digests?.length !== range.count * DIGEST_SIZE) {',
    replace: '    if (digests === null) {',
    test: PARENT_TEST,
  },
];
