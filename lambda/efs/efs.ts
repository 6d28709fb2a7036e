import {
  paginateDescribeFileSystems, paginateDescribeMountTargets, paginateListTagsForResource, TagResourceCommand, UntagResourceCommand,
  type DescribeFileSystemsRequest, type EFSClient, type FileSystemDescription, type MountTargetDescription, type Tag,
} from '@aws-sdk/client-efs';
import { isNamed, nameOf } from '../shared/errors';
import { passesByItself, RETRY_POLICIES, retrying, type RetryOptions } from '../shared/retry';

/** The prop that each error of EFS is about. */
const PROPS: Record<string, string> = {
  ThroughputLimitExceeded: 'provisionedThroughputPerSecond',
  InsufficientThroughputCapacity: 'throughputMode',
  SubnetNotFound: 'vpcSubnets',
  NoFreeAddressesInSubnet: 'vpcSubnets',
  AvailabilityZonesMismatch: 'vpcSubnets',
  UnsupportedAvailabilityZone: 'vpcSubnets',
  NetworkInterfaceLimitExceeded: 'vpcSubnets',
  IpAddressInUse: 'ipAddresses',
  SecurityGroupNotFound: 'securityGroups',
  SecurityGroupLimitExceeded: 'securityGroups',
};

export interface CallOptions extends RetryOptions {
  /** The prop that the call carries out. An error names it, unless the error is about another prop or none. */
  readonly prop?: string;
}

/** For the first call of a poll. All of EFS shares one rate limit, so if it is reached, the next poll tries again. */
export const POLL: RetryOptions = { policy: RETRY_POLICIES.POLL };

/** Keys that one call of UntagResource accepts. */
const MOST_TAG_KEYS = 50;

/** The account's file systems, their mount targets and their tags. Deleted ones count as absent: undefined, or an empty list. */
export class Efs {
  constructor(private readonly client: EFSClient) {}

  public async fileSystem(fileSystemId: string, options?: RetryOptions): Promise<FileSystemDescription | undefined> {
    return (await this.fileSystems({ FileSystemId: fileSystemId }, options))[0];
  }

  public async fileSystemWithToken(creationToken: string): Promise<FileSystemDescription | undefined> {
    return (await this.fileSystems({ CreationToken: creationToken }))[0];
  }

  public async mountTargets(fileSystemId: string, options?: RetryOptions): Promise<MountTargetDescription[]> {
    const all = await this.list<MountTargetDescription>('DescribeMountTargets', async found => {
      for await (const page of paginateDescribeMountTargets({ client: this.client }, { FileSystemId: fileSystemId })) {
        found.push(...page.MountTargets ?? []);
      }
    }, options);
    return (all ?? []).filter(({ LifeCycleState }) => LifeCycleState !== 'deleted');
  }

  /** Returns the tags of a file system or an access point; undefined if it does not exist. */
  public tags(resourceId: string): Promise<Tag[] | undefined> {
    return this.list<Tag>('ListTagsForResource', async found => {
      for await (const page of paginateListTagsForResource({ client: this.client }, { ResourceId: resourceId })) { found.push(...page.Tags ?? []); }
    });
  }

  public async tag(resourceId: string, tags: Tag[]): Promise<void> {
    if (tags.length === 0) { return; }
    await this.call('TagResource', efs => efs.send(new TagResourceCommand({ ResourceId: resourceId, Tags: tags })));
  }

  public async untag(resourceId: string, keys: string[]): Promise<void> {
    for (let i = 0; i < keys.length; i += MOST_TAG_KEYS) {
      const some = keys.slice(i, i + MOST_TAG_KEYS);
      await this.call('UntagResource', efs => efs.send(new UntagResourceCommand({ ResourceId: resourceId, TagKeys: some })));
    }
  }

  /** Makes one call, and repeats it while its error is transient. Other errors name the prop that they are about. */
  public async call<T>(what: string, send: (efs: EFSClient) => Promise<T>, { prop, ...options }: CallOptions = {}): Promise<T> {
    try {
      return await retrying(() => send(this.client), { what, ...options });
    } catch (error) {
      const blamed = PROPS[nameOf(error)] ?? (isAboutProp(error) ? prop : undefined);
      if (blamed) { (error as Error).message = `'${blamed}': ${(error as Error).message}`; }
      throw error;
    }
  }

  /** Always with a filter: the account may have thousands of file systems, and all of EFS shares one rate limit. */
  private async fileSystems(filter: DescribeFileSystemsRequest, options?: RetryOptions): Promise<FileSystemDescription[]> {
    const all = await this.list<FileSystemDescription>('DescribeFileSystems', async found => {
      for await (const page of paginateDescribeFileSystems({ client: this.client }, filter)) { found.push(...page.FileSystems ?? []); }
    }, options);
    return (all ?? []).filter(({ LifeCycleState }) => LifeCycleState !== 'deleted');
  }

  /** Reads all pages, from the first one again if a call fails. Returns undefined if there is no such resource. */
  private async list<T>(what: string, read: (found: T[]) => Promise<void>, options?: RetryOptions): Promise<T[] | undefined> {
    try {
      return await this.call(what, async () => {
        const found: T[] = [];
        await read(found);
        return found;
      }, options);
    } catch (error) {
      if (isNamed(error, 'FileSystemNotFound', 'AccessPointNotFound')) { return undefined; }
      throw error;
    }
  }
}

/** Returns the id in an id or ARN of a file system or access point. */
export function resourceIdOf(idOrArn: string): string {
  return idOrArn.slice(idOrArn.lastIndexOf('/') + 1);
}

/** Whether the value of a prop may have caused an error. Transient errors, and those about the state of the file system, have other causes. */
function isAboutProp(error: unknown): boolean {
  return !passesByItself(error) && nameOf(error) !== 'Error' && !isNamed(error, 'IncorrectFileSystemLifeCycleState', 'FileSystemNotFound');
}
