import { CONTEXT, fileSystem, stacks } from './given';
import { dataIn, refuseDataLoss } from '../../../../../lambda/efs/file-system/deletion-blockers';

const holding = (Value: number | undefined) => fileSystem({}, { SizeInBytes: Value === undefined ? undefined : { Value } });

test.each([[undefined, 0], [0, 0], [6_144, 0], [6_145, 6_145], [1e12, 1e12]])('a file system metered at %d bytes holds %d', (metered, data) => {
  expect(dataIn(holding(metered))).toBe(data);
});

describe('a file system with RETAIN is', () => {
  test('deleted by a rollback, if it is empty', async () => {
    await refuseDataLoss(holding(6_144), CONTEXT, stacks(true));
  });

  test.each([
    ['by a rollback, if it holds data', 6_145, true],
    ['by anything else, also if it is empty', 6_144, false],
    ['if CloudFormation does not say whether it rolls back', 6_144, 'unknown'],
  ] as const)('not deleted %s', async (_name, bytes, rollingBack) => {
    await expect(refuseDataLoss(holding(bytes), CONTEXT, stacks(rollingBack))).rejects.toThrow("fs-1 was not deleted because its 'removalPolicy' is RETAIN");
  });
});
