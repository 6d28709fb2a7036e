import type { Readable } from 'stream';
import { sendStreamed } from '../../../../../lambda/transfer/export/streamed-body';

const pieces = ['one', 'two', 'three'].map(text => Buffer.from(text));

async function* body(): AsyncGenerator<Buffer> { yield* pieces; }

async function read(stream: Readable): Promise<string> {
  let text = '';
  for await (const piece of stream) { text += String(piece); }
  return text;
}

/** Takes nothing of the body, and rejects when it is aborted, as the SDK does. */
const stall = (_: Readable, abort: AbortSignal) => new Promise<never>((_resolve, reject) => {
  abort.addEventListener('abort', () => reject(new Error('aborted')));
});

afterEach(() => { jest.useRealTimers(); });

test('sends all pieces, and returns the answer', async () => {
  expect(await sendStreamed(body, read)).toBe('onetwothree');
});

test('throws the error of the body, not that of the aborted request', async () => {
  async function* broken(): AsyncGenerator<Buffer> {
    yield pieces[0];
    throw new Error('EBS refused the block');
  }
  await expect(sendStreamed(broken, async (stream, abort) => {
    stream.resume();
    return stall(stream, abort);
  })).rejects.toThrow('EBS refused the block');
});

test('throws the error of the request if the body is whole', async () => {
  await expect(sendStreamed(body, async () => { throw new Error('S3 refused'); })).rejects.toThrow('S3 refused');
});

test('aborts a request of which S3 takes nothing for 20 seconds', async () => {
  jest.useFakeTimers();
  const sent = sendStreamed(body, async (stream, abort) => {
    stream.read();
    return stall(stream, abort);
  });
  let error: unknown;
  sent.catch(thrown => { error = thrown; });
  await jest.advanceTimersByTimeAsync(19_999);
  expect(error).toBeUndefined();
  await jest.advanceTimersByTimeAsync(1);
  expect(error).toMatchObject({ name: 'TimeoutError', message: 'S3 does not take the body' });
});

test('waits for as long as a piece takes to be made', async () => {
  jest.useFakeTimers();
  async function* slow(): AsyncGenerator<Buffer> {
    yield pieces[0];
    await new Promise(resolve => setTimeout(resolve, 60_000));
    yield pieces[1];
  }
  const sent = sendStreamed(slow, (stream, abort) => Promise.race([read(stream), stall(stream, abort)]));
  await jest.advanceTimersByTimeAsync(61_000);
  expect(await sent).toBe('onetwo');
});
