import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { headOf, named, parseHead, tooLong, type AnswerHead, type WireRequest } from './message';

export interface Answer extends AnswerHead {
  /** Empty if the body was written into a buffer of the caller. */
  readonly body: Buffer;
}

export interface SendOptions {
  /** Returns the buffer for the body, or undefined to get a short body with the answer. The request fails with the error that it throws. */
  readonly into?: (head: AnswerHead) => Buffer | undefined;
  /** Called for each piece that was written into the buffer. */
  readonly received?: (bytes: number) => void;
}

export interface WireOptions {
  /** Limit for making a connection, in milliseconds. */
  readonly connectTimeout?: number;
  /** Limit for the time from the request to the head of its answer, in milliseconds. */
  readonly answerTimeout?: number;
  /** Limit for the time that `LEAST_PER_TIMEOUT` bytes of a body take, or its rest, in milliseconds. */
  readonly bodyTimeout?: number;
}

/** Room for the head of an answer, or for one TLS record. */
const SCRATCH_BYTES = 16 * 1024;
const LONGEST_HEAD = 64 * 1024;
/** Limit for a body without a buffer of the caller: those of errors. */
const LONGEST_BODY = 1024 * 1024;
/** 13 KB a second, within the 20 seconds that are usual. */
const LEAST_PER_TIMEOUT = 256 * 1024;
const NOTHING = Buffer.alloc(0);

type State = 'idle' | 'head' | 'fixed' | 'chunked' | 'until closed' | 'closed';

/** One connection, which serves one request at a time. */
export class HttpConnection {
  /** Time of the last answer, as `performance.now()` returns it. */
  public idleSince = 0;
  private readonly socket: Socket;
  private readonly scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  private state: State = 'idle';
  private current!: { readonly options: SendOptions; readonly resolve: (answer: Answer) => void; readonly reject: (error: unknown) => void };
  private timer: NodeJS.Timeout | undefined;
  private sinceRefresh = 0;
  private head!: AnswerHead;
  private keepAlive = true;
  /** Received bytes of a head, or of a line between chunks, that is not complete yet. */
  private pending = Buffer.alloc(0);
  /** Bytes that are still missing of a body of known length, or of a chunk. */
  private left = 0;
  private betweenChunks: 'size' | 'end of chunk' | 'trailer' = 'size';
  /** The caller's buffer for the body, and the number of bytes received. */
  private target: Buffer | undefined;
  private filled = 0;
  private collected: Buffer[] = [];

  constructor({ protocol, hostname, port }: WireRequest, private readonly options: Required<WireOptions>) {
    const secure = protocol !== 'http:';
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    const to = {
      host,
      port: port ?? (secure ? 443 : 80),
      onread: { buffer: () => this.room(), callback: (bytes: number, buffer: Uint8Array) => this.receive(bytes, buffer) },
    };
    this.socket = secure
      ? connectTls({ ...to, ALPNProtocols: ['http/1.1'], ...(isIP(host) === 0 && { servername: host }) })
      : connectTcp(to);
    this.socket.setNoDelay(true);
    this.socket.once(secure ? 'secureConnect' : 'connect', () => this.allow(this.options.answerTimeout, 'did not answer'));
    this.socket.on('error', error => this.fail(error));
    this.socket.on('close', () => {
      if (this.state === 'until closed') { return this.finish(); }
      this.fail(named('ECONNRESET', 'the connection was closed before the answer was complete'));
    });
  }

  /** Whether another request may be sent. */
  public get isReusable(): boolean {
    return this.state === 'idle' && !this.socket.destroyed && !this.socket.readableEnded && this.socket.writable;
  }

  public destroy(): void {
    this.state = 'closed';
    clearTimeout(this.timer);
    this.socket.destroy();
  }

  public exchange(request: WireRequest, options: SendOptions): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.current = { options, resolve, reject };
      this.state = 'head';
      this.target = undefined;
      this.filled = 0;
      this.collected = [];
      this.socket.ref();
      if (this.socket.connecting) {
        this.allow(this.options.connectTimeout, 'could not be reached');
      } else {
        this.allow(this.options.answerTimeout, 'did not answer');
      }
      try {
        const head = headOf(request);
        // Write head and body together, because a second write costs more than a copy.
        this.socket.cork();
        this.socket.write(head, 'latin1');
        if (request.body) { this.socket.write(request.body); }
        this.socket.uncork();
      } catch (error) {
        this.fail(error);
      }
    });
  }

  /** Fails the request if nothing more happens within a time. */
  private allow(milliseconds: number, what: string): void {
    clearTimeout(this.timer);
    if (this.state === 'idle' || this.state === 'closed') { return; }
    this.timer = setTimeout(() => this.fail(named('TimeoutError', `the server ${what} within ${milliseconds / 1000} seconds`)), milliseconds);
  }

  /** Returns the buffer for the next bytes of the socket. */
  private room(): Buffer {
    return this.state === 'fixed' && this.target && this.left > 0 ? this.target.subarray(this.filled, this.filled + this.left) : this.scratch;
  }

  private receive(count: number, buffer: Uint8Array): boolean {
    try {
      if (buffer === this.scratch) {
        this.read(this.scratch.subarray(0, count));
      } else if (this.state === 'fixed') {
        this.took(count);
        this.left -= count;
        if (this.left === 0) { this.finish(); }
      }
    } catch (error) {
      this.fail(error);
    }
    return true;
  }

  private read(bytes: Buffer): void {
    while (bytes.length > 0) {
      switch (this.state) {
        case 'head': bytes = this.readHead(bytes); break;
        case 'fixed': bytes = this.readBody(bytes); if (this.left === 0) { this.finish(); } break;
        case 'chunked': bytes = this.readChunks(bytes); break;
        case 'until closed': this.deliver(bytes); return;
        // The server sends more than was requested: the next answer would be mistaken.
        case 'idle': this.destroy(); return;
        case 'closed': return;
      }
    }
  }

  private readHead(bytes: Buffer): Buffer {
    const all = this.pending.length > 0 ? Buffer.concat([this.pending, bytes]) : bytes;
    const end = all.indexOf('\r\n\r\n');
    if (end < 0) {
      if (all.length > LONGEST_HEAD) { throw named('ECONNRESET', `the head of the answer is longer than ${LONGEST_HEAD} bytes`); }
      this.pending = Buffer.from(all);
      return NOTHING;
    }
    this.pending = NOTHING;
    const { version, ...head } = parseHead(all.toString('latin1', 0, end));
    // Skip interim answers such as 100 Continue.
    if (head.statusCode >= 200) { this.begin(head, version); }
    return all.subarray(end + 4);
  }

  private begin(head: AnswerHead, version: string): void {
    const { connection = '', 'transfer-encoding': encoding, 'content-length': length } = head.headers;
    if (length !== undefined && !/^\d+$/.test(length)) { throw named('ECONNRESET', `the answer's length is '${length}'`); }
    this.head = head;
    this.keepAlive = version === '1.1' && !/\bclose\b/i.test(connection);
    this.sinceRefresh = 0;
    this.allow(this.options.bodyTimeout, `sent neither the rest of the body nor ${LEAST_PER_TIMEOUT} bytes of it`);
    this.target = this.current.options.into?.(head);
    if (head.statusCode === 204 || head.statusCode === 304 || (Number(length) === 0 && encoding === undefined)) { return this.finish(); }
    if (encoding !== undefined) {
      if (encoding.toLowerCase() !== 'chunked') { throw new Error(`the answer's encoding is ${encoding}`); }
      this.state = 'chunked';
      this.betweenChunks = 'size';
      this.left = 0;
    } else if (length !== undefined) {
      this.state = 'fixed';
      this.left = Number(length);
      if (this.target && this.left > this.target.length) { throw tooLong(); }
    } else {
      this.state = 'until closed';
      this.keepAlive = false;
    }
  }

  /** Delivers the missing bytes of a body or chunk. Returns the bytes behind them. */
  private readBody(bytes: Buffer): Buffer {
    const part = bytes.subarray(0, this.left);
    this.left -= part.length;
    this.deliver(part);
    return bytes.subarray(part.length);
  }

  private readChunks(bytes: Buffer): Buffer {
    if (this.left > 0) { return this.readBody(bytes); }
    const all = this.pending.length > 0 ? Buffer.concat([this.pending, bytes]) : bytes;
    const end = all.indexOf('\r\n');
    if (end < 0) {
      if (all.length > LONGEST_HEAD) { throw named('ECONNRESET', 'the answer is not divided into chunks as it says'); }
      this.pending = Buffer.from(all);
      return NOTHING;
    }
    this.pending = NOTHING;
    this.endLine(all.toString('latin1', 0, end));
    return all.subarray(end + 2);
  }

  private endLine(line: string): void {
    switch (this.betweenChunks) {
      case 'size': {
        const size = /^([0-9a-f]{1,12})[ \t]*(;.*)?$/i.exec(line)?.[1];
        if (size === undefined) { throw named('ECONNRESET', 'the answer is not divided into chunks as it says'); }
        this.left = parseInt(size, 16);
        this.betweenChunks = this.left === 0 ? 'trailer' : 'end of chunk';
        break;
      }
      case 'end of chunk': {
        if (line !== '') { throw named('ECONNRESET', 'the answer is not divided into chunks as it says'); }
        this.betweenChunks = 'size';
        break;
      }
      case 'trailer': if (line === '') { this.finish(); }
    }
  }

  private deliver(bytes: Buffer): void {
    if (this.filled + bytes.length > (this.target?.length ?? LONGEST_BODY)) { throw tooLong(); }
    if (this.target) { bytes.copy(this.target, this.filled); } else { this.collected.push(Buffer.from(bytes)); }
    this.took(bytes.length);
  }

  private took(bytes: number): void {
    this.filled += bytes;
    this.sinceRefresh += bytes;
    // A body that trickles is given up too, because a new connection may be faster.
    if (this.sinceRefresh >= LEAST_PER_TIMEOUT) {
      this.sinceRefresh = 0;
      this.timer?.refresh();
    }
    if (this.target) { this.current.options.received?.(bytes); }
  }

  /** Resolves the request with its answer. */
  private finish(): void {
    clearTimeout(this.timer);
    const { resolve } = this.current;
    this.state = 'idle';
    this.target = undefined;
    // If the server refused the request before all of it was sent, the server may never read the rest.
    const halfSent = this.head.statusCode >= 300 && this.socket.writableLength > 0;
    if (!this.keepAlive || halfSent) { this.destroy(); }
    this.idleSince = performance.now();
    // An idle connection keeps no process alive.
    this.socket.unref();
    resolve({ ...this.head, body: Buffer.concat(this.collected) });
  }

  private fail(error: unknown): void {
    const failed = this.state !== 'idle' && this.state !== 'closed';
    this.destroy();
    if (failed) { this.current.reject(error); }
  }
}
