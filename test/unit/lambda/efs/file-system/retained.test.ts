import { fileSystem } from './given';
import { isTakenUpAgain } from '../../../../../lambda/efs/file-system/retained';
import type { Direction } from '../../../../../lambda/shared/direction';
import { contextWith } from '../../given';

describe('an update comes back to an earlier file system', () => {
  const isMarked = (direction: Direction, tags = {}, physicalId = 'fs-2') =>
    isTakenUpAgain(fileSystem({ requestId: 'earlier', ...tags }), contextWith(direction, { physicalId }));

  test('by the user: CloudFormation has retained it, so it is marked', async () => {
    expect(await isMarked('forward')).toBe(true);
  });

  test('by a rollback, which only takes back the latest operation', async () => {
    expect(await isMarked('back')).toBe(false);
  });

  test('and CloudFormation does not say why: it is marked', async () => {
    expect(await isMarked('unknown')).toBe(true);
  });

  test('which CloudFormation still has, because the replacement failed without a rollback', async () => {
    expect(await isMarked('forward', {}, 'fs-1')).toBe(false);
    expect(await isMarked('forward', {}, 'fs-2')).toBe(true);
  });

  test('that this request made, or has a state already', async () => {
    expect(await isMarked('forward', { requestId: 'request' })).toBe(false);
    expect(await isMarked('forward', { state: 'creating' })).toBe(false);
  });
});
