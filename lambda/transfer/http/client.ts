import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** A request as the SDK makes it, ready to be sent. */
export interface WireRequest {
  readonly protocol?: string;
  readonly hostname: string;
  readonly port?: number;
  readonly method: string;
  /** Escaped. */
  readonly path: string;
  readonly query?: Record<string, string | string[] | null | undefined>;
  readonly headers: Record<string, string>;
  readonly body?: Uint8Array;
}

export interface AnswerHead {
  readonly statusCode: number;
  /** By lower-case name. */
  readonly headers: Record<string, string>;
}

export interface Answer extends AnswerHead {
  /** Empty if the body went elsewhere. */
  readonly body: Buffer;
}

export interface SendOptions {
  /** Where the body shall be written to; undefined: into the answer, as befits a short one. What it throws, the request fails with. */
  readonly into?: (head: AnswerHead) => Buffer | undefined;
  /** Called for each piece that was written into it. */
  readonly received?: (bytes: number) => void;
}

export interface WireOptions {
  /** Milliseconds that a connection may take to come about. */
  readonly connectTimeout?: number;
  /** Milliseconds from the request to the head of its answer. */
  readonly answerTimeout?: number;
  /** Milliseconds that a body may pause. */
  readonly bodyTimeout?: number;
}

/** Room for the head of an answer, or for one TLS record. */
const SCRATCH_BYTES = 16 * 1024;
const LONGEST_HEAD = 64 * 1024;
/** Bodies of answers that have no place of their own: errors. */
const LONGEST_BODY = 1024 * 1024;
/** Services close connections that were idle for longer than some seconds; a request on one of those would fail. */
const LONGEST_IDLE = 5_000;

/**
 * A client of HTTP/1.1 for many large bodies, as lean as can be: what arrives
 * is read from the socket into its place, without the fresh buffer per 16 or
 * 64 KiB that costs Node's own clients most of their time. Connections are
 * kept alive. There are as many as requests at once, which is for the caller to limit.
 */
export class Wire {
  private readonly idle = new Map<string, Connection[]>();
  private readonly options: Required<WireOptions>;

  constructor(options: WireOptions = {}) {
    this.options = { connectTimeout: 5_000, answerTimeout: 20_000, bodyTimeout: 20_000, ...options };
  }

  public async send(request: WireRequest, options: SendOptions = {}): Promise<Answer> {
    const origin = `${request.protocol}//${request.hostname}:${request.port}`;
    let connections = this.idle.get(origin);
    if (!connections) { this.idle.set(origin, connections = []); }
    const connection = this.takeIdle(connections) ?? new Connection(request, this.options);
    const answer = await connection.exchange(request, options);
    if (connection.isReusable) { connections.push(connection); }
    return answer;
  }

  /** Closes the connections that are not in use. */
  public close(): void {
    for (const connections of this.idle.values()) { connections.splice(0).forEach(connection => connection.destroy()); }
  }

  /** The one used last, for it lives most probably. */
  private takeIdle(connections: Connection[]): Connection | undefined {
    for (;;) {
      const connection = connections.pop();
      if (!connection || (connection.isReusable && performance.now() - connection.idleSince < LONGEST_IDLE)) { return connection; }
      connection.destroy();
    }
  }
}

type State = 'idle' | 'head' | 'fixed' | 'chunked' | 'until closed' | 'closed';

/** One connection, with one request at a time. */
class Connection {
  public idleSince = 0;
  private readonly socket: Socket;
  private readonly scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  private state: State = 'idle';
  private current!: { readonly options: SendOptions; readonly resolve: (answer: Answer) => void; readonly reject: (error: unknown) => void };
  private timer: NodeJS.Timeout | undefined;
  private head!: AnswerHead;
  private keepAlive = true;
  /** Received, but not yet a whole head, or line between chunks. */
  private pending = Buffer.alloc(0);
  /** Bytes that are still to come of a body of known length, or of a chunk. */
  private left = 0;
  private betweenChunks: 'size' | 'end of chunk' | 'trailer' = 'size';
  /** Where the body goes, and how much of it is there. */
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
        // In one piece, for a write of its own costs more than a copy.
        this.socket.cork();
        this.socket.write(head, 'latin1');
        if (request.body) { this.socket.write(request.body); }
        this.socket.uncork();
      } catch (error) {
        this.fail(error);
      }
    });
  }

  /** Fails the request unless something more happens in time. */
  private allow(milliseconds: number, what: string): void {
    clearTimeout(this.timer);
    if (this.state === 'idle' || this.state === 'closed') { return; }
    this.timer = setTimeout(() => this.fail(named('TimeoutError', `the server ${what} within ${milliseconds / 1000} seconds`)), milliseconds);
  }

  /** Where the next bytes shall be written to. */
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
        case 'fixed': bytes = this.readBody(bytes); if (this.left === 0) { this.finish(bytes.length > 0); } break;
        case 'chunked': bytes = this.readChunks(bytes); break;
        case 'until closed': this.deliver(bytes); return;
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
    // 100 Continue and the like.
    if (head.statusCode >= 200) { this.begin(head, version); }
    return all.subarray(end + 4);
  }

  private begin(head: AnswerHead, version: string): void {
    const { connection = '', 'transfer-encoding': encoding, 'content-length': length } = head.headers;
    if (length !== undefined && !/^\d+$/.test(length)) { throw named('ECONNRESET', `the answer's length is '${length}'`); }
    this.head = head;
    this.keepAlive = version === '1.1' && !/\bclose\b/i.test(connection);
    this.allow(this.options.bodyTimeout, 'sent nothing more');
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

  /** Delivers what is left of a body or chunk; answers with what comes after. */
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
    const rest = all.subarray(end + 2);
    if (this.state === 'idle' && rest.length > 0) { this.destroy(); }
    return rest;
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
    this.timer?.refresh();
    if (this.target) { this.current.options.received?.(bytes); }
  }

  /** The answer is there. `more`: so is something that nobody asked for. */
  private finish(more = false): void {
    clearTimeout(this.timer);
    const { resolve } = this.current;
    this.state = 'idle';
    this.target = undefined;
    // A refusal that came before all of the request was sent leaves the rest of it on its way.
    const halfSent = this.head.statusCode >= 300 && this.socket.writableLength > 0;
    if (!this.keepAlive || more || halfSent) { this.destroy(); }
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

const NOTHING = Buffer.alloc(0);

function headOf({ method, path, query = {}, headers }: WireRequest): string {
  const lines = [`${method} ${path}${queryOf(query)} HTTP/1.1`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)];
  const odd = lines.find(line => /[^\t\x20-\x7e\x80-\xff]/.test(line));
  if (odd !== undefined) { throw new Error(`a request cannot have characters like those in ${JSON.stringify(odd)}`); }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function queryOf(query: NonNullable<WireRequest['query']>): string {
  const pairs = Object.entries(query).flatMap(([name, value]) => value === undefined ? []
    : value === null ? [escapeUri(name)] : [value].flat().map(one => `${escapeUri(name)}=${escapeUri(one)}`));
  return pairs.length > 0 ? `?${pairs.join('&')}` : '';
}

/** As signatures have it. */
export function escapeUri(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

function parseHead(text: string): AnswerHead & { readonly version: string } {
  const [first, ...lines] = text.split('\r\n');
  const [, version, status] = /^HTTP\/(1\.[01]) (\d{3})(?: |$)/.exec(first) ?? [];
  if (status === undefined) { throw named('ECONNRESET', 'the answer is not HTTP/1.1'); }
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1) { throw named('ECONNRESET', 'the answer has a malformed header'); }
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  return { statusCode: Number(status), headers, version };
}

function tooLong(): Error {
  return named('TimeoutError', 'the body is longer than it should be');
}

/** With a name that is retried, for what went wrong on the way may go well the next time. */
function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}
