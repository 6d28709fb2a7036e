import type { Answer, SendOptions } from '../../../lambda/transfer/http/http-connection';
import { headOf, type WireRequest } from '../../../lambda/transfer/http/message';

const NOTHING = Buffer.alloc(0);
/** Buffers in which there are zeros already. Writing more of them would take a tenth of the time. */
const zeros = new WeakSet<ArrayBufferLike>();

/** Takes the place of the connection over which the transfer functions move blocks. */
export class HttpConnection {
  public readonly idleSince = Infinity;
  public readonly isReusable = true;

  public async exchange(request: WireRequest, { into, received }: SendOptions): Promise<Answer> {
    const { method, headers, body } = request;
    const [, url] = headOf({ ...request, headers: {} }).split(' ');
    const answer = await transport.send({ method, url, headers, body: body ? Buffer.from(body.buffer, body.byteOffset, body.length) : NOTHING });
    const target = into?.(answer);
    if (!target) { return answer; }
    if (!answer.isZero || !zeros.has(target.buffer)) { answer.body.copy(target); }
    // Only whole buffers count, because others share theirs.
    if (answer.isZero && target.length === target.buffer.byteLength) { zeros.add(target.buffer); } else { zeros.delete(target.buffer); }
    received?.(answer.body.length);
    return { ...answer, body: NOTHING };
  }

  public destroy(): void {}
}
