import {
  CreateMountTargetCommand, DeleteMountTargetCommand, DescribeMountTargetSecurityGroupsCommand, ModifyMountTargetSecurityGroupsCommand,
  type MountTargetDescription,
} from '@aws-sdk/client-efs';
import type { Candidate } from './candidates';
import { isNamed } from '../../shared/errors';
import { log } from '../../shared/log';
import { RETRY_POLICIES } from '../../shared/retry';
import type { Efs } from '../efs';

export interface CreateMountTargetOptions {
  readonly fileSystemId: string;
  readonly candidate: Candidate;
  readonly securityGroups: readonly string[];
  /** Called before every attempt; what it throws ends the creation. */
  readonly check: () => Promise<unknown>;
  /** Whether to repeat the call if the address is in use: EC2 may still have the network interface of a deleted mount target of this set. */
  readonly waitForAddress: boolean;
}

/** Creates, deletes and secures mount targets. */
export class MountTargetApi {
  constructor(private readonly efs: Efs) {}

  /** Returns the new mount target's id, or undefined if the subnet's zone has one already. */
  public async create(options: CreateMountTargetOptions): Promise<string | undefined> {
    const { fileSystemId, candidate: { subnetId, addressType, ipAddress, ipv6Address } } = options;
    log({ event: 'creating mount target', fileSystemId, subnetId, addressType, ipAddress, ipv6Address });
    try {
      return await this.callCreate(options);
    } catch (error) {
      // The answer to an earlier call was lost, or somebody else made one. The next poll finds out which.
      if (isNamed(error, 'MountTargetConflict')) { return undefined; }
      if (!isNamed(error, 'Error', 'IncorrectFileSystemLifeCycleState')) {
        const addresses = [ipAddress, ipv6Address].filter(address => address !== undefined);
        const where = addresses.length > 0 ? `, address ${addresses.join(' and ')}` : '';
        (error as Error).message += ` (${subnetId}${where}, file system ${fileSystemId})`;
      }
      throw error;
    }
  }

  /** Begins to delete a mount target; succeeds if there is none. */
  public async delete({ MountTargetId }: Pick<MountTargetDescription, 'MountTargetId'>): Promise<void> {
    log({ event: 'deleting mount target', MountTargetId });
    try {
      await this.efs.call('DeleteMountTarget', client => client.send(new DeleteMountTargetCommand({ MountTargetId })));
    } catch (error) {
      if (!isNamed(error, 'MountTargetNotFound')) { throw error; }
    }
  }

  public async securityGroups({ MountTargetId }: MountTargetDescription): Promise<string[]> {
    const { SecurityGroups: groups = [] } = await this.efs.call('DescribeMountTargetSecurityGroups',
      client => client.send(new DescribeMountTargetSecurityGroupsCommand({ MountTargetId })));
    return groups;
  }

  /**
   * Gives a mount target these security groups if it has others. An empty list means EFS's default, which stays as it is.
   * `keepsOthers`: only adds them.
   */
  public async secure(target: MountTargetDescription, groups: readonly string[], { keepsOthers = false } = {}): Promise<void> {
    if (groups.length === 0) { return; }
    const present = await this.securityGroups(target);
    const wanted = keepsOthers ? [...new Set([...present, ...groups])] : [...groups];
    if (isSameSet(present, wanted)) { return; }
    const { MountTargetId } = target;
    log({ event: 'security groups of mount target', MountTargetId, present, wanted });
    await this.efs.call('ModifyMountTargetSecurityGroups',
      client => client.send(new ModifyMountTargetSecurityGroupsCommand({ MountTargetId, SecurityGroups: wanted })),
      { policy: RETRY_POLICIES.NETWORK_VISIBILITY, retryIf: error => isNamed(error, 'SecurityGroupNotFound') });
  }

  private async callCreate({ fileSystemId, candidate, securityGroups, check, waitForAddress }: CreateMountTargetOptions): Promise<string> {
    const { subnetId, addressType, ipAddress, ipv6Address } = candidate;
    return this.efs.call('CreateMountTarget', async client => {
      await check();
      const { MountTargetId } = await client.send(new CreateMountTargetCommand({
        FileSystemId: fileSystemId,
        SubnetId: subnetId,
        ...addressType !== 'IPV4_ONLY' && { IpAddressType: addressType },
        IpAddress: ipAddress,
        Ipv6Address: ipv6Address,
        ...securityGroups.length > 0 && { SecurityGroups: [...securityGroups] },
      }));
      return MountTargetId!;
    }, {
      policy: RETRY_POLICIES.NETWORK_VISIBILITY,
      retryIf: error => isNamed(error, 'SecurityGroupNotFound') || (waitForAddress && isNamed(error, 'IpAddressInUse')),
    });
  }
}

/** Whether two lists have the same members, in whatever order and number. */
export function isSameSet(one: readonly string[], other: readonly string[]): boolean {
  return [...new Set(one)].sort().join() === [...new Set(other)].sort().join();
}
