import type { FileSystemDescription } from '@aws-sdk/client-efs';
import { destinationIn, isReplicationInForce, type Replications } from './replication';
import { SettingLifecycle, type InForce, type SetFileSystem, type SettingServices } from './setting';
import type { ReplicationConfigurationProperties, ReplicationDestinationProperty } from '../../../src/contract/configuration';
import { OutOfReach } from '../../shared/errors';
import { digestOf } from '../claims/claim';
import { resourceIdOf } from '../efs';

export interface ReplicationServices extends SettingServices {
  readonly replications: Replications;
}

/** The replication is deleted with the resource. Its destination stays, as a file system of its own. */
export class ReplicationConfigurationLifecycle extends SettingLifecycle<ReplicationConfigurationProperties> {
  protected readonly kind = 'replication';
  protected readonly name = 'the replication';
  private readonly replications: Replications;

  constructor(services: ReplicationServices) {
    super(services);
    this.replications = services.replications;
  }

  protected digest(_fileSystem: FileSystemDescription, properties: ReplicationConfigurationProperties): string {
    const { FileSystemId: id, Region: region = '', AvailabilityZoneName: zone = '', KmsKeyId: key = '' } = destinationOf(properties);
    return digestOf(id === undefined ? `${region} ${zone} ${resourceIdOf(key)}` : resourceIdOf(id));
  }

  protected async inForce({ FileSystemId: id }: FileSystemDescription, properties: ReplicationConfigurationProperties): Promise<InForce> {
    const present = await this.replications.from(id!);
    if (!present) { return 'none'; }
    return present.destination.Status !== 'DELETING' && await this.replications.fits(present, destinationOf(properties)) ? 'wanted' : 'other';
  }

  protected async refuseForeign({ FileSystemId: id }: FileSystemDescription): Promise<void> {
    const present = await this.replications.from(id!);
    if (!present) { return; }
    const { Status: status, FileSystemId: destinationId, Region: region } = present.destination;
    throw new OutOfReach(`file system ${id} is replicated to ${destinationId} in ${region} already`
      + `${status === 'DELETING' ? ', which is being deleted: deploy again when it is gone' : ', and a file system has one replication'}`);
  }

  /** Deletes a replication that no longer fits. One that somebody else has made in its place stays. */
  protected override async beginChange(
    { id }: SetFileSystem, properties: ReplicationConfigurationProperties, old: ReplicationConfigurationProperties,
  ): Promise<void> {
    const present = await this.replications.from(id);
    const [wanted, before] = [destinationOf(properties), destinationOf(old)];
    if (present && await this.replications.isOutdated(present, wanted, before)) { await this.replications.delete(present); }
  }

  protected async put(
    { FileSystemId: id }: FileSystemDescription, properties: ReplicationConfigurationProperties, old: ReplicationConfigurationProperties | undefined,
  ): Promise<boolean> {
    const wanted = destinationOf(properties);
    const present = await this.replications.from(id!);
    if (!present) {
      await this.replications.create(id!, wanted);
      return false;
    }
    if (present.destination.Status === 'DELETING') { return false; }
    if (!await this.replications.fits(present, wanted)) {
      throw new OutOfReach(`file system ${id} is replicated to ${present.destination.FileSystemId} by now, which is not as wanted`);
    }
    return isReplicationInForce(present, old !== undefined && JSON.stringify(destinationOf(old)) === JSON.stringify(wanted));
  }

  /** One that is being deleted is not gone yet. */
  protected override async isOurs({ FileSystemId: id }: FileSystemDescription, properties: ReplicationConfigurationProperties): Promise<boolean> {
    const present = await this.replications.from(id!);
    return present !== undefined && this.replications.fits(present, destinationOf(properties));
  }

  protected async unset({ FileSystemId: id }: FileSystemDescription): Promise<void> {
    const present = await this.replications.from(id!);
    if (present) { await this.replications.delete(present); }
  }
}

function destinationOf({ ReplicationConfiguration: configuration }: ReplicationConfigurationProperties): ReplicationDestinationProperty {
  return destinationIn(configuration)!;
}
