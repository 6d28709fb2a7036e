import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SECRET, STACK, givenEvent } from './given';
import { bodyOf, put } from '../../../../../lambda/shared/answering/response';

// The response host is a local server, which speaks HTTP and does not let a test wait for ten seconds.
jest.mock('node:https', () => ({
  request: (url: string, options: object, listener: any) => jest.requireActual('node:http').request(url, { ...options, timeout: 100 }, listener),
}));

const LONGEST = 4_096;
const bytes = (text: string) => Buffer.byteLength(text);
const parsed = (body: string) => JSON.parse(body);
/** Ids as long as CloudFormation makes or takes them. */
const LONG_EVENT = givenEvent('Update', { StackId: STACK.replace('App', 'a'.repeat(128)), LogicalResourceId: 'L'.repeat(255) });
const LONG_ID = 'p'.repeat(1_024);

describe('the body', () => {
  test('of a success has the ids of the event and the attributes', () => {
    const { StackId, RequestId, LogicalResourceId } = givenEvent('Create');
    expect(parsed(bodyOf(givenEvent('Create'), { physicalId: 'thing-1', attributes: { Id: 'thing-1' } }))).toEqual({
      Status: 'SUCCESS', PhysicalResourceId: 'thing-1', StackId, RequestId, LogicalResourceId, Data: { Id: 'thing-1' },
    });
  });

  test('of a failure has the reason and no attributes', () => {
    const { StackId, RequestId, LogicalResourceId } = givenEvent('Create');
    expect(parsed(bodyOf(givenEvent('Create'), { physicalId: 'thing-1', reason: 'no', attributes: { Id: 'thing-1' } }))).toEqual({
      Status: 'FAILED', Reason: 'no', PhysicalResourceId: 'thing-1', StackId, RequestId, LogicalResourceId,
    });
  });

  test('may take 4,096 bytes; with one more it is a failure that names the number', () => {
    const empty = bytes(bodyOf(givenEvent('Create'), { physicalId: 'thing-1', attributes: { A: '' } }));
    const fits = bodyOf(givenEvent('Create'), { physicalId: 'thing-1', attributes: { A: 'x'.repeat(LONGEST - empty) } });
    expect([bytes(fits), parsed(fits).Status]).toEqual([LONGEST, 'SUCCESS']);
    const tooLong = bodyOf(givenEvent('Create'), { physicalId: 'thing-1', attributes: { A: 'x'.repeat(LONGEST - empty + 1) } });
    expect(parsed(tooLong)).toMatchObject({
      Status: 'FAILED', PhysicalResourceId: 'thing-1', Reason: 'the attributes of thing-1 take 4097 bytes, and CloudFormation reads at most 4096',
    });
  });

  test.each([
    ['letters', 'x'], ['characters of several bytes', '€😀'], ['quotes and backslashes', '"\\'], ['lines', 'a\n'], ['control characters', '\u001b\u0000'],
  ])('of a failure fits beside the longest ids, whatever the reason is made of: %s', (_, part) => {
    const body = bodyOf(LONG_EVENT, { physicalId: LONG_ID, reason: part.repeat(5_000) });
    expect(bytes(body)).toBeLessThanOrEqual(LONGEST);
    expect(parsed(body)).toMatchObject({ Status: 'FAILED', PhysicalResourceId: LONG_ID });
  });

  test('of attributes that are too long fits beside the longest ids', () => {
    expect(bytes(bodyOf(LONG_EVENT, { physicalId: LONG_ID, attributes: { A: 'x'.repeat(5_000) } }))).toBeLessThanOrEqual(LONGEST);
  });

  test.each([0, 1, 2, 3])('cuts a reason at a whole character: %d bytes further', shift => {
    const reason = 'x'.repeat(shift) + '😀'.repeat(1_000);
    const { Reason } = parsed(bodyOf(givenEvent('Create'), { physicalId: 'thing-1', reason }));
    expect(Reason).toMatch(/^x*(😀)+…$/u);
    expect(Reason.length).toBeLessThan(reason.length);
  });

  test('keeps a reason of a thousand bytes whole', () => {
    const reason = 'x'.repeat(1_000);
    expect(parsed(bodyOf(givenEvent('Create'), { physicalId: 'thing-1', reason })).Reason).toBe(reason);
  });

  test('does not contain the response URL', () => {
    expect(bodyOf(givenEvent('Create'), { physicalId: 'thing-1', reason: 'no' })).not.toContain(SECRET);
  });
});

describe('putting a body', () => {
  let server: Server;
  let requests: { method?: string; contentType?: string; body: string }[];
  const given = (listener: RequestListener) => new Promise<string>(resolve => {
    requests = [];
    server = createServer((request, response) => {
      let body = '';
      request.on('data', chunk => { body += chunk; }).on('end', () => {
        requests.push({ method: request.method, contentType: request.headers['content-type'], body });
        listener(request, response);
      });
    }).listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}/path?X-Amz-Signature=${SECRET}`));
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });
  const answer = (status: number, text = ''): RequestListener => (_, response) => { response.writeHead(status).end(text); };
  const failureOf = (url: string) => put(url, 'body').then(() => { throw new Error('it succeeded'); }, (error: Error) => {
    expect(`${error.stack} ${JSON.stringify(error)}`).not.toContain(SECRET);
    return error.message;
  });

  test.each([200, 204])('succeeds with status %d; S3 gets the body without a content type, which the signature does not have', async status => {
    await put(await given(answer(status)), '{"Status":"SUCCESS €"}');
    expect(requests).toEqual([{ method: 'PUT', contentType: '', body: '{"Status":"SUCCESS €"}' }]);
  });

  test('succeeds if the URL has expired, because CloudFormation does not wait then', async () => {
    await put(await given(answer(403, '<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>')), 'body');
  });

  test.each([
    [403, 'SignatureDoesNotMatch'], [403, 'AccessDenied'], [503, 'SlowDown'], [400, 'RequestTimeout'],
  ])('fails with status %d and code %s, and nothing else of the answer, which may hold a part of the URL', async (status, code) => {
    const text = `<Error><Code>${code}</Code><StringToSign>secret</StringToSign></Error>`;
    expect(await failureOf(await given(answer(status, text)))).toBe(`CloudFormation's response URL answered with status ${status}, ${code}`);
  });

  test('fails without a code', async () => {
    expect(await failureOf(await given(answer(307)))).toBe('CloudFormation\'s response URL answered with status 307, no code');
  });

  test('fails if the host does not answer', async () => {
    expect(await failureOf(await given(() => {}))).toBe('CloudFormation\'s response host did not answer for 10 seconds');
  });

  test('fails if the connection breaks before the answer', async () => {
    expect(await failureOf(await given(request => { request.socket.destroy(); }))).toMatch(/socket hang up|ECONNRESET/);
  });

  test('fails if the connection breaks in the answer', async () => {
    const url = await given((request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('part');
      setTimeout(() => request.socket.destroy(), 20);
    });
    expect(await failureOf(url)).toMatch(/aborted|ECONNRESET/);
  });

  test('fails if nobody listens', async () => {
    const url = await given(answer(200));
    await new Promise(resolve => { server.close(resolve); });
    expect(await failureOf(url)).toContain('ECONNREFUSED');
  });
});
