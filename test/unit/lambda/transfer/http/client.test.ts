import { readFileSync } from 'fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'net';
import { createServer as createTlsServer, getCACertificates, setDefaultCACertificates } from 'tls';
import { Wire, type WireRequest } from '../../../../../lambda/transfer/http/client';
import { makeCertificate } from '../../../../harness/certificate';

/** A server that says exactly these bytes, so that answers may be as odd as they like. */
let server: Server;
let wire: Wire;
let connections: number;
let sockets: Set<Socket>;

const request = (more: Partial<WireRequest> = {}): WireRequest => ({
  protocol: 'http:', hostname: '127.0.0.1', port: (server.address() as AddressInfo).port, method: 'GET', path: '/', headers: { host: 'test' }, ...more,
});

/** Calls `answer` with each whole request, and how many there were before. */
async function serve(
  answer: (socket: Socket, head: string, n: number) => void, make: (listener: (socket: Socket) => void) => Server = createServer,
): Promise<void> {
  let requests = 0;
  server = make(socket => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => {});
    let received = '';
    socket.on('data', chunk => {
      received += chunk.toString('latin1');
      for (;;) {
        const end = received.indexOf('\r\n\r\n') + 4;
        const length = Number(/content-length: (\d+)/.exec(received.slice(0, end))?.[1] ?? 0);
        if (end < 4 || received.length < end + length) { return; }
        const head = received.slice(0, end + length);
        received = received.slice(end + length);
        answer(socket, head, requests++);
      }
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
}

/** Byte by byte, or in one piece. */
async function say(socket: Socket, text: string, piece = Infinity): Promise<void> {
  for (let at = 0; at < text.length; at += piece) {
    socket.write(text.slice(at, at + piece), 'latin1');
    if (piece < Infinity) { await new Promise(resolve => setImmediate(resolve)); }
  }
}

/** A busy machine answers within it; the tests of timeouts have shorter ones. */
const LONG = 20_000;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) { await new Promise(resolve => setTimeout(resolve, 5)); }
}

beforeEach(() => {
  connections = 0;
  sockets = new Set();
  wire = new Wire({ connectTimeout: LONG, answerTimeout: LONG, bodyTimeout: LONG });
});

afterEach(async () => {
  wire.close();
  sockets.forEach(socket => socket.destroy());
  await new Promise(resolve => server ? server.close(resolve) : resolve(undefined));
});

test.each([Infinity, 1, 7])('reads a body into its place, and goes on with the same connection (pieces of %s)', async piece => {
  await serve((socket, _, n) => void say(socket, `HTTP/1.1 206 Partial\r\nContent-Length: 10\r\nX-Number: ${n}\r\n\r\n0123456789`, piece));
  for (const n of [0, 1, 2]) {
    const into = Buffer.alloc(12, '-');
    let received = 0;
    const answer = await wire.send(request(), { into: () => into.subarray(1, 11), received: bytes => { received += bytes; } });
    expect(answer).toEqual({ statusCode: 206, headers: { 'content-length': '10', 'x-number': String(n) }, body: Buffer.alloc(0) });
    expect(into.toString()).toBe('-0123456789-');
    expect(received).toBe(10);
  }
  expect(connections).toBe(1);
});

test.each([Infinity, 1, 3])('understands chunks, with extensions and trailers (pieces of %s)', async piece => {
  await serve(socket => void say(socket,
    'HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n00C\r\n, \r\n world!!\r\n0\r\nTrailer: x\r\n\r\n', piece));
  for (let n = 0; n < 2; n++) { expect((await wire.send(request())).body.toString()).toBe('hello, \r\n world!!'); }
  expect(connections).toBe(1);
});

test('sends a body, a query as it is signed, and passes over 100 Continue', async () => {
  let seen = '';
  await serve((socket, head) => {
    seen = head;
    void say(socket, 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n');
  });
  const answer = await wire.send(request({
    method: 'PUT',
    path: '/a%20b',
    query: { versionId: 'x+(y)', acl: null, none: undefined, two: ['1', '2'] },
    headers: { 'host': 'test', 'content-length': '4' },
    body: Buffer.from('body'),
  }));
  expect(answer.statusCode).toBe(201);
  expect(seen).toBe('PUT /a%20b?versionId=x%2B%28y%29&acl&two=1&two=2 HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nbody');
});

test('an answer that ends with the connection is complete, and the next request has another one', async () => {
  await serve(socket => socket.end('HTTP/1.1 200 OK\r\n\r\nall of it'));
  for (let n = 0; n < 2; n++) { expect((await wire.send(request())).body.toString()).toBe('all of it'); }
  expect(connections).toBe(2);
});

test.each([
  ['asks to close', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
  ['sends more than the answer', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok?'],
  ['is HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
])('a connection is not used again if the server %s', async (_, answer) => {
  await serve(socket => void say(socket, answer));
  for (let n = 0; n < 2; n++) { expect((await wire.send(request())).body.toString()).toBe('ok'); }
  expect(connections).toBe(2);
});

test('a connection that the server has closed meanwhile is not used again', async () => {
  await serve(socket => void say(socket, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  await wire.send(request());
  sockets.forEach(socket => socket.end());
  await until(() => [...sockets].every(socket => socket.destroyed));
  expect((await wire.send(request())).body.toString()).toBe('ok');
  expect(connections).toBe(2);
});

test.each([
  ['does not answer', '', 'TimeoutError', 'the server did not answer within 0.1 seconds'],
  ['stalls in the head', 'HTTP/1.1 200 OK\r\nCont', 'TimeoutError', 'the server did not answer within 0.1 seconds'],
  ['stalls in the body', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf', 'TimeoutError', 'the server sent neither the rest of the body nor 262144 bytes of it within 0.1 seconds'],
  ['sends a longer body than fits', 'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n', 'TimeoutError', 'the body is longer than it should be'],
  ['sends more chunks than fit', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n', 'TimeoutError', 'the body is longer than it should be'],
  ['sends no chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n', 'ECONNRESET', 'the answer is not divided into chunks as it says'],
  ['speaks something else', 'SSH-2.0-OpenSSH\r\n\r\n', 'ECONNRESET', 'the answer is not HTTP/1.1'],
])('a request fails, so that it is retried, if the server %s', async (_, answer, name, message) => {
  if (/within/.test(message)) { wire = new Wire({ connectTimeout: LONG, answerTimeout: 100, bodyTimeout: 100 }); }
  await serve(socket => void say(socket, answer));
  await expect(wire.send(request(), { into: () => Buffer.alloc(10) })).rejects.toMatchObject({ name, message });
  await until(() => [...sockets].every(socket => socket.destroyed || socket.readableEnded));
});

test('a request fails, so that it is retried, if the body trickles', async () => {
  wire = new Wire({ connectTimeout: LONG, answerTimeout: LONG, bodyTimeout: 100 });
  await serve(socket => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n');
    const timer = setInterval(() => socket.write('x'), 10);
    socket.once('close', () => clearInterval(timer));
  });
  await expect(wire.send(request(), { into: () => Buffer.alloc(100_000) })).rejects.toMatchObject({ name: 'TimeoutError' });
});

test('a request fails if the connection breaks, and what came until then is counted', async () => {
  await serve(socket => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf', () => setTimeout(() => socket.destroy(), 20)));
  let received = 0;
  await expect(wire.send(request(), { into: () => Buffer.alloc(9), received: bytes => { received += bytes; } }))
    .rejects.toMatchObject({ name: 'ECONNRESET', message: 'the connection was closed before the answer was complete' });
  expect(received).toBe(4);
});

test('a request fails if nobody listens', async () => {
  await serve(() => {});
  const there = request();
  await new Promise(resolve => server.close(resolve));
  await expect(wire.send(there)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('an error of the one who takes the body is the error of the request', async () => {
  await serve(socket => void say(socket, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  await expect(wire.send(request(), { into: () => { throw new Error('not this one'); } })).rejects.toThrow('not this one');
});

test('a line break in a header is refused', async () => {
  await serve(() => {});
  await expect(wire.send(request({ headers: { host: 'a\r\nevil: b' } }))).rejects.toThrow('a request cannot have characters like those in');
});

describe('over TLS', () => {
  const { cert, key } = makeCertificate();
  const tls = (listener: (socket: Socket) => void) => createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, listener);

  test('a server whose certificate nobody vouches for is not spoken to', async () => {
    await serve(socket => void say(socket, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'), tls);
    await expect(wire.send(request({ protocol: 'https:' }))).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  });

  test('bodies of many TLS records go in and out unchanged', async () => {
    wire = new Wire();
    const before = getCACertificates('default');
    setDefaultCACertificates([readFileSync(cert, 'utf8')]);
    try {
      await serve((socket, head) => void say(socket, `HTTP/1.1 200 OK\r\nContent-Length: ${head.length}\r\n\r\n${head}`), tls);
      const body = Buffer.from(Array.from({ length: 300_000 }, (_, i) => Math.floor(i * 7919 / 32)));
      const into = Buffer.alloc(body.length + 1000);
      for (let n = 0; n < 2; n++) {
        let received = 0;
        await wire.send(request({ protocol: 'https:', method: 'PUT', headers: { 'content-length': String(body.length) }, body }), {
          into: () => into, received: bytes => { received += bytes; },
        });
        expect(into.subarray(received - body.length, received).equals(body)).toBe(true);
      }
      expect(connections).toBe(1);
    } finally {
      setDefaultCACertificates(before);
    }
  });
});

describe('an idle connection', () => {
  /** Sends two requests. The second one is sent `milliseconds` after the answer to the first. */
  async function twoRequests(milliseconds: number): Promise<void> {
    let now = 1_000_000;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => now);
    try {
      await serve(socket => void say(socket, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
      for (let n = 0; n < 2; n++) {
        expect((await wire.send(request())).body.toString()).toBe('ok');
        now += milliseconds;
      }
    } finally {
      clock.mockRestore();
    }
  }

  test('is used again within 5 seconds', async () => {
    await twoRequests(4_900);
    expect(connections).toBe(1);
  });

  test.each([5_000, 3_600_000])('is closed, and not used again, after %d ms', async milliseconds => {
    await twoRequests(milliseconds);
    expect(connections).toBe(2);
    await until(() => [...sockets].filter(socket => socket.destroyed || socket.readableEnded).length === 1);
  });

  test('is closed with the client', async () => {
    await twoRequests(0);
    wire.close();
    await until(() => [...sockets].every(socket => socket.destroyed || socket.readableEnded));
  });
});

describe('a request that the server answers before it has read all of it', () => {
  const BODY = Buffer.alloc(32 * 1024 * 1024);

  /** Answers each request after its head. Reads nothing more from a connection whose request has a body. */
  async function answerHeads(status: string): Promise<void> {
    server = createServer(socket => {
      connections++;
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('data', bytes => {
        const head = bytes.toString('latin1');
        if (!/^(GET|PUT) /.test(head)) { return; }
        if (head.startsWith('PUT')) { socket.pause(); }
        socket.write(`HTTP/1.1 ${head.startsWith('PUT') ? status : '200 OK'}\r\nContent-Length: 0\r\n\r\n`);
      });
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  }
  const put = (body: Buffer) => wire.send(request({ method: 'PUT', headers: { 'content-length': String(body.length) }, body }));

  test('is refused, and its connection is not used again', async () => {
    await answerHeads('403 Forbidden');
    expect((await put(BODY)).statusCode).toBe(403);
    expect((await wire.send(request())).statusCode).toBe(200);
    expect(connections).toBe(2);
  });

  test('but a refusal of a request that was sent as a whole leaves the connection usable', async () => {
    await serve((socket, head) => void say(socket, `HTTP/1.1 ${head.startsWith('PUT') ? '403 Forbidden' : '200 OK'}\r\nContent-Length: 0\r\n\r\n`));
    expect((await put(Buffer.alloc(10))).statusCode).toBe(403);
    expect((await wire.send(request())).statusCode).toBe(200);
    expect(connections).toBe(1);
  });
});
