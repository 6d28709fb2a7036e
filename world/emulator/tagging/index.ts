import type { Clock } from '../clock';
import { ServiceError, type Answer, type Call, type Service } from '../service';

export interface TaggingOptions {
  /** Seconds until the index knows of a resource that was just made. @default 0 */
  readonly delaySeconds?: number;
  /** Resources of one page. @default 100, the service's most */
  readonly pageSize?: number;
}

/** What has tags. */
export interface TaggedResource {
  readonly arn: string;
  readonly tags: Record<string, string>;
  readonly createdAt: Date;
}

interface Filter {
  readonly Key: string;
  readonly Values?: readonly string[];
}

interface Request {
  readonly TagFilters?: readonly Filter[];
  readonly ResourceTypeFilters?: readonly string[];
  readonly ResourcesPerPage?: number;
  readonly PaginationToken?: string;
}

const MOST_FILTERS = 50;

/** The Resource Groups Tagging API: an index of tagged resources that lags behind the services. */
export class Tagging implements Service {
  public readonly signingName = 'tagging';

  constructor(
    private readonly clock: Clock, private readonly resources: () => readonly TaggedResource[], private readonly options: TaggingOptions = {},
  ) {}

  public operation(call: Call): string {
    return String(call.headers['x-amz-target'] ?? '').split('.').pop()!;
  }

  public async handle(call: Call): Promise<Answer> {
    if (this.operation(call) !== 'GetResources') {
      throw new ServiceError('UnknownOperationException', 400, `the emulated tagging API does not know ${this.operation(call)}`);
    }
    call.authorize('tag:GetResources', '*');
    return json(200, this.getResources(JSON.parse(call.body.toString() || '{}') as Request));
  }

  public refuse({ code, status, message }: ServiceError): Answer {
    return json(code === 'ThrottlingException' ? 400 : status, { __type: code === 'ThrottlingException' ? 'ThrottledException' : code, message });
  }

  private getResources({ TagFilters: filters = [], ResourceTypeFilters: types = [], ResourcesPerPage, PaginationToken }: Request): object {
    if (filters.length > MOST_FILTERS) { throw invalid(`TagFilters must have at most ${MOST_FILTERS} entries`); }
    const most = this.options.pageSize ?? 100;
    if (ResourcesPerPage !== undefined && (ResourcesPerPage < 1 || ResourcesPerPage > 100)) { throw invalid('ResourcesPerPage must be 1 to 100'); }
    const start = PaginationToken ? Number(Buffer.from(PaginationToken, 'base64').toString()) : 0;
    if (!Number.isInteger(start)) { throw new ServiceError('PaginationTokenExpiredException', 400, 'The pagination token is not valid'); }

    const fitting = this.indexed().filter(({ arn, tags }) =>
      (types.length === 0 || types.includes(typeOf(arn)))
      && filters.every(({ Key, Values = [] }) => Key in tags && (Values.length === 0 || Values.includes(tags[Key]))));
    const size = Math.min(ResourcesPerPage ?? most, most);
    const next = start + size < fitting.length ? Buffer.from(`${start + size}`).toString('base64') : '';
    return {
      PaginationToken: next,
      ResourceTagMappingList: fitting.slice(start, start + size).map(({ arn, tags }) => ({
        ResourceARN: arn, Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
      })),
    };
  }

  private indexed(): readonly TaggedResource[] {
    const latest = this.clock.now() - (this.options.delaySeconds ?? 0) * 1000;
    return this.resources().filter(({ tags, createdAt }) => Object.keys(tags).length > 0 && createdAt.getTime() <= latest);
  }
}

/** `elasticfilesystem:file-system` of `arn:aws:elasticfilesystem:eu-west-1:…:file-system/fs-…`. */
function typeOf(arn: string): string {
  const [, , service, , , resource] = arn.split(':');
  return `${service}:${resource.split('/')[0]}`;
}

function invalid(message: string): ServiceError {
  return new ServiceError('InvalidParameterException', 400, message);
}

function json(status: number, body: object): Answer {
  return { status, headers: { 'content-type': 'application/x-amz-json-1.1' }, body: JSON.stringify(body) };
}
