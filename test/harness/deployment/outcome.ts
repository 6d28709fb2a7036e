import type { StackEvent, StackOutcome } from '../../../world/cloudformation';

/** How a deployment ended, by the paths of constructs. */
export class Outcome {
  constructor(private readonly stack: StackOutcome, private readonly logicalId: (path: string) => string) {}

  public get stackId(): string { return this.stack.stackId; }
  public get status(): string { return this.stack.status; }
  /** Why it was rolled back. */
  public get reason(): string { return this.stack.reason ?? ''; }
  public get outputs(): Record<string, string> { return this.stack.outputs; }
  public get events(): StackEvent[] { return this.stack.events; }

  /** What `Ref` gives. */
  public id(path: string): string {
    return this.stack.resources[this.logicalId(path)].physicalId;
  }

  public attribute(path: string, name: string): unknown {
    return this.stack.resources[this.logicalId(path)].attributes[name];
  }

  /** Physical ids of all resources of a type. */
  public idsOf(type: string): string[] {
    return Object.values(this.stack.resources).filter(resource => resource.type === type).map(({ physicalId }) => physicalId);
  }

  /** Why resources failed: theirs, not the stack's words; those that were only cancelled say nothing. */
  public get failures(): string[] {
    return this.events
      .filter(({ status, type, reason = '' }) => status.endsWith('_FAILED') && type !== 'AWS::CloudFormation::Stack' && !/cancelled$/.test(reason))
      .map(({ logicalId, reason }) => `${logicalId}: ${reason}`);
  }

  /** The status is this one, and nothing failed on the way. */
  public expectSuccess(status: string): this {
    expect({ status: this.status, failures: this.failures }).toEqual({ status, failures: [] });
    return this;
  }

  /** Ended so, and nothing failed but what the test told to. */
  public expectRolledBack(status = 'UPDATE_ROLLBACK_COMPLETE'): this {
    return this.expectSuccess(status);
  }

  /** Ended so, because something failed that tells this. */
  public expectFailure(status: string, message: RegExp | string): this {
    expect({ status: this.status, failures: this.failures.join('\n') }).toEqual({
      status, failures: typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
    });
    return this;
  }
}
