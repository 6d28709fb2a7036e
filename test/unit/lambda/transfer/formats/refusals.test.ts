import { Crc } from '../../../../../lambda/transfer/blocks/crc';
import { fixture, MemoryFile, openImage } from '../../../../harness/formats/fixtures';

test('a VMDK with a parent is refused', async () => {
  const bytes = fixture('sparse.vmdk');
  const at = bytes.indexOf('parentCID=ffffffff');
  expect(at).toBeGreaterThan(0);
  bytes.write('parentCID=0000002a', at, 'latin1');
  await expect(openImage(new MemoryFile(bytes))).rejects.toThrow('is a VMDK with a parent');
});

test('a VHDX image with entries in its log is refused', async () => {
  const bytes = fixture('dynamic-1m.vhdx');
  for (const at of [65_536, 131_072]) {
    const header = bytes.subarray(at, at + 4_096);
    header[48] = 1;
    header.fill(0, 4, 8);
    header.writeUInt32LE(Number(Crc.named('CRC32C').of(header)), 4);
  }
  await expect(openImage(new MemoryFile(bytes))).rejects.toThrow('is a VHDX image that was not closed properly');
});
