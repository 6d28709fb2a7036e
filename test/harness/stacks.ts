import { ServiceError, type Answer, type Call, type Service } from '../../world/emulator/service';

/** What DescribeStacks and DescribeStackResources say of stacks, as the test decides. */
export class Stacks implements Service {
  public readonly signingName = 'cloudformation';
  public readonly statuses = new Map<string, string>();
  /** By physical id. */
  public readonly resources = new Map<string, { stackId: string; logicalId: string; type: string }>();
  public broken = false;
  public disableRollback = false;
  /** The type of the latest operation. */
  public latestOperation: string | undefined;

  public operation(call: Call): string {
    return new URLSearchParams(call.body.toString()).get('Action')!;
  }

  public async handle(call: Call): Promise<Answer> {
    if (this.broken) { throw new ServiceError('AccessDenied', 403, 'not authorized'); }
    const asked = new URLSearchParams(call.body.toString());
    if (this.operation(call) === 'DescribeStackResources') { return this.resourceAnswer(asked.get('PhysicalResourceId')!); }
    const id = asked.get('StackName')!;
    const status = this.statuses.get(id);
    if (!status) { throw new ServiceError('ValidationError', 400, `Stack with id ${id} does not exist`); }
    return {
      status: 200,
      headers: { 'content-type': 'text/xml' },
      body: `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackId>${id}</StackId><StackName>Stack</StackName>`
        + `<CreationTime>2026-01-01T00:00:00Z</CreationTime><StackStatus>${status}</StackStatus>`
        + `<DisableRollback>${this.disableRollback}</DisableRollback>${this.latestOperation ? `<LastOperations><member><OperationType>${this.latestOperation}</OperationType></member></LastOperations>` : ''}</member></Stacks>`
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
    return {
      status: 200,
      headers: { 'content-type': 'text/xml' },
      body: '<DescribeStackResourcesResponse><DescribeStackResourcesResult><StackResources><member>'
        + `<StackId>${found.stackId}</StackId><LogicalResourceId>${found.logicalId}</LogicalResourceId><ResourceType>${found.type}</ResourceType>`
        + `<PhysicalResourceId>${physicalId}</PhysicalResourceId><ResourceStatus>CREATE_COMPLETE</ResourceStatus>`
        + '<Timestamp>2026-01-01T00:00:00Z</Timestamp></member></StackResources></DescribeStackResourcesResult></DescribeStackResourcesResponse>',
    };
  }
}
