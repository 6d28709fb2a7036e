import { decompressed } from '../../../../../lambda/transfer/formats/streams';
import { xzFraming } from '../../../../../lambda/transfer/formats/xz';
import { fixture, MemoryFile, openImage, RAWS, readDisk, sha256 } from '../../../../harness/formats/fixtures';

/** Images that are not supported are not called damaged. A dynamic VHD with one damaged footer is read. */

async function readAll(format: 'ZSTD' | 'XZ', bytes: Buffer): Promise<void> {
  for await (const piece of decompressed(format, [bytes])) { expect(piece.length).toBeGreaterThan(0); }
}

test('zstd with a dictionary is refused as not supported, with the command that decompresses it', async () => {
  // RFC 8878: one segment, a dictionary with an id of one byte, five bytes of content in one block.
  const frame = Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x21, 42, 5, 5 * 8 + 1, 0, 0]), Buffer.from('hello')]);
  await expect(readAll('ZSTD', frame)).rejects.toThrow(/^is compressed by zstd with a dictionary, which is not supported; decompress it first, with: zstd -d -D/);
});

test('xz with checksums of SHA-256 is refused as not supported, with the command that compresses it with others', async () => {
  const bytes = fixture('sha256.xz');
  await expect(xzFraming(new MemoryFile(bytes))).rejects.toThrow(/^is an xz file with checksums of SHA-256, which are not supported; compress it again, with: xz -dc … \| xz -T0 --check=crc64$/);
  await expect(readAll('XZ', bytes)).rejects.toThrow(/^is an xz stream with a filter or a kind of checksum that is not supported; compress it again/);
});

describe('a dynamic VHD', () => {
  const [, , digest] = RAWS.find(([name]) => name === 'dynamic.vhd')!;
  const damagedAt = (...places: number[]) => {
    const bytes = fixture('dynamic.vhd');
    for (const place of places) { bytes[place < 0 ? bytes.length + place : place] = 0x99; }
    return new MemoryFile(bytes);
  };

  test.each([['the first footer', 30], ['the name of the first footer', 0], ['the second footer', -100]])('is read if %s alone is damaged', async (_, place) => {
    const file = damagedAt(place);
    expect(sha256(await readDisk((await openImage(file))!, file))).toBe(digest);
  });

  test('is damaged if both footers are', async () => {
    await expect(openImage(damagedAt(30, -100))).rejects.toThrow('is a damaged VHD image: the checksum of its footer is wrong');
  });
});
