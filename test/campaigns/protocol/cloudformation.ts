import { Cloud, STACK } from './cloud';
import type { Properties } from './thing';
import type { CloudFormationEvent } from '../../../lambda/shared/answering/cloudformation-event';

/** How CloudFormation sees the end of a request. */
export interface Answered { readonly status: 'SUCCESS' | 'FAILED' | 'no answer' | 'cancelled'; readonly physicalId?: string }

const SERVICE_TIMEOUT = 3_600;
export const INVENTED_ID = 'App-Thing-1ABCDEFGH2IJK';

/** CloudFormation with one resource in one stack. */
export class CloudFormation {
  /** Faults that were found while the story went on. */
  public readonly faults: string[] = [];
  private urls = 0;
  private readonly waiting = new Map<string, (answered: Answered) => void>();

  constructor(public readonly cloud: Cloud) {
    cloud.answered = (url, { Status, PhysicalResourceId }) => {
      this.waiting.get(url)?.({ status: Status as 'SUCCESS' | 'FAILED', physicalId: PhysicalResourceId });
    };
  }

  public pause(seconds: number): Promise<void> {
    return new Promise(resolve => { this.cloud.time.after(seconds, resolve); });
  }

  /** Shows statuses of the resource and its stack. */
  public show(resource: string | undefined, stack: string): void {
    this.cloud.resource.set(resource);
    this.cloud.stack.set(stack);
  }

  /** Sends a request, and waits for its answer, or until it is cancelled. */
  public async request(
    type: CloudFormationEvent['RequestType'], requestId: string, event: Pick<CloudFormationEvent, 'PhysicalResourceId' | 'OldResourceProperties'> & { properties: Properties },
    cancelledAfter = Infinity,
  ): Promise<Answered> {
    const { time } = this.cloud;
    const { properties, ...ids } = event;
    const ResponseURL = `https://host/?X-Amz-Date=${new Date(time.now).toISOString().replace(/[-:]|\.\d+/g, '')}&X-Amz-Signature=${++this.urls}`;
    this.deliverInTime({
      RequestType: type,
      ResponseURL,
      StackId: STACK,
      RequestId: requestId,
      ResourceType: 'Custom::Thing',
      LogicalResourceId: 'Thing',
      ResourceProperties: { ServiceToken: 'function', ...properties },
      ...ids,
    });
    const answered = await new Promise<Answered>(resolve => {
      this.waiting.set(ResponseURL, resolve);
      time.after(SERVICE_TIMEOUT, () => resolve({ status: 'no answer' }));
      if (cancelledAfter < Infinity) { time.after(cancelledAfter, () => resolve({ status: 'cancelled' })); }
    });
    this.waiting.delete(ResponseURL);
    if (answered.status === 'no answer' && this.cloud.lost === undefined) { this.faults.push(`nobody answers ${type} ${requestId}`); }
    return answered;
  }

  /** Deletes a thing; with the same request again if that fails, as CloudFormation may. */
  public async delete(requestId: string, properties: Properties, PhysicalResourceId: string): Promise<boolean> {
    for (let tries = 1; tries <= 2; tries++) {
      const { status, physicalId } = await this.request('Delete', requestId, { properties, PhysicalResourceId });
      if (status !== 'no answer' && physicalId !== PhysicalResourceId) { this.faults.push(`the deletion answered with ${physicalId}`); }
      if (status === 'SUCCESS') { return true; }
      if (status === 'FAILED' && !this.cloud.stopped && this.cloud.lost === undefined) { this.faults.push(`Delete ${requestId} failed`); }
    }
    return false;
  }

  /** Lambda delivers an event at least once, at any time while it is not too old. */
  private deliverInTime(event: CloudFormationEvent): void {
    const { time, choices } = this.cloud;
    const sent = time.now;
    const name = `${event.RequestType} ${event.RequestId}`;
    const first = choices.pick(`${name} arrives after seconds`, [0.2, 8, 100, 250, 3_000]);
    const second = choices.pick(`${name} arrives again after seconds`, [Infinity, 1, 100, 400, 3_500]);
    for (const seconds of [first, second]) {
      if (seconds < Infinity) { time.after(seconds, () => void this.cloud.deliver(event, name, sent)); }
    }
  }
}
