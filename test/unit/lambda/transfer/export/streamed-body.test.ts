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

test.each([
  ['a line and large blocks', [161, 524_288, 524_288]],
  ['nothing but small ones', Array<number>(3_000).fill(320)],
  ['small ones between large ones', [65_536, 1, 4_100, 524_320, 8_191, 511]],
  ['empty ones', [0, 5, 0]],
])('sends every piece but the last with what S3 takes as a chunk: %s', async (_, sizes) => {
  const made = sizes.map((size, i) => Buffer.alloc(size, i));
  async function* making(): AsyncGenerator<Buffer> { yield* made; }
  const sent: Buffer[] = [];
  await sendStreamed(making, async stream => {
    for await (const piece of stream) { sent.push(piece as Buffer); }
  });
  expect(Buffer.concat(sent).equals(Buffer.concat(made))).toBe(true);
  expect(sent.slice(0, -1).filter(piece => piece.length < 8_192)).toEqual([]);
});

test('makes no more pieces than S3 takes', async () => {
  let made = 0;
  async function* endless(): AsyncGenerator<Buffer> {
    for (;; made++) { yield Buffer.alloc(1_024); }
  }
  await sendStreamed(endless, async stream => {
    stream.read();
    await new Promise(resolve => setImmediate(resolve));
  });
  expect(made).toBeLessThan(300);
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
