import { SECRET, SENT, SIGNED, givenEvent, url } from './given';
import { callOf, executionName, failedCallOf, failedId } from '../../../../../lambda/shared/answering/call';

const RECEIVED = SENT + 5_000;
const call = (more: Parameters<typeof givenEvent>[1] = {}) => callOf(givenEvent('Create', more), RECEIVED);

describe('the id of a call', () => {
  test('is the same if Lambda delivers the event again, at any time', () => {
    expect(callOf(givenEvent('Create'), RECEIVED + 600_000).id).toBe(call().id);
  });

  test('is another one if CloudFormation sends the request again, which it does with another response URL', () => {
    expect(call({ ResponseURL: SIGNED.replace(SECRET, 'f'.repeat(16)) }).id).not.toBe(call().id);
  });

  test('is another one for another request', () => {
    expect(call({ RequestId: 'c6d1f3a2-0000-4000-8000-000000000002' }).id).not.toBe(call().id);
  });

  test('does not contain the response URL, and fits into the name of an execution beside the request', () => {
    expect(call().id).toMatch(/^[0-9a-f]{16}$/);
    const name = executionName(givenEvent('Create'), call());
    expect(name).toBe(`c6d1f3a2-0000-4000-8000-000000000001-${call().id}`);
    expect(name.length).toBeLessThanOrEqual(80);
  });
});

describe('when a call was sent', () => {
  test.each([
    ['the date of the signature', SIGNED, SENT],
    ['the end of an older signature, less its two hours', url(`AWSAccessKeyId=AKIA&Expires=${SENT / 1000 + 7_200}&Signature=${SECRET}`), SENT],
    ['the reception, if the URL has no date', url(`Signature=${SECRET}`), RECEIVED],
    ['the reception, if the date cannot be read', url('X-Amz-Date=yesterday'), RECEIVED],
    ['the reception, if the end cannot be read', url('Expires=soon'), RECEIVED],
  ])('is %s', (_, ResponseURL, sent) => {
    expect(call({ ResponseURL }).sent).toBe(sent);
  });
});

describe('the deadline', () => {
  test.each([[undefined, 3_480], ['3600', 3_480], ['300', 180]])('leaves one step before CloudFormation stops waiting: ServiceTimeout %s', (ServiceTimeout, seconds) => {
    expect(call({ ResourceProperties: { ServiceToken: 'f', ...(ServiceTimeout && { ServiceTimeout }) } }).deadline).toBe(SENT + 1000 * seconds);
  });
});

test('the physical id of a failed creation names its call', () => {
  expect(failedCallOf(failedId(call()))).toBe(call().id);
  expect(failedCallOf('Stack-Thing-1ABCDEFGH2IJK')).toBeUndefined();
  expect(failedCallOf('fs-0123')).toBeUndefined();
});
