import { NodeHttpHandler } from '@smithy/node-http-handler';
import { isNamed } from './errors';

type Handle = NodeHttpHandler['handle'];

/** As the SDK's own, but where no connection comes about, the error says to which service, and why that may be. */
export class ConnectionHandler extends NodeHttpHandler {
  public async handle(...[request, options]: Parameters<Handle>): ReturnType<Handle> {
    try {
      return await super.handle(request, options);
    } catch (error) {
      if (!isUnconnected(error)) { throw error; }
      const service = serviceOf(request.headers);
      const message = `no connection to ${service} (${request.hostname}); functions in a VPC need a NAT gateway, or an endpoint of ${service} with private DNS`
        + ' that lets HTTPS in from them: StorageFunctions.addEndpoints makes it';
      throw Object.assign(new Error(message, { cause: error }), { name: 'TimeoutError' });
    }
  }
}

/** Nobody answered, as where no route leads; a service that refuses, or is slow, is another matter. */
function isUnconnected(error: unknown): boolean {
  const { code, syscall = '', message = '' } = error as NodeJS.ErrnoException;
  return ['ETIMEDOUT', 'ENETUNREACH', 'EHOSTUNREACH'].includes(code ?? '') && !['read', 'write'].includes(syscall)
    || isNamed(error, 'TimeoutError') && /establish a connection/.test(message);
}

/** By the name under which endpoints know it: it is in the signature, whatever the host is called. */
function serviceOf(headers: Record<string, string>): string {
  return /Credential=(?:[^/]+\/){3}([^/]+)\//.exec(headers.authorization ?? '')?.[1] ?? 'the service';
}
