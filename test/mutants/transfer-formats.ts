import type { Mutant } from './mutant';

const PROBE_TEST = 'test/unit/lambda/transfer/image/probe.test.ts';
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
    file: 'src/contract/image-recognition.ts',
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
  {
    guard: 'an object that does not show itself as a disk is not taken for one',
    file: 'src/contract/image-recognition.ts',
    find: "    refuseUnlikeDisk(ends.head, \"if it is a raw disk all the same, set 'format' to DiskImageFormat.RAW\");\n",
    replace: '',
    test: PROBE_TEST,
    name: 'by its first bytes',
  },
  {
    guard: 'nor is the content of a stream',
    file: 'lambda/transfer/formats/nested-format.ts',
    find: 'if (!isStated) {',
    replace: 'if (isStated && format === undefined) {',
    test: PROBE_TEST,
    name: 'by its first bytes',
  },
  {
    guard: 'a disk with sectors of 4096 bytes is not taken for one of 512',
    file: 'src/contract/disk-signature.ts',
    find: 'if (has(head, 4096, GPT) && !has(head, 512, GPT))',
    replace: 'if (head.length < 0)',
    test: PROBE_TEST,
    name: '4096',
  },
  {
    guard: 'nor is one in a VHDX',
    file: 'lambda/transfer/formats/vhdx.ts',
    find: 'if (sectorSize === 4096) { refuseLargeSectors(); }',
    replace: 'if (sectorSize === 4096) { return { size: 512, blockSize }; }',
    test: 'test/unit/lambda/transfer/formats/refusals.test.ts',
  },
  {
    guard: 'a frame of zstd that needs a dictionary is not called damaged',
    file: 'lambda/transfer/formats/zstd-stream.ts',
    find: '  refuseDictionary(header);\n',
    replace: '',
    test: 'test/unit/lambda/transfer/formats/unsupported.test.ts',
  },
  {
    guard: 'the function that looks at an image does not read a gigantic block of xz',
    file: 'lambda/transfer/formats/xz.ts',
    find: 'if (unpadded > length + length / 16 + LARGEST_BLOCK_OVERHEAD)',
    replace: 'if (unpadded < 0)',
    test: 'test/unit/lambda/transfer/formats/hostile.test.ts',
    name: 'a block of xz',
  },
  {
    guard: 'frames of nothing do not take all the time of a function',
    file: 'lambda/transfer/formats/zstd-stream.ts',
    find: 'frames > MANY_FRAMES && content < frames * LEAST_BYTES_PER_FRAME',
    replace: 'frames < 0',
    test: 'test/unit/lambda/transfer/formats/hostile.test.ts',
    name: 'frames of a byte',
  },
];
