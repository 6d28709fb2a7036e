import { ServiceError, type Answer, type Call, type Service } from '../../world/emulator/service';

interface Remembered {
  readonly stackId: string;
  readonly logicalId: string;
  readonly type: string;
  readonly physicalId: string;
}

/** What DescribeStacks and DescribeStackResources say of stacks, as the test decides. */
export class Stacks implements Service {
  public readonly signingName = 'cloudformation';
  public readonly statuses = new Map<string, string>();
  /** Told instead of the status, as from before the operation. */
  public stale: { readonly status: string; readonly isOver: () => boolean } | undefined;
  /** By physical id. */
  public readonly resources = new Map<string, { stackId: string; logicalId: string; type: string }>();
  /** What CloudFormation remembers of resources, also of those that stacks have no longer. */
  public readonly remembered: Remembered[] = [];
  public broken = false;
  public disableRollback = false;
  /** Updates of resources that failed, by the logical id and the time in milliseconds since 1970. */
  public readonly failedUpdates: { readonly logicalId: string; readonly at: number }[] = [];
  /** When the latest operation began, in milliseconds since 1970. */
  public begun = Date.parse('2026-01-01T00:00:00Z');
  /** The type of the latest operation. */
  public latestOperation: string | undefined;

  public operation(call: Call): string {
    return new URLSearchParams(call.body.toString()).get('Action')!;
  }

  public async handle(call: Call): Promise<Answer> {
    if (this.broken) { throw new ServiceError('AccessDenied', 403, 'not authorized'); }
    const asked = new URLSearchParams(call.body.toString());
    const id = asked.get('StackName')!;
    switch (this.operation(call)) {
      case 'DescribeStackResources': return id === null ? this.resourceAnswer(asked.get('PhysicalResourceId')!) : this.rememberedAnswer(asked);
      case 'DescribeStackResource': return this.detailAnswer(asked);
      case 'DescribeStackEvents': return this.eventsAnswer(id);
    }
    const status = this.stale && !this.stale.isOver() ? this.stale.status : this.statuses.get(id);
    if (!status) { throw new ServiceError('ValidationError', 400, `Stack with id ${id} does not exist`); }
    return {
      status: 200,
      headers: { 'content-type': 'text/xml' },
      body: `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackId>${id}</StackId><StackName>Stack</StackName>`
        + `<CreationTime>${new Date(this.begun).toISOString()}</CreationTime><StackStatus>${status}</StackStatus>`
        + `<DisableRollback>${this.disableRollback}</DisableRollback>`
        + (this.latestOperation ? `<LastOperations><member><OperationType>${this.latestOperation}</OperationType></member></LastOperations>` : '')
        + '</member></Stacks>'
        + '</DescribeStacksResult></DescribeStacksResponse>',
    };
  }

  public refuse({ code, status, message }: ServiceError): Answer {
    return {
      status,
      headers: { 'content-type': 'text/xml' },
      body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code === 'ThrottlingException' ? 'Throttling' : code}</Code>`
        + `<Message>${message}</Message></Error></ErrorResponse>`,
    };
  }

  private resourceAnswer(physicalId: string): Answer {
    const found = this.resources.get(physicalId);
    if (!found) { throw new ServiceError('ValidationError', 400, `Stack for ${physicalId} does not exist`); }
    return xml('DescribeStackResources', resourcesXml([{ ...found, physicalId }]));
  }

  private detailAnswer(asked: URLSearchParams): Answer {
    const [stackId, logicalId] = [asked.get('StackName'), asked.get('LogicalResourceId')];
    const [physicalId] = [...this.resources].find(([, held]) => held.stackId === stackId && held.logicalId === logicalId) ?? [];
    if (physicalId === undefined) { throw new ServiceError('ValidationError', 400, `Resource ${logicalId} does not exist for stack ${stackId}`); }
    return xml('DescribeStackResource', `<StackResourceDetail><StackId>${stackId}</StackId><LogicalResourceId>${logicalId}</LogicalResourceId>`
      + `<PhysicalResourceId>${physicalId}</PhysicalResourceId><ResourceStatus>CREATE_COMPLETE</ResourceStatus></StackResourceDetail>`);
  }

  private eventsAnswer(stackId: string): Answer {
    const events = [...this.failedUpdates].reverse().map(({ logicalId, at }, position) =>
      `<member><StackId>${stackId}</StackId><StackName>Stack</StackName><EventId>${position}</EventId><LogicalResourceId>${logicalId}</LogicalResourceId>`
      + `<ResourceStatus>UPDATE_FAILED</ResourceStatus><Timestamp>${new Date(at).toISOString()}</Timestamp></member>`);
    return xml('DescribeStackEvents', `<StackEvents>${events.join('')}</StackEvents>`);
  }

  private rememberedAnswer(asked: URLSearchParams): Answer {
    const found = this.remembered.filter(one => one.stackId === asked.get('StackName') && one.logicalId === asked.get('LogicalResourceId'));
    const isHeld = ({ stackId, logicalId, physicalId }: Remembered) =>
      this.resources.get(physicalId)?.stackId === stackId && this.resources.get(physicalId)?.logicalId === logicalId;
    return xml('DescribeStackResources', resourcesXml(found.map(one => ({ ...one, status: isHeld(one) ? 'CREATE_COMPLETE' : 'DELETE_SKIPPED' }))));
  }
}

function resourcesXml(resources: readonly (Remembered & { status?: string })[]): string {
  return `<StackResources>${resources.map(({ stackId, logicalId, type, physicalId, status = 'CREATE_COMPLETE' }) =>
    `<member><StackId>${stackId}</StackId><LogicalResourceId>${logicalId}</LogicalResourceId><ResourceType>${type}</ResourceType>`
    + `<PhysicalResourceId>${physicalId}</PhysicalResourceId><ResourceStatus>${status}</ResourceStatus>`
    + '<Timestamp>2026-01-01T00:00:00Z</Timestamp></member>').join('')}</StackResources>`;
}

function xml(action: string, result: string): Answer {
  return {
    status: 200,
    headers: { 'content-type': 'text/xml' },
    body: `<${action}Response><${action}Result>${result}</${action}Result></${action}Response>`,
  };
}
