import { DescribeSnapshotAttributeCommand, ModifySnapshotAttributeCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { saidBy } from '../shared/errors';
import { retrying } from '../shared/retry';

/** The accounts, besides its owner, that may make volumes from a snapshot. */
export class SnapshotSharing {
  constructor(private readonly ec2: EC2Client) {}

  /** Shares the snapshot with exactly these accounts. */
  public async set(id: string, accounts: readonly string[]): Promise<void> {
    const { CreateVolumePermissions = [] } = await this.call('DescribeSnapshotAttribute', id, () =>
      this.ec2.send(new DescribeSnapshotAttributeCommand({ SnapshotId: id, Attribute: 'createVolumePermission' })));
    const missing = accounts.filter(account => !CreateVolumePermissions.some(({ UserId }) => UserId === account));
    const superfluous = CreateVolumePermissions.filter(({ UserId }) => UserId === undefined || !accounts.includes(UserId));
    if (missing.length + superfluous.length === 0) { return; }
    await this.call('ModifySnapshotAttribute', id, () => this.ec2.send(new ModifySnapshotAttributeCommand({
      SnapshotId: id,
      CreateVolumePermission: {
        ...(missing.length > 0 && { Add: missing.map(UserId => ({ UserId })) }),
        ...(superfluous.length > 0 && { Remove: superfluous }),
      },
    })));
  }

  private call<T>(action: string, id: string, request: () => Promise<T>): Promise<T> {
    return retrying(request, { what: action }).catch(error => {
      throw new Error(`ec2:${action} failed for snapshot ${id}: ${saidBy(error)}`, { cause: error });
    });
  }
}
