import { ResourceFailure, type Delivery, type Handler, type Made, type Request } from './handler';
import { scalarsToStrings } from './intrinsics';
import { RequestIds } from './request-ids';
import { ResponseHost } from './response-host';
import type { Properties, Resource, Stack } from './stack';
import type { Clock } from '../emulator/clock';
import type { Latency } from '../emulator/latency';
import type { EmulatorServer } from '../emulator/server';

/** Delivers an event to a function, as `Invoke` with the invocation type `Event`: nobody waits for what it returns. */
export type Deliver = (functionArn: string, event: object) => void;

const MAX_RESPONSE = 4096;
const MAX_PHYSICAL_ID = 1024;
const DEFAULT_TIMEOUT = 3600;
const LATE_SECONDS = 60;
const RESEND_SECONDS = 60;

interface Response {
  readonly Status: string;
  readonly Reason?: string;
  readonly PhysicalResourceId?: string;
  readonly StackId?: string;
  readonly RequestId?: string;
  readonly LogicalResourceId?: string;
  readonly Data?: Record<string, unknown>;
}

interface Event {
  readonly RequestType: 'Create' | 'Update' | 'Delete';
  readonly ServiceToken: string;
  readonly ResponseURL: string;
  readonly StackId: string;
  readonly RequestId: string;
  readonly LogicalResourceId: string;
  readonly PhysicalResourceId?: string;
  readonly ResourceType: string;
  readonly ResourceProperties: Properties;
  readonly OldResourceProperties?: Properties;
}

/** An event before it is sent: each sending has a ResponseURL of its own. */
type Unsent = Omit<Event, 'ResponseURL'>;

/** The custom-resource protocol: sends an event to the function behind the service token, and waits for the answer at the response URL. */
export class CustomResources implements Handler {
  public readonly waits = true;
  public readonly custom = true;
  private readonly responses: ResponseHost;
  private readonly requestIds = new RequestIds();
  /** Create and Update events that are held back until the next event, by stack and logical id. */
  private readonly held = new Map<string, { readonly event: Event; readonly delay: number }>();

  constructor(
    private readonly clock: Clock, server: EmulatorServer, private readonly latency: Latency, private readonly deliver: Deliver,
  ) {
    this.responses = new ResponseHost(clock, server);
  }

  public create(request: Request): Promise<Made> {
    return this.ask(this.event('Create', request), request);
  }

  public async update(request: Request, before: Resource): Promise<Made> {
    if (request.properties.ServiceToken !== before.properties.ServiceToken) { throw new Error('Modifying service token is not allowed.'); }
    return this.ask(this.event('Update', request, before), request);
  }

  public async delete(resource: Resource, stack: Stack, delivery: Delivery): Promise<void> {
    if (resource.physicalId === undefined) { return; }
    const request: Request = { stack, delivery, signal: new AbortController().signal, ...resource };
    await this.ask(this.event('Delete', request, { ...resource, properties: {} }), request);
  }

  private event(type: Event['RequestType'], { stack, logicalId, type: resourceType, properties, delivery }: Request, before?: Resource): Unsent {
    return {
      RequestType: type,
      ServiceToken: properties.ServiceToken,
      StackId: stack.id,
      RequestId: this.requestIds.next(stack, logicalId, type, delivery.reuseRequestIds),
      LogicalResourceId: logicalId,
      ...before ? { PhysicalResourceId: before.physicalId } : {},
      ResourceType: resourceType,
      ResourceProperties: scalarsToStrings(properties) as Properties,
      ...type === 'Update' ? { OldResourceProperties: scalarsToStrings(before!.properties) as Properties } : {},
    };
  }

  private async ask(event: Unsent, request: Request): Promise<Made> {
    const { stack, logicalId, properties, signal } = request;
    const working = this.clock.work();
    const answered = new AbortController();
    // Without an answer, CloudFormation makes up an id: the Delete that follows a cancelled Create carries it.
    const knownAs = event.PhysicalResourceId ?? stack.ids.name(stack.name, logicalId);
    try {
      const body = this.answer(event, request, answered.signal);
      working();
      const seconds = Number(properties.ServiceTimeout ?? DEFAULT_TIMEOUT);
      const timeout = this.clock.sleep(seconds * 1000, answered.signal).then(() => {
        throw new ResourceFailure('CloudFormation did not receive a response from your Custom Resource. '
          + `Please check your logs for requestId [${event.RequestId}].`, knownAs);
      });
      const cancelled = new Promise<never>((_, reject) => {
        const verb = event.RequestType === 'Create' ? 'creation' : 'update';
        const cancel = () => reject(new ResourceFailure(`Resource ${verb} cancelled`, knownAs));
        if (signal.aborted) { return cancel(); }
        signal.addEventListener('abort', cancel, { once: true, signal: answered.signal });
      });
      const answer = await Promise.race([body, timeout, cancelled]);
      if (this.latency.of('response', logicalId) > 0) { await this.latency.pass('response', logicalId); }
      return read(answer, event, knownAs);
    } finally {
      working();
      answered.abort(new Error('answered'));
    }
  }

  /** Sends the event, perhaps twice, and returns the answer to its newest ResponseURL. */
  private answer(event: Unsent, { stack, logicalId, delivery }: Request, answered: AbortSignal): Promise<Buffer> {
    let received: (body: Buffer) => void;
    const answer = new Promise<Buffer>(resolve => { received = resolve; });
    let newest = 0;
    const send = () => {
      const sending = ++newest;
      const ResponseURL = this.responses.presign(stack, logicalId, event.RequestId, body => { if (sending === newest) { received(body); } });
      this.send({ ...event, ResponseURL }, delivery, `${stack.id}/${logicalId}`);
    };
    send();
    if (delivery.resend === logicalId) {
      this.clock.sleep((delivery.resendDelay ?? RESEND_SECONDS) * 1000, answered).then(send).catch(() => {});
    }
    return answer;
  }

  private send(event: Event, delivery: Delivery, key: string): void {
    const { RequestType: type, LogicalResourceId: id, ServiceToken: token } = event;
    const held = this.held.get(key);
    if (!held && (type === 'Create' && delivery.lateCreate === id || type === 'Update' && delivery.lateUpdate === id)) {
      this.held.set(key, { event, delay: (type === 'Create' ? delivery.lateCreateDelay : delivery.lateUpdateDelay) ?? LATE_SECONDS });
      return;
    }
    if (type === 'Delete' && delivery.lateDelete === id) {
      this.deliverLater(event, delivery.lateDeleteDelay ?? LATE_SECONDS);
    } else if (this.latency.of('request', id) > 0) {
      this.latency.pass('request', id).then(() => this.deliver(token, event)).catch(() => {});
    } else {
      this.deliver(token, event);
    }
    if (held) {
      this.held.delete(key);
      this.deliverLater(held.event, held.delay);
    }
    if (delivery.duplicate !== id) { return; }
    if (!delivery.duplicateDelay) { return this.deliver(token, event); }
    this.deliverLater(event, delivery.duplicateDelay);
  }

  /** Lost if the function is gone by then. */
  private deliverLater(event: Event, seconds: number): void {
    this.clock.sleep(seconds * 1000).then(() => this.deliver(event.ServiceToken, event)).catch(() => {});
  }
}

/** What CloudFormation makes of the bytes put at the response URL. */
function read(body: Buffer, event: Unsent, knownAs: string): Made {
  if (body.length > MAX_RESPONSE) { throw new ResourceFailure('Response object is too long.', knownAs); }
  let response: Response;
  try {
    response = JSON.parse(body.toString());
  } catch {
    throw new ResourceFailure('Response object is not valid JSON.', knownAs);
  }
  for (const key of ['StackId', 'RequestId', 'LogicalResourceId'] as const) {
    if (response[key] !== event[key]) { throw new ResourceFailure(`Invalid response object: Value of ${key} does not match the request`, knownAs); }
  }
  const { PhysicalResourceId: id, Data: attributes } = response;
  if (typeof id !== 'string' || id === '' || id.length > MAX_PHYSICAL_ID) {
    throw new ResourceFailure('Invalid PhysicalResourceId', knownAs);
  }
  if (response.Status === 'FAILED') {
    throw new ResourceFailure(`Received response status [FAILED] from custom resource. Message returned: ${response.Reason ?? ''} (RequestId: ${event.RequestId})`, id);
  }
  if (response.Status !== 'SUCCESS') { throw new ResourceFailure(`Invalid response object: Status is ${response.Status}`, knownAs); }
  return { physicalId: id, attributes: attributes ?? {} };
}
