import { once, variable } from '../../../../lambda/shared/environment';
import { TRANSFER_ENVIRONMENT } from '../../../../src/contract/transfer';

const before = { ...process.env };
afterEach(() => { process.env = { ...before }; });

test('reads a variable that the constructs set, and names one that is missing or empty', () => {
  process.env[TRANSFER_ENVIRONMENT.bucket] = 'transfers';
  expect(variable('bucket')).toBe('transfers');
  process.env[TRANSFER_ENVIRONMENT.bucket] = '';
  expect(() => variable('bucket')).toThrow('environment variable TRANSFER_BUCKET is not set');
  delete process.env[TRANSFER_ENVIRONMENT.bucket];
  expect(() => variable('bucket')).toThrow('environment variable TRANSFER_BUCKET is not set');
});

test('makes something once, even if that is undefined, and again after a failure', () => {
  const make = jest.fn();
  const made = once(make);
  made();
  made();
  expect(make).toHaveBeenCalledTimes(1);
  const failing = once(make);
  make.mockImplementationOnce(() => { throw new Error('not yet'); });
  expect(() => failing()).toThrow('not yet');
  expect(() => failing()).not.toThrow();
});
