/** A request in the form in which the SDK makes it, ready to be sent. */
export interface WireRequest {
  readonly protocol?: string;
  readonly hostname: string;
  readonly port?: number;
  readonly method: string;
  /** With escapes. */
  readonly path: string;
  readonly query?: Record<string, string | string[] | null | undefined>;
  readonly headers: Record<string, string>;
  readonly body?: Uint8Array;
}

export interface AnswerHead {
  readonly statusCode: number;
  /** Keyed by lower-case name. */
  readonly headers: Record<string, string>;
}

/** Returns the head of a request as it is sent. */
export function headOf({ method, path, query = {}, headers }: WireRequest): string {
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

/** Escapes text in the way that signatures require. */
export function escapeUri(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Parses the head of an answer. */
export function parseHead(text: string): AnswerHead & { readonly version: string } {
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

export function tooLong(): Error {
  return named('TimeoutError', 'the body is longer than it should be');
}

/** Returns an error with the name of a broken connection or a timeout, so that the request is retried. */
export function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}
