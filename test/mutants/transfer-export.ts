import type { Mutant } from './mutant';

const FINISH = { file: 'lambda/transfer/export/finish.ts', test: 'test/unit/lambda/transfer/export/finish.test.ts' };
const TARGET = { file: 'lambda/transfer/export/target.ts', test: 'test/unit/lambda/transfer/export/target.test.ts' };
const LEFTOVERS = { test: 'test/unit/lambda/transfer/export/leftovers.test.ts' };
const READERS = { test: 'test/unit/lambda/transfer/formats/readers.test.ts' };
const CHUNK = { test: 'test/unit/lambda/transfer/formats/chunk.test.ts' };
const HTTP = { test: 'test/unit/lambda/transfer/http/client.test.ts' };

export const TRANSFER_EXPORT_MUTANTS: readonly Mutant[] = [
  {
    guard: 'a connection on which a refused request was sent only in part is not used again (M17)',
    file: 'lambda/transfer/http/http-connection.ts',
    find: 'if (!this.keepAlive || halfSent) {',
    replace: 'if (!this.keepAlive) {',
    ...HTTP,
  },
  {
    guard: 'a connection that was idle for long is not used again (M18)',
    file: 'lambda/transfer/http/client.ts',
    find: 'connection.isReusable && performance.now() - connection.idleSince < LONGEST_IDLE',
    replace: 'connection.isReusable',
    ...HTTP,
  },
  {
    guard: 'an answer that is longer than announced ends the connection, so that no later request gets the rest',
    file: 'lambda/transfer/http/http-connection.ts',
    find: "case 'idle': this.destroy(); return;",
    replace: "case 'idle': return;",
    ...HTTP,
  },
  {
    guard: 'a body that is longer than the buffer of the caller is refused',
    file: 'lambda/transfer/http/http-connection.ts',
    find: 'if (this.target && this.left > this.target.length) { throw tooLong(); }',
    replace: '',
    ...HTTP,
  },
  {
    guard: 'a body that breaks off is not taken as complete',
    file: 'lambda/transfer/http/http-connection.ts',
    find: "if (this.state === 'until closed') { return this.finish(); }",
    replace: "if (this.state === 'until closed' || this.state === 'fixed') { return this.finish(); }",
    ...HTTP,
  },
  {
    guard: 'an export that was cancelled while its object was made saves no result',
    find: '      await store.refuseCancelledExport(exportId);\n',
    replace: '',
    ...FINISH,
  },
  {
    guard: 'an object without one of its parts is not made',
    find: 'if (all[part - 1] === undefined) {',
    replace: 'if (part < 0) {',
    ...FINISH,
  },
  {
    guard: 'a part that S3 has with another checksum than that of the bytes read is refused',
    find: 'stored.crc32 === CRC32.base64(crc32)',
    replace: 'true',
    ...FINISH,
  },
  {
    guard: 'an object whose checksum is not that of what was sent is refused',
    find: 'if (made.size !== size || made.crc32 !== crc32) {',
    replace: 'if (made.size !== size) {',
    ...FINISH,
  },
  {
    guard: "an object that somebody else wrote meanwhile is not taken for the export's own",
    find: 'if (await target.find(place)) { return; }',
    replace: 'return;',
    ...FINISH,
  },
  {
    guard: 'an export does not go on if somebody else wrote the manifest',
    find: 'if (!await target.putManifest(place, size, body)) {',
    replace: 'if (!await target.putManifest(place, size, body) && size < 0) {',
    ...FINISH,
  },
  {
    guard: 'the completion of an upload overwrites nothing',
    find: "      IfNoneMatch: '*',\n",
    replace: '',
    ...TARGET,
  },
  {
    guard: 'the manifest overwrites nothing',
    find: "Metadata: { [MARK]: exportId }, IfNoneMatch: '*',",
    replace: 'Metadata: { [MARK]: exportId },',
    ...TARGET,
  },
  {
    guard: 'a manifest of another export is not taken for the own one',
    find: 'return (await this.head(bucket, name))?.Metadata?.[MARK] === exportId;',
    replace: 'return true;',
    ...TARGET,
  },
  {
    guard: 'an export does not begin where an object or a manifest of others is',
    find: 'if (by === exportId) { continue; }',
    replace: 'if (by !== undefined || name !== key) { continue; }',
    ...TARGET,
  },
  {
    guard: 'an object without the mark of the export is not taken for its object',
    find: 'if (head?.Metadata?.[MARK] !== exportId) { return undefined; }',
    replace: 'if (!head) { return undefined; }',
    ...TARGET,
  },
  {
    guard: 'an object without the mark of the export is not deleted',
    find: 'if (head?.Metadata?.[MARK] !== exportId) { return; }',
    replace: 'if (!head) { return; }',
    ...TARGET,
  },
  {
    guard: 'an upload that another function began is not aborted',
    find: "Key === key && Initiator?.ID?.split('/').at(-1) === initiator",
    replace: 'Key === key && Initiator',
    ...TARGET,
  },
  {
    guard: 'removing an export aborts its upload, so that nothing can become of it later',
    file: 'lambda/transfer/export/leftovers.ts',
    find: '    await target.abort(record);\n',
    replace: '',
    ...LEFTOVERS,
  },
  {
    guard: 'the rule on the end of executions keeps a successful export',
    file: 'lambda/transfer/export/clean-up.ts',
    find: "if (status !== 'SUCCEEDED') {",
    replace: 'if (status) {',
    ...LEFTOVERS,
  },
  {
    guard: 'the rule keeps the record, by which isComplete and Delete find what is left',
    file: 'lambda/transfer/export/leftovers.ts',
    find: 'keepRecord ? store.removeFailed(exportId) : store.remove(exportId)',
    replace: 'store.remove(exportId)',
    ...LEFTOVERS,
  },
  {
    guard: 'a request is aborted if S3 takes nothing of its body',
    file: 'lambda/transfer/export/streamed-body.ts',
    find: '})), SILENCE_MILLISECONDS);',
    replace: '})), SILENCE_MILLISECONDS * 1000);',
    test: 'test/unit/lambda/transfer/export/streamed-body.test.ts',
  },
  {
    guard: 'two places of the disk cannot share bytes of the file',
    file: 'lambda/transfer/formats/overlap-guard.ts',
    find: 'other.start < claim.end && other.end > claim.start',
    replace: 'other.start === claim.start',
    test: 'test/unit/lambda/transfer/formats/overlap-guard.test.ts',
  },
  {
    guard: 'a chunk whose content is too short is refused, not filled up',
    file: 'lambda/transfer/formats/chunk.ts',
    find: 'if (content.length < needed) {',
    replace: 'if (needed < 0) {',
    ...CHUNK,
  },
  {
    guard: 'a chunk whose content is too long is refused',
    file: 'lambda/transfer/formats/codecs.ts',
    find: '({ maxOutputLength, finishFlush',
    replace: '({ finishFlush',
    ...CHUNK,
  },
  {
    guard: 'an encrypted qcow2 image is refused',
    file: 'lambda/transfer/formats/qcow2.ts',
    find: 'if (start.readUInt32BE(32) !== 0) {',
    replace: 'if (start.readUInt32BE(32) < 0) {',
    ...READERS,
  },
  {
    guard: 'a qcow2 image with a backing file is refused',
    file: 'lambda/transfer/formats/qcow2.ts',
    find: 'if (u64be(start, 8) !== 0) {',
    replace: 'if (u64be(start, 8) < 0) {',
    ...READERS,
  },
  {
    guard: 'a qcow2 image that was not closed is refused',
    file: 'lambda/transfer/formats/qcow2.ts',
    find: 'if (flags & DIRTY) {',
    replace: 'if (flags < 0) {',
    ...READERS,
  },
  {
    guard: 'a VHDX image with entries in its log is refused',
    file: 'lambda/transfer/formats/vhdx.ts',
    find: 'if (!header.subarray(48, 64).every(byte => byte === 0)) {',
    replace: 'if (header.length < 0) {',
    test: 'test/unit/lambda/transfer/formats/refusals.test.ts',
  },
  {
    guard: 'a VMDK with a parent is refused',
    file: 'lambda/transfer/formats/vmdk.ts',
    find: 'if (parent !== undefined && !/^f{8}$/i.test(parent)) {',
    replace: "if (parent === '') {",
    test: 'test/unit/lambda/transfer/formats/refusals.test.ts',
  },
];
