import { Readable } from 'node:stream';
import { headOf, type WireRequest } from '../../../lambda/transfer/http/message';

export { streamCollector } from '@smithy/node-http-handler';

/** Takes the place of the SDK's NodeHttpHandler. */
export class NodeHttpHandler {
  public static create(given?: object): object {
    return given !== undefined && 'handle' in given ? given : new NodeHttpHandler();
  }

  public readonly metadata = { handlerProtocol: 'http/1.1' };

  public async handle({ body, ...request }: Omit<WireRequest, 'body'> & { readonly body?: string | Uint8Array }): Promise<{ response: object }> {
    if (body instanceof Readable) { throw new Error('the simulation sends no streams'); }
    const { headers } = request;
    const [, url] = headOf({ ...request, headers: {} }).split(' ');
    const answer = await transport.send({ method: request.method, url, headers, body: Buffer.from(body ?? '') });
    return { response: { ...answer, body: Readable.from(answer.body.length > 0 ? [answer.body] : []) } };
  }

  public httpHandlerConfigs(): object {
    return {};
  }

  public updateHttpClientConfig(): void {}

  public destroy(): void {}
}
