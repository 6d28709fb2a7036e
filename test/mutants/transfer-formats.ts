import type { Mutant } from './mutant';

const ENDS_TEST = 'test/unit/lambda/transfer/formats/ends.test.ts';

export const TRANSFER_FORMATS_MUTANTS: readonly Mutant[] = [
  {
    guard: 'members of gzip behind a stretch of zeros are not lost',
    file: 'lambda/transfer/formats/gzip-stream.ts',
    find: 'if (piece.some(byte => byte !== 0))',
    replace: 'if (piece.length < 0)',
    test: ENDS_TEST,
    name: 'gzip',
  },
  {
    guard: 'a fixed VHD with something behind its footer is not taken for a raw disk',
    file: 'lambda/transfer/formats/detect.ts',
    find: '  refuseMisplacedFooter(tail, before);\n',
    replace: '',
    test: ENDS_TEST,
    name: 'a fixed VHD',
  },
  {
    guard: 'the checksums of a seek table are compared',
    file: 'lambda/transfer/formats/codecs.ts',
    find: 'checksum === undefined ? frame : withChecksum(frame, checksum)',
    replace: 'frame',
    test: 'test/unit/lambda/transfer/formats/zstd-seekable.test.ts',
  },
  {
    guard: "a compressed object is compared with S3's checksum",
    file: 'lambda/transfer/image/checked-reading.ts',
    find: 'if (position === size) { compareChecksum(checksum, crc, name); }',
    replace: '',
    test: 'test/handlers/ebs/image-checksum.test.ts',
    name: 'compressed by',
  },
];
