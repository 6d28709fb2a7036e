/** How the code of a simulated process reaches the services, in place of HTTP. */
export interface Transport {
  send(request: TransportRequest): Promise<TransportAnswer>;
}

export interface TransportRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

export interface TransportAnswer {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
  /** Whether the body is known to be zeros. */
  readonly isZero: boolean;
}

declare global {
  /** Of the process in which the code runs. */
  const transport: Transport;
}
