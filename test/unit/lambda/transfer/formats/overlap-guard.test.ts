import type { Extent } from '../../../../../lambda/transfer/formats/layout';
import { OverlapGuard } from '../../../../../lambda/transfer/formats/overlap-guard';

const data = (at: number, file: number, length = 10): Extent => ({ kind: 'data', at, file, length });
const chunk = (at: number, file: number): Extent => ({ kind: 'chunk', at, file, length: 10, fileLength: 1000, decode: async bytes => bytes });
const zeros = (at: number): Extent => ({ kind: 'zeros', at, length: 10 });

function add(...extents: Extent[]): void {
  const guard = new OverlapGuard('qcow2');
  extents.forEach(extent => guard.add(extent));
}

test.each<[string, Extent[]]>([
  ['data in any order', [data(20, 100), data(0, 50), data(10, 110), data(30, 60)]],
  ['the same data again, or a part of it', [data(0, 50, 30), data(10, 60), data(0, 50, 40)]],
  ['zeros, which lie nowhere in the file', [zeros(0), zeros(10), data(20, 0)]],
  ['chunks behind each other, whose ends are not known', [chunk(0, 50), chunk(10, 55), chunk(0, 50)]],
])('accepts %s', (_, extents) => {
  expect(() => add(...extents)).not.toThrow();
});

test.each<[string, Extent[]]>([
  ['the same bytes', [data(0, 50), data(10, 50)]],
  ['the end of other bytes', [data(0, 50), data(10, 59)]],
  ['the start of other bytes', [data(0, 50), data(10, 41)]],
  ['bytes that were joined', [data(0, 50), data(10, 60), data(90, 65)]],
  ['bytes that cover others', [data(0, 50), data(100, 0, 200)]],
  ['the start of a chunk', [chunk(0, 50), chunk(10, 50)]],
])('refuses two places of the disk with %s', (_, extents) => {
  expect(() => add(...extents)).toThrow(/^is a damaged qcow2 image: two places of the disk, bytes \d+ and \d+, lie at the same byte \d+ of the file$/);
});
