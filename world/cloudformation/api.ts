import { randomUUID } from 'crypto';
import type { Resource, Stack, StackEvent } from './stack';
import type { Clock } from '../emulator/clock';
import { ACCOUNT, PARTITION, REGION } from '../emulator/environment';
import { AccessDenied, ServiceError, type Answer, type Call } from '../emulator/service';

const ANY_STACK = `arn:${PARTITION}:cloudformation:${REGION}:${ACCOUNT}:stack/*/*`;

/** CloudFormation lists as many at once. */
const RESOURCES_PER_PAGE = 100;

/** The time for which CloudFormation remembers deleted stacks. */
const REMEMBERED = 90 * 24 * 3600_000;
const EVENTS_PER_PAGE = 100;

/** The part of the CloudFormation API that handlers ask about their own stack. */
export class StackApi {
  constructor(private readonly clock: Clock, private readonly allStacks: () => Stack[]) {}

  public operation(call: Call): string {
    return parameters(call).get('Action') ?? '';
  }

  public handle(call: Call): Answer {
    const asked = parameters(call);
    switch (this.operation(call)) {
      case 'DescribeStacks': return answer('DescribeStacks', `<Stacks>${this.describeStacks(call, asked).map(stackXml).join('')}</Stacks>`);
      case 'DescribeStackResource': return answer('DescribeStackResource', this.describeResource(call, asked));
      case 'ListStackResources': return answer('ListStackResources', this.listResources(call, asked));
      case 'DescribeStackResources': return answer('DescribeStackResources', this.describeResources(call, asked));
      case 'DescribeStackEvents': return answer('DescribeStackEvents', this.describeEvents(call, asked));
      default: throw new ServiceError('InvalidAction', 400, `the emulated CloudFormation does not know ${this.operation(call)}`);
    }
  }

  public refuse(error: ServiceError): Answer {
    const [code, status] = error instanceof AccessDenied ? ['AccessDenied', 403]
      : error.code === 'ThrottlingException' ? ['Throttling', 400] : [error.code, error.status];
    return {
      status: status as number,
      headers: { 'content-type': 'text/xml' },
      body: `<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>${(status as number) < 500 ? 'Sender' : 'Receiver'}</Type>`
        + tag('Code', code) + tag('Message', error.message) + `</Error>${tag('RequestId', randomUUID())}</ErrorResponse>`,
    };
  }

  private describeStacks(call: Call, asked: URLSearchParams): Stack[] {
    const name = asked.get('StackName');
    if (name === null) {
      call.authorize('cloudformation:DescribeStacks', ANY_STACK);
      return this.stacks.filter(stack => stack.status !== 'DELETE_COMPLETE');
    }
    return [this.find(call, 'cloudformation:DescribeStacks', name)];
  }

  private describeResources(call: Call, asked: URLSearchParams): string {
    const [name, physicalId, logicalId] = ['StackName', 'PhysicalResourceId', 'LogicalResourceId'].map(key => asked.get(key));
    if ((name === null) === (physicalId === null)) {
      throw new ServiceError('ValidationError', 400, 'Either StackName or PhysicalResourceId must be specified, not both');
    }
    let stack: Stack | undefined;
    if (name !== null) {
      stack = this.find(call, 'cloudformation:DescribeStackResources', name);
    } else {
      stack = this.stacks.find(({ resources }) => [...resources.values()].some(resource => resource.physicalId === physicalId));
      call.authorize('cloudformation:DescribeStackResources', stack?.id ?? ANY_STACK);
      if (!stack) { throw new ServiceError('ValidationError', 400, `Stack for ${physicalId} does not exist`); }
    }
    const listed = name === null ? [...stack.resources.values()] : stack.listed;
    const resources = listed.filter(resource => logicalId === null || resource.logicalId === logicalId);
    return `<StackResources>${resources.flatMap(resource => {
      const shown = stack.shownStatusOf(resource);
      return shown ? [`<member>${resourceXml(stack, resource, shown)}</member>`] : [];
    }).join('')}</StackResources>`;
  }

  /** In pages, unlike DescribeStackResources. */
  private listResources(call: Call, asked: URLSearchParams): string {
    const stack = this.find(call, 'cloudformation:ListStackResources', asked.get('StackName') ?? '');
    const begin = Number(asked.get('NextToken') ?? 0);
    const members = stack.listed.flatMap(resource => {
      const shown = stack.shownStatusOf(resource);
      return shown ? [`<member>${resourceXml(stack, resource, shown, 'LastUpdatedTimestamp')}</member>`] : [];
    });
    const end = begin + RESOURCES_PER_PAGE;
    return `<StackResourceSummaries>${members.slice(begin, end).join('')}</StackResourceSummaries>`
      + tag('NextToken', end < members.length ? end : undefined);
  }

  private describeResource(call: Call, asked: URLSearchParams): string {
    const [name, logicalId] = [asked.get('StackName') ?? '', asked.get('LogicalResourceId') ?? ''];
    const stack = this.find(call, 'cloudformation:DescribeStackResource', name, `Stack '${name}' does not exist`);
    const resource = stack.listed.find(one => one.logicalId === logicalId);
    const shown = resource && stack.shownStatusOf(resource);
    if (!shown) { throw new ServiceError('ValidationError', 400, `Resource ${logicalId} does not exist for stack ${stack.name}`); }
    return `<StackResourceDetail>${resourceXml(stack, resource, shown, 'LastUpdatedTimestamp')}</StackResourceDetail>`;
  }

  /** The latest come first. */
  private describeEvents(call: Call, asked: URLSearchParams): string {
    const stack = this.find(call, 'cloudformation:DescribeStackEvents', asked.get('StackName') ?? '');
    const start = Number(asked.get('NextToken') ?? 0);
    const all = stack.events.filter(({ timestamp }) => this.clock.now() - timestamp < REMEMBERED).reverse();
    const end = start + EVENTS_PER_PAGE;
    return list('StackEvents', all.slice(start, end).map((event, position) => eventXml(stack, event, start + position)))
      + tag('NextToken', end < all.length ? end : undefined);
  }

  /** Finds a stack by name only while it is not deleted, and by id until CloudFormation forgets it. */
  private find(call: Call, action: string, name: string, missing = `Stack with id ${name} does not exist`): Stack {
    const stack = this.stacks.find(({ id, name: own, status }) => id === name || own === name && status !== 'DELETE_COMPLETE');
    call.authorize(action, stack?.id ?? (name.startsWith('arn:') ? name : ANY_STACK.replace('*', name)));
    if (!stack) { throw new ServiceError('ValidationError', 400, missing); }
    return stack;
  }

  private get stacks(): Stack[] {
    return this.allStacks().filter(({ deleted }) => deleted === undefined || this.clock.now() - deleted < REMEMBERED);
  }
}

function parameters(call: Call): URLSearchParams {
  return new URLSearchParams(call.body.toString());
}

function answer(action: string, result: string): Answer {
  return {
    status: 200,
    headers: { 'content-type': 'text/xml' },
    body: `<${action}Response xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><${action}Result>${result}</${action}Result>`
      + `<ResponseMetadata>${tag('RequestId', randomUUID())}</ResponseMetadata></${action}Response>`,
  };
}

function stackXml(stack: Stack): string {
  const shown = stack.shownStatus;
  const parameters_ = Object.entries(stack.template?.parameters ?? {});
  return '<member>' + [
    tag('StackId', stack.id),
    tag('StackName', stack.name),
    tag('StackStatus', shown.status),
    tag('StackStatusReason', shown.reason),
    tag('CreationTime', iso(stack.created)),
    tag('LastUpdatedTime', iso(stack.updated)),
    tag('DeletionTime', iso(stack.deleted)),
    tag('DisableRollback', stack.disableRollback),
    `<DeploymentConfig>${tag('Mode', stack.express ? 'EXPRESS' : 'STANDARD')}${tag('DisableRollback', stack.disableRollback)}</DeploymentConfig>`,
    list('LastOperations', stack.operations.map(({ type, id }) => tag('OperationType', type) + tag('OperationId', id))),
    tag('ParentId', stack.parent?.id),
    tag('RootId', rootOf(stack)),
    list('Parameters', parameters_.map(([key, value]) => tag('ParameterKey', key) + tag('ParameterValue', String(value)))),
    list('Outputs', Object.entries(stack.outputs).map(([key, { value, description, exportName }]) =>
      tag('OutputKey', key) + tag('OutputValue', value) + tag('Description', description) + tag('ExportName', exportName))),
    list('Tags', Object.entries(stack.tags).map(([key, value]) => tag('Key', key) + tag('Value', value))),
  ].join('') + '</member>';
}

function resourceXml(stack: Stack, resource: Resource, shown: { status: string; reason?: string }, timestamp = 'Timestamp'): string {
  return [
    tag('StackId', stack.id),
    tag('StackName', stack.name),
    tag('LogicalResourceId', resource.logicalId),
    tag('PhysicalResourceId', resource.physicalId),
    tag('ResourceType', resource.type),
    tag('ResourceStatus', shown.status),
    tag('ResourceStatusReason', shown.reason),
    tag(timestamp, iso(stack.updated ?? stack.created)),
  ].join('');
}

function eventXml(stack: Stack, { timestamp, logicalId, type, status, physicalId, reason }: StackEvent, position: number): string {
  return [
    tag('EventId', `${logicalId}-${position}`),
    tag('StackId', stack.id),
    tag('StackName', stack.name),
    tag('LogicalResourceId', logicalId),
    tag('PhysicalResourceId', physicalId ?? ''),
    tag('ResourceType', type),
    tag('Timestamp', iso(timestamp)),
    tag('ResourceStatus', status),
    tag('ResourceStatusReason', reason),
  ].join('');
}

function rootOf(stack: Stack): string | undefined {
  let root = stack.parent;
  while (root?.parent) { root = root.parent; }
  return root?.id;
}

function list(name: string, members: string[]): string {
  return `<${name}>${members.map(member => `<member>${member}</member>`).join('')}</${name}>`;
}

function tag(name: string, value: unknown): string {
  if (value === undefined) { return ''; }
  return `<${name}>${String(value).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')}</${name}>`;
}

function iso(time: number | undefined): string | undefined {
  return time === undefined ? undefined : new Date(time).toISOString();
}
