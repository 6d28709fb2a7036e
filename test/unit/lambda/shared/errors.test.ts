import { inOneSentence, isNamed, nameOf, saidBy } from '../../../../lambda/shared/errors';

const named = (name: string, message = 'of it') => Object.assign(new Error(message), { name });

describe('the name of an error', () => {
  test.each([
    ['its name', named('AccessDenied'), 'AccessDenied'],
    ["S3's Code if the SDK read no name", Object.assign(named('Unknown'), { Code: 'NoSuchKey' }), 'NoSuchKey'],
    ["EFS's ErrorCode if it is an unnamed error", Object.assign(new Error(''), { ErrorCode: 'FileSystemNotFound' }), 'FileSystemNotFound'],
    ['Error for any other', new Error('x'), 'Error'],
    ['Error for something that is none', {}, 'Error'],
  ])('is %s', (_, error, expected) => {
    expect(nameOf(error)).toBe(expected);
  });

  test('is compared with several', () => {
    expect(isNamed(named('A'), 'B', 'A')).toBe(true);
    expect(isNamed(named('A'), 'B')).toBe(false);
  });

  test('is also that of an error that it wraps', () => {
    const wrapped = new Error('listing failed', { cause: new Error('page 2', { cause: named('A') }) });
    expect(isNamed(wrapped, 'A')).toBe(true);
    expect(isNamed(wrapped, 'B')).toBe(false);
    expect(saidBy(wrapped)).toBe('listing failed');
  });

  test('is found although the error wraps itself', () => {
    const error = named('A');
    Object.assign(error, { cause: error });
    expect(isNamed(error, 'B')).toBe(false);
  });
});

test('an error is quoted with its name, unless the name is Error', () => {
  expect(saidBy(named('AccessDenied', 'no'))).toBe('AccessDenied: no');
  expect(saidBy(new Error('no'))).toBe('no');
  expect(saidBy(named('Timeout', ''))).toBe('Timeout: Timeout');
});

describe('the error for CloudFormation', () => {
  test('has no stack trace, which would take the room of the message', () => {
    expect(inOneSentence(new Error('no')).stack).toBe('no');
  });

  test('has at most 900 characters', () => {
    expect(inOneSentence(new Error('x'.repeat(900))).message).toBe('x'.repeat(900));
    expect(inOneSentence(new Error('x'.repeat(901))).message).toBe(`${'x'.repeat(899)}…`);
  });
});
