import { imageChecksumOf } from '../../../../../lambda/transfer/blocks/image-checksum';

const answer = (more: object) => imageChecksumOf({ $metadata: {}, ...more });

test.each(['CRC32', 'CRC32C', 'CRC64NVME'] as const)('takes the %s of the whole object', algorithm => {
  expect(answer({ ChecksumType: 'FULL_OBJECT', [`Checksum${algorithm}`]: 'AAAAAA==' })).toEqual({ algorithm, value: 'AAAAAA==' });
});

test.each<[string, object]>([
  ['a composite checksum, which covers the checksums of the parts', { ChecksumType: 'COMPOSITE', ChecksumCRC32: 'AAAAAA==-2' }],
  ['a checksum whose type is not stated', { ChecksumCRC32: 'AAAAAA==' }],
  ['a SHA-256, which does not follow from those of the blocks', { ChecksumType: 'FULL_OBJECT', ChecksumSHA256: 'AAAA' }],
  ['no checksum at all', {}],
])('ignores %s', (_, head) => {
  expect(answer(head)).toBeUndefined();
});
