import { randomUUID } from 'crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'http';
import type { AddressInfo, Socket } from 'net';
import type { Clock } from './clock';
import { REGION } from './environment';
import { Faults, type Fault } from './faults';
import { Principal, type Context, type Statement } from './iam';
import { Latency } from './latency';
import { refusal as s3Refusal } from './s3/errors';
import { AccessDenied, ServiceError, type Answer, type Call, type Service } from './service';
import { refuseWrongTime } from './signature-time';

/** One call as it was answered. */
export interface CallRecord {
  readonly operation: string;
  readonly caller: string;
  readonly status: number;
}

/** Where CloudFormation's ResponseURLs are. */
const RESPONSE_BUCKET = `arn:aws:s3:::cloudformation-custom-resource-response-${REGION.replaceAll('-', '')}`;

/** Says nothing if no policy is in the way. */
type EndpointPolicy = (service: string) => Statement[] | undefined;

/** Takes its time to carry requests and answers of a caller. */
export interface Network {
  carry(direction: 'received' | 'sent', bytes: number): Promise<void>;
}

/** How a caller reaches the services. */
export interface Access {
  /** The policies of the endpoints, by service, through which its calls come. */
  readonly endpointPolicy?: EndpointPolicy;
  readonly network?: Network;
  /** The function that runs in the process. */
  readonly functionName?: string;
  /** Says that a request of the process is under way, and returns what says that it is not any longer. */
  readonly waits?: () => () => void;
  /** Ends the process that has these credentials. */
  readonly kill?: () => void;
}

/** An unsigned request, beside its path and body. */
export type Unsigned = Pick<Call, 'method' | 'query' | 'headers'>;

/** Receives the requests below a path. Throws `ServiceError` to refuse one as S3 does. */
type Receiver = (body: Buffer, path: string, request: Unsigned) => void;

/** The time that stands still while a call is answered. */
class Hold {
  private release: (() => void) | undefined;
  private closed = false;

  constructor(private readonly clock: Clock) {}

  public begin(): void {
    this.release?.();
    if (!this.closed) { this.release = this.clock.work(); }
  }

  public end(): void {
    this.release?.();
  }

  /** Nobody waits for the answer any more. */
  public close(): void {
    this.closed = true;
    this.end();
  }
}

/** A request without a socket. */
export interface DirectRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Keyed by lower-case name. */
  readonly headers: IncomingHttpHeaders;
}

type Head = Pick<IncomingMessage, 'method' | 'url' | 'headers'>;

/** A call that is being answered. */
interface Serving {
  readonly accessKeyId: string;
  readonly operation: string;
  readonly hold: Hold;
  readonly fault?: Fault;
}

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/**
 * All services on one loopback port, told apart by what a request is signed
 * for, its caller known by the access key: the SDK needs nothing but
 * AWS_ENDPOINT_URL and credentials.
 */
export class EmulatorServer {
  public static readonly ADMIN: Credentials = { accessKeyId: 'test', secretAccessKey: 'test' };

  public readonly faults = new Faults();
  /** Every answered call, in order. `count` is the convenient way to ask. */
  public readonly calls: CallRecord[] = [];
  /**
   * Milliseconds by which the clocks of all services are ahead of those of their callers. The time of signatures is checked only
   * if this is set, because clients of tests sign with real time.
   */
  public clocksAhead: number | undefined;
  private readonly services = new Map<string, Service>();
  private readonly principals = new Map<string, Principal>([['test', Principal.ADMIN]]);
  private readonly access = new Map<string, Access>();
  private readonly paths = new Map<string, Receiver>();
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  constructor(private readonly clock: Clock, private readonly latency = new Latency(clock)) {
    this.server = createServer((request, response) => void this.receive(request, response));
    this.server.keepAliveTimeout = 0;
    this.server.on('connection', socket => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
  }

  public add(service: Service): void {
    this.services.set(service.signingName, service);
  }

  /** What requests are signed for. */
  public get serviceNames(): string[] {
    return [...this.services.keys()];
  }

  /** Returns credentials that act as this principal. */
  public issue(principal: Principal, access: Access = {}): Credentials {
    const accessKeyId = `ASIA${randomUUID().replace(/-/g, '').slice(0, 16).toUpperCase()}`;
    this.principals.set(accessKeyId, principal);
    this.access.set(accessKeyId, access);
    return { accessKeyId, secretAccessKey: 'secret' };
  }

  /** Receives unsigned requests below a path, as CloudFormation's ResponseURL does. Faults know them by their method, `response:Put` say. */
  public receiveAt(prefix: string, receiver: Receiver): void {
    this.paths.set(prefix, receiver);
  }

  /** How often an operation was called, `efs:CreateFileSystem` say. */
  public count(operation: string): number {
    return this.calls.filter(call => call.operation === operation).length;
  }

  public async listen(): Promise<void> {
    await new Promise<void>(resolve => this.server.listen(0, '127.0.0.1', resolve));
  }

  public get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Throws if a fault that a test planned has not happened. */
  public async close(): Promise<void> {
    const closed = new Promise(resolve => this.server.close(resolve));
    this.sockets.forEach(socket => socket.destroy());
    await closed;
    this.faults.clear();
  }

  private async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A function that waits for another one (Invoke) sleeps as far as the clock is concerned: the runner of the other one counts.
    const signingName = /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\//.exec(request.headers.authorization ?? '')?.[1];
    const hold = new Hold(this.clock);
    const begin = () => { if (signingName !== 'lambda') { hold.begin(); } };
    response.on('close', () => hold.close());
    // A body whose checksum comes behind it is made while it is sent, and may have to wait, for a quota say, until time has gone by.
    const streamed = request.headers['x-amz-trailer'] !== undefined;
    if (!streamed) { begin(); }
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request) { chunks.push(chunk as Buffer); }
      if (streamed) { begin(); }
      await this.answer(signingName, request, Buffer.concat(chunks), response, hold);
    } catch (error) {
      if (!request.destroyed) { console.error('emulator:', error); }
      response.destroy();
    }
  }

  private async answer(
    signingName: string | undefined, request: IncomingMessage, body: Buffer, response: ServerResponse, hold: Hold,
  ): Promise<void> {
    const url = new URL(request.url!, this.url);
    const receiver = [...this.paths].find(([prefix]) => url.pathname.startsWith(prefix))?.[1];
    if (receiver) {
      await this.delay(operationOf(request), String(request.headers['x-emulated-caller']), hold);
      return this.answerUnsigned(receiver, request, url, body, response, hold);
    }

    const service = this.services.get(signingName ?? '');
    if (!service) {
      return this.send(response, { status: 501, body: `no service here is signed for as '${signingName}': ${request.method} ${request.url}` });
    }

    const accessKeyId = /Credential=([^/]+)\//.exec(request.headers.authorization!)![1];
    const caller = this.principals.get(accessKeyId);
    const call = this.call(request, url, body, caller, { allows: this.endpoint(accessKeyId, signingName!), work: this.work(accessKeyId, hold) });
    const operation = operationIn(service, call);
    const fault = this.faults.next(operation);
    if (this.stops(fault, accessKeyId, request, hold)) { return; }
    const answer = await this.serve(service, call, { accessKeyId, operation, hold, fault });
    this.calls.push({ operation, caller: caller?.arn ?? 'unknown', status: answer.status });
    if (this.loses(fault, accessKeyId, request)) { return; }
    await this.carry('received', Buffer.byteLength(answer.body ?? ''), service, accessKeyId, hold);
    this.send(response, answer, fault?.kind === 'truncate');
  }

  /** Answers a request of a simulated process, which has no socket. No fault happens to it, and everything is allowed to it. */
  public async exchange(request: DirectRequest, body: Buffer): Promise<Answer> {
    const url = new URL(request.url, this.url);
    const hold = new Hold(this.clock);
    hold.begin();
    try {
      const receiver = [...this.paths].find(([prefix]) => url.pathname.startsWith(prefix))?.[1];
      if (receiver) {
        await this.delay(operationOf(request), String(request.headers['x-emulated-caller']), hold);
        receiver(body, url.pathname, { method: request.method, query: url.searchParams, headers: request.headers });
        return { status: 200 };
      }
      const [, accessKeyId, signingName] = /Credential=([^/]+)\/\d+\/[^/]+\/([^/]+)\//.exec(request.headers.authorization!)!;
      const service = this.services.get(signingName)!;
      const ways = { allows: this.endpoint(accessKeyId, signingName), work: this.work(accessKeyId, hold) };
      const call = this.call(request, url, body, this.principals.get(accessKeyId), ways);
      const operation = operationIn(service, call);
      const answer = await this.serve(service, { ...call, allows: () => true, authorize: () => {} }, { accessKeyId, operation, hold });
      this.calls.push({ operation, caller: call.caller.arn, status: answer.status });
      await this.carry('received', Buffer.byteLength(answer.body ?? ''), service, accessKeyId, hold);
      return answer;
    } finally {
      hold.end();
    }
  }

  /** Has a service answer a call, after the time that the call takes until then. */
  private async serve(service: Service, call: Call, { accessKeyId, operation, hold, fault }: Serving): Promise<Answer> {
    await this.carry('sent', call.body.length, service, accessKeyId, hold);
    if (service.signingName !== 'lambda') { await this.delay(operation, accessKeyId, hold); }
    try {
      if (!call.caller) { throw new ServiceError('UnrecognizedClientException', 403, 'The security token included in the request is invalid'); }
      if (this.clocksAhead !== undefined) { refuseWrongTime(call.headers['x-amz-date'] as string | undefined, this.now(), service.signingName); }
      if (fault?.kind === 'error') { throw new ServiceError(fault.code, fault.status, fault.message, fault.members); }
      return await service.handle(call);
    } catch (error) {
      if (!(error instanceof ServiceError)) { throw error; }
      return service.refuse(error);
    }
  }

  private async carry(direction: 'received' | 'sent', bytes: number, { signingName }: Service, accessKeyId: string, hold: Hold): Promise<void> {
    const network = this.access.get(accessKeyId)?.network;
    // Lambda's own calls hold no time, and are small.
    if (!network || signingName === 'lambda') { return; }
    hold.end();
    await network.carry(direction, bytes);
    hold.begin();
  }

  /** Lets the time of a function's call go by. */
  private async delay(operation: string, accessKeyId: string, hold: Hold): Promise<void> {
    const { functionName, waits } = this.access.get(accessKeyId) ?? {};
    if (!waits || this.latency.of('call', operation) === 0) { return; }
    hold.end();
    const arrived = waits();
    await this.latency.pass('call', operation, functionName);
    arrived();
    hold.begin();
  }

  private answerUnsigned(receiver: Receiver, request: IncomingMessage, url: URL, body: Buffer, response: ServerResponse, hold: Hold): void {
    const accessKeyId = String(request.headers['x-emulated-caller']);
    const operation = operationOf(request);
    const fault = this.faults.next(operation);
    if (this.stops(fault, accessKeyId, request, hold)) { return; }
    let answer: Answer = { status: 200 };
    try {
      if (fault?.kind === 'error') { throw new ServiceError(fault.code, fault.status, fault.message, fault.members); }
      const passes = this.endpoint(accessKeyId, 's3');
      if (!passes('s3:PutObject', `${RESPONSE_BUCKET}/${url.pathname}`, {})) { throw new ServiceError('AccessDenied', 403, 'Access Denied'); }
      if (request.method === 'HEAD') { throw new ServiceError('AccessDenied', 403, 'Access Denied'); }
      receiver(body, url.pathname, { method: request.method!, query: url.searchParams, headers: request.headers });
    } catch (error) {
      if (!(error instanceof ServiceError)) { throw error; }
      answer = s3Refusal(error);
    }
    this.calls.push({ operation, caller: this.principals.get(accessKeyId)?.arn ?? 'unknown', status: answer.status });
    if (this.loses(fault, accessKeyId, request)) { return; }
    this.send(response, answer, fault?.kind === 'truncate');
  }

  /** Returns true if a fault keeps a request from the service. */
  private stops(fault: Fault | undefined, accessKeyId: string, request: IncomingMessage, hold: Hold): boolean {
    if (fault?.kind === 'stall') {
      hold.end();
      return true;
    }
    const stopped = fault?.kind === 'reset' || this.kills('before', fault, accessKeyId);
    if (stopped) { request.socket.destroy(); }
    return stopped;
  }

  /** Returns true if a fault keeps the answer from the caller. */
  private loses(fault: Fault | undefined, accessKeyId: string, request: IncomingMessage): boolean {
    const lost = fault?.kind === 'lost-answer' || this.kills('after', fault, accessKeyId);
    if (lost) { request.socket.destroy(); }
    return lost;
  }

  private kills(when: 'before' | 'after', fault: Fault | undefined, accessKeyId: string): boolean {
    if (fault?.kind !== 'kill' || fault.when !== when) { return false; }
    this.access.get(accessKeyId)?.kill?.();
    return true;
  }

  /** What the policy of the endpoint says through which the call has come; whatever comes by none is let through. */
  private endpoint(accessKeyId: string, service: string): Principal['allows'] {
    const policy = this.access.get(accessKeyId)?.endpointPolicy?.(service);
    return (...asked) => policy === undefined || new Principal('endpoint', () => policy).allows(...asked);
  }

  /** Lets the time go by in which a service works on a call. */
  private work(accessKeyId: string, hold: Hold): Call['work'] {
    return async milliseconds => {
      hold.end();
      const answered = this.access.get(accessKeyId)?.waits?.();
      await this.clock.sleep(milliseconds);
      answered?.();
      hold.begin();
    };
  }

  private call(
    request: Head, url: URL, body: Buffer, caller: Principal | undefined, { allows: endpoint, work }: Pick<Call, 'allows' | 'work'>,
  ): Call {
    const allows = (action: string, resource: string | string[], given: Context = {}) => {
      const context = { 'aws:SecureTransport': 'true', 'aws:PrincipalArn': caller!.arn, ...given };
      return [resource].flat().every(one => caller!.allows(action, one, context) && endpoint(action, one, context));
    };
    return {
      method: request.method!,
      // A URL would resolve the segments . and .., which may be a part of an object's key.
      path: request.url!.split('?')[0],
      query: url.searchParams,
      headers: request.headers,
      body,
      caller: caller!,
      allows,
      work,
      authorize: (action, resource, context) => {
        const denied = [resource].flat().find(one => !allows(action, one, context));
        if (denied !== undefined) { throw new AccessDenied(caller!.arn, action, denied); }
      },
    };
  }

  private now(): number {
    return this.clock.now() + (this.clocksAhead ?? 0);
  }

  private send(response: ServerResponse, { status, headers = {}, body = '' }: Answer, truncated = false): void {
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body);
    response.sendDate = false;
    response.writeHead(status, {
      'date': new Date(this.now()).toUTCString(),
      'x-amzn-requestid': randomUUID(),
      'content-length': bytes.length,
      ...headers,
    });
    if (truncated) { return void response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy()); }
    response.end(bytes);
  }
}

/** Returns the name by which faults know an unsigned request. */
function operationOf({ method }: Pick<Head, 'method'>): string {
  return `response:${method!.charAt(0)}${method!.slice(1).toLowerCase()}`;
}

/** Returns the name by which faults and latencies know a call: `efs:CreateFileSystem`, say. */
function operationIn(service: Service, call: Call): string {
  return `${service.signingName === 'elasticfilesystem' ? 'efs' : service.signingName}:${service.operation(call)}`;
}
