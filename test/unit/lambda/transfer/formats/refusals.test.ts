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

test('a VHDX image of a disk with sectors of 4096 bytes is refused, because EBS has sectors of 512 bytes', async () => {
  const bytes = fixture('dynamic-1m.vhdx');
  const item = bytes.indexOf(Buffer.from('1dbf41816fa90947ba47f233a8faab5f', 'hex'));
  const at = bytes.indexOf('metadata') + bytes.readUInt32LE(item + 16);
  expect(bytes.readUInt32LE(at)).toBe(512);
  bytes.writeUInt32LE(4096, at);
  await expect(openImage(new MemoryFile(bytes))).rejects.toThrow('is a disk with sectors of 4096 bytes, but EBS volumes have sectors of 512 bytes');
});
