import { fileSystem } from './given';
import { dataIn } from '../../../../../lambda/efs/file-system/deletion-blockers';

const holding = (Value: number | undefined) => fileSystem({}, { SizeInBytes: Value === undefined ? undefined : { Value } });

test.each([[undefined, 0], [0, 0], [6_144, 0], [6_145, 6_145], [1e12, 1e12]])('a file system metered at %d bytes holds %d', (metered, data) => {
  expect(dataIn(holding(metered))).toBe(data);
});
