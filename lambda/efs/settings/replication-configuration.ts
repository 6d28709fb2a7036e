import { Efs } from '../efs';
import { destinationIn, isInForce, Replications } from './replication';
import { settingOf, type SettingClients } from './setting';
import type { ReplicationConfigurationProperties, SettingAttributes } from '../../../src/contract/configuration';
import { isNamed } from '../../shared/errors';
import type { Lifecycle } from '../../shared/resource-lifecycle';
import { RETRY_POLICIES } from '../../shared/retry';

/** Deleted with the resource; the destination stays, as a file system of its own. */
export const replicationConfiguration = (clients: SettingClients): Lifecycle<ReplicationConfigurationProperties, SettingAttributes> => {
  const efs = new Efs(clients.efs);
  const replications = new Replications(efs, clients.efsIn);
  /** A deletion that has just begun takes minutes; a file system changes its state in seconds. */
  const patience = { policy: RETRY_POLICIES.REPLICATION, retryIf: (error: unknown) => isNamed(error, 'IncorrectFileSystemLifeCycleState') };
  const to = ({ ReplicationConfiguration: configuration }: ReplicationConfigurationProperties) => destinationIn(configuration)!;

  return settingOf(efs, {
    /** Only here, never while waiting, is a replication deleted: an event that comes late must not delete what a later one made. */
    async begin(fileSystem, properties, old) {
      const id = fileSystem.FileSystemId!;
      const present = await replications.from(id);
      if (!present) {
        if (!old) { await replications.create(id, to(properties), patience); }
        return;
      }
      if (present.destination.Status !== 'DELETING' && await replications.fits(present, to(properties), old && to(old))) { return; }
      if (old) { return replications.delete(present); }
      throw new Error(`file system ${id} is replicated to ${present.destination.FileSystemId} in ${present.destination.Region} already`
        + `${present.destination.Status === 'DELETING' ? ', which is being deleted: deploy again when it is gone' : ', and a file system has one replication'}`);
    },
    async apply(fileSystem, properties, old) {
      const id = fileSystem.FileSystemId!;
      const present = await replications.from(id);
      if (!present) {
        if (!old) { throw new Error(`the replication of ${id} disappeared while it was being made`); }
        await replications.create(id, to(properties));
        return false;
      }
      if (present.destination.Status === 'DELETING') { return false; }
      if (!await replications.fits(present, to(properties))) {
        throw new Error(`file system ${id} is replicated to ${present.destination.FileSystemId} by now, which is not as wanted`);
      }
      return isInForce(present, old !== undefined && JSON.stringify(to(old)) === JSON.stringify(to(properties)));
    },
    async isOurs(fileSystem, properties) {
      const present = await replications.from(fileSystem.FileSystemId!);
      return present !== undefined && replications.fits(present, to(properties));
    },
    async remove(fileSystem) {
      const present = await replications.from(fileSystem.FileSystemId!);
      if (present) { await replications.delete(present); }
    },
  });
};
