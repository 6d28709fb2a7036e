import { xzFraming } from '../../../../../lambda/transfer/formats/xz';
import { LaidOutDisk } from '../../../../../lambda/transfer/image/disk';
import { fixture, MemoryFile, openImage, RAWS, readDisk, REFUSED, sha256, streamDisk, XZ } from '../../../../harness/formats/fixtures';

describe('the disk is the one that qemu-img makes of', () => {
  test.each(RAWS)('%s', async (name, size, digest) => {
    const file = new MemoryFile(fixture(name));
    const layout = (await openImage(file))!;
    expect(layout.size).toBe(size);
    expect(sha256(await readDisk(layout, file))).toBe(digest);
    expect(sha256(await readDisk(layout, file, { part: 4 * 1024 * 1024 }))).toBe(digest);
  });
});

describe('xz is decompressed, whatever its framing:', () => {
  test.each(XZ)('%s', async (name, size, digest) => {
    const file = new MemoryFile(fixture(name));
    const { size: stated, layout } = (await xzFraming(file))!;
    expect(stated).toBe(size);
    // One block alone is but a stream.
    expect(layout === undefined).toBe(name === 'one-block.xz');
    const disk = layout ? new LaidOutDisk(layout, file.readInto) : streamDisk('XZ', file.size, file.readInto, size, '');
    const raw = Buffer.alloc(size, 0xee);
    for (let at = 0; at < size; at += 1_234_567) { await disk.read(at, raw.subarray(at, at + 1_234_567)); }
    expect(sha256(raw)).toBe(digest);
    const stream = streamDisk('XZ', file.size, file.readInto, size, '');
    await stream.read(0, raw.fill(0xee));
    expect(sha256(raw)).toBe(digest);
  });

  test('and not when it is cut off, or something is behind it', async () => {
    const bytes = fixture('blocks.xz');
    await expect(xzFraming(new MemoryFile(bytes.subarray(0, -4)))).rejects.toThrow('does not end as xz does');
    await expect(xzFraming(new MemoryFile(Buffer.concat([bytes, Buffer.from('more')])))).rejects.toThrow('its end is missing');
    const stream = streamDisk('XZ', bytes.length - 30_0, new MemoryFile(bytes).readInto, 10_000_000, '');
    await expect(stream.read(0, Buffer.alloc(10_000_000))).rejects.toThrow('is a damaged xz stream: unexpected end of file');
  });
});

describe('refuses', () => {
  test.each(REFUSED)('%s', async (name, words) => {
    await expect(openImage(new MemoryFile(fixture(name)))).rejects.toThrow(words);
  });
});

describe('of a large disk, reads only what is there:', () => {
  test.each([
    ['large.qcow2', 3 * 2 ** 40, 1500 * 2 ** 30],
    ['large.vhd', 1900 * 2 ** 30, 1500 * 2 ** 30],
    ['large.vhdx', 3 * 2 ** 40, 1500 * 2 ** 30],
    ['large.vmdk', 64 * 2 ** 30, 50 * 2 ** 30],
  ])('%s', async (name, size, place) => {
    const file = new MemoryFile(fixture(name));
    const layout = (await openImage(file))!;
    expect(layout.size).toBe(size);
    const disk = new LaidOutDisk(layout, file.readInto);
    for (const [at, byte] of [[4 * 2 ** 30, 31], [place, 32]]) {
      const part = Buffer.alloc(192 * 1024, 0xee);
      await disk.read(at - 64 * 1024, part);
      expect(part.equals(Buffer.concat([Buffer.alloc(64 * 1024), Buffer.alloc(64 * 1024, byte), Buffer.alloc(64 * 1024)]))).toBe(true);
    }
    // Tables, and the two places.
    expect(file.bytesRead).toBeLessThan(1024 * 1024);
    const before = file.bytesRead;
    const empty = Buffer.alloc(4 * 1024 * 1024, 0xee);
    await disk.read(size - empty.length, empty);
    expect(empty.equals(Buffer.alloc(empty.length))).toBe(true);
    expect(file.bytesRead - before).toBeLessThan(128 * 1024);
  });
});
