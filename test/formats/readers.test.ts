import { fixture, MemoryFile, openImage, RAWS, readDisk, REFUSED, sha256 } from './fixtures';
import { LaidOutDisk } from '../../lambda/transfer/disk';

describe('the disk is the one that qemu-img makes of', () => {
  test.each(RAWS)('%s', async (name, size, digest) => {
    const file = new MemoryFile(fixture(name));
    const layout = (await openImage(file))!;
    expect(layout.size).toBe(size);
    expect(sha256(await readDisk(layout, file))).toBe(digest);
    expect(sha256(await readDisk(layout, file, { part: 4 * 1024 * 1024 }))).toBe(digest);
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
