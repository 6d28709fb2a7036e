import { HttpConnection, type Answer, type SendOptions, type WireOptions } from './http-connection';
import type { WireRequest } from './message';

export type { Answer, SendOptions, WireOptions } from './http-connection';
export type { AnswerHead, WireRequest } from './message';

/** Services close connections that were idle for more than some seconds, and a request on such a connection would fail. In milliseconds. */
const LONGEST_IDLE = 5_000;

/**
 * A lean client of HTTP/1.1 for many large bodies. The socket writes into the caller's buffer, without the new buffer per 16 or 64 KiB that
 * costs Node's own clients most of their time. Connections are kept alive and used again. Each concurrent request has a connection of its
 * own, so the caller limits their number.
 */
export class Wire {
  private readonly idle = new Map<string, HttpConnection[]>();
  private readonly options: Required<WireOptions>;

  constructor(options: WireOptions = {}) {
    this.options = { connectTimeout: 5_000, answerTimeout: 20_000, bodyTimeout: 20_000, ...options };
  }

  public async send(request: WireRequest, options: SendOptions = {}): Promise<Answer> {
    const origin = `${request.protocol}//${request.hostname}:${request.port}`;
    let connections = this.idle.get(origin);
    if (!connections) { this.idle.set(origin, connections = []); }
    const connection = this.takeIdle(connections) ?? new HttpConnection(request, this.options);
    const answer = await connection.exchange(request, options);
    if (connection.isReusable) { connections.push(connection); }
    return answer;
  }

  /** Closes the connections that are not in use. */
  public close(): void {
    for (const connections of this.idle.values()) { connections.splice(0).forEach(connection => connection.destroy()); }
  }

  /** Returns the connection that was used last, because the server most probably still keeps it. */
  private takeIdle(connections: HttpConnection[]): HttpConnection | undefined {
    for (;;) {
      const connection = connections.pop();
      if (!connection || (connection.isReusable && performance.now() - connection.idleSince < LONGEST_IDLE)) { return connection; }
      connection.destroy();
    }
  }
}
