import { boolean, flag, integer, number, within } from '../../../../lambda/shared/property-values';

test.each([[true, true], ['true', true], [false, false], ['false', false]])('reads the boolean %p', (value, expected) => {
  expect(boolean('encrypted', value)).toBe(expected);
});

test.each(['yes', '', 'TRUE', '1'])('refuses %p as a boolean, and names the prop', value => {
  expect(() => boolean('encrypted', value)).toThrow(`'encrypted' must be true or false, got ${value}`);
});

test.each([[true, true], ['true', true], ['false', false], [undefined, false]])('reads the flag %p', (value, expected) => {
  expect(flag(value)).toBe(expected);
});

test.each([['1.5', 1.5], [0, 0], ['-3', -3]])('reads the number %p', (value, expected) => {
  expect(number('iops', value)).toBe(expected);
});

test.each(['', ' ', 'many', 'Infinity', NaN])('refuses %p as a number, and names the prop', value => {
  expect(() => number('iops', value)).toThrow(`'iops' must be a number, got ${value}`);
});

test.each(['1.5', '9007199254740993'])('refuses %p as a whole number, and names the prop', value => {
  expect(() => integer('volumeSize', value)).toThrow(`'volumeSize' must be a whole number, got ${value}`);
});

test('reads a whole number within its limits, both included', () => {
  expect([within('maxConcurrency', '1', 1, 1000), within('maxConcurrency', 1000, 1, 1000)]).toEqual([1, 1000]);
});

test.each(['0', '1001'])('refuses %p beyond its limits, and names the prop and both limits', value => {
  expect(() => within('maxConcurrency', value, 1, 1000)).toThrow(`'maxConcurrency' must be a whole number from 1 to 1000, got ${value}`);
});
