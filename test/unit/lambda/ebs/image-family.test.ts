import { departureOf } from '../../../../lambda/ebs/image-family';
import type { Image } from '../../../../lambda/ebs/images';
import { MACHINE_IMAGE_TAGS } from '../../../../src/contract/machine-image';
import { OWNERSHIP_TAGS } from '../../../../src/contract/ownership';

const image = (id: string, currentSince: number, { state, retainPrevious = 0 }: { state?: string; retainPrevious?: number } = {}): Image => ({
  id,
  name: id,
  state: 'available',
  description: '',
  registered: {},
  snapshotIds: [],
  made: 0,
  tags: [
    { Key: MACHINE_IMAGE_TAGS.currentSince, Value: `${currentSince}` },
    { Key: MACHINE_IMAGE_TAGS.retainPrevious, Value: `${retainPrevious}` },
    ...state === undefined ? [] : [{ Key: OWNERSHIP_TAGS.state, Value: state }],
  ],
});
const old = image('old', 3);
const kept = [image('kept-2', 2, { state: 'retained' }), image('kept-1', 1, { state: 'retained' })];
const departure = (family: readonly Image[], way: Parameters<typeof departureOf>[2], leaving = old) => {
  const { keep, superfluous } = departureOf(leaving, family, way);
  return { keep, superfluous: superfluous?.map(({ id }) => id) };
};
const replacedBy = (retainPrevious: number) => [image('new', 4, { retainPrevious }), ...kept];

describe('after an update that replaced the image', () => {
  test.each([
    [0, false, ['kept-2', 'kept-1']],
    [1, true, ['kept-2', 'kept-1']],
    [2, true, ['kept-1']],
    [3, true, []],
  ])('with retainPrevious %i: keeps it: %s, and deregisters %j', (retainPrevious, keep, superfluous) => {
    expect(departure(replacedBy(retainPrevious), 'forward')).toEqual({ keep, superfluous });
  });
});

test('the end of the stack deregisters all of them', () => {
  expect(departure(replacedBy(3), 'deletion')).toEqual({ keep: false, superfluous: ['kept-2', 'kept-1'] });
});

test('an image that nothing replaced goes with all that were kept', () => {
  expect(departure(kept, 'deletion')).toEqual({ keep: false, superfluous: ['kept-2', 'kept-1'] });
});

describe('in a rollback', () => {
  test('only the image that the failed update registered goes', () => {
    expect(departure(replacedBy(2), 'back')).toEqual({ keep: false, superfluous: undefined });
  });

  test('an image that the failed update made current again is kept', () => {
    expect(departure(replacedBy(0), 'back', image('old', 3, { state: 'returned' }))).toEqual({ keep: true, superfluous: undefined });
  });
});

describe('if nothing shows what the stack is doing', () => {
  test('the image is kept where images are kept at all, and no other goes', () => {
    expect(departure(replacedBy(1), 'unknown')).toEqual({ keep: true, superfluous: undefined });
  });

  test('it goes where none are kept', () => {
    expect(departure(replacedBy(0), 'unknown')).toEqual({ keep: false, superfluous: undefined });
  });
});
