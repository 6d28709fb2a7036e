import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands on loopback before somebody else's emulator, whose answers it passes on, or puts right. */
export abstract class Proxy {
  private readonly server: Server = createServer((incoming, response) => {
    void this.receive(incoming, response).catch(() => response.destroy());
  });

  public get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  public async listen(): Promise<this> {
    await new Promise<void>(resolve => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  public async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise(resolve => this.server.close(resolve));
  }

  protected abstract forward(incoming: IncomingMessage, body: Buffer, response: ServerResponse): Promise<void>;

  private async receive(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.forward(incoming, await bodyOf(incoming), response);
  }
}

export async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) { chunks.push(chunk as Buffer); }
  return Buffer.concat(chunks);
}
