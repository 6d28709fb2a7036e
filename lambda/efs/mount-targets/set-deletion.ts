import type { FileSystemDescription, MountTargetDescription } from '@aws-sdk/client-efs';
import type { MountTargetApi } from './mount-target-api';
import type { NetworkInterfaces } from './network-interfaces';
import { withTargets } from './plan';
import { holdersOf, otherRecords, sentOf, type OtherRecord } from './record';
import type { SetRecord } from './record-text';
import type { SetRecords } from './set-records';
import { secureShared } from './sharing';
import { isAdopted } from './takeover';
import { atOnce, forAllAtOnce } from '../../shared/at-once';
import { isCertainlyForward } from '../../shared/direction';
import { saidBy } from '../../shared/errors';
import { log } from '../../shared/log';
import type { Context } from '../../shared/resource-lifecycle';
import { isThrottle } from '../../shared/retry';
import type { Efs } from '../efs';

/** A set that is being deleted. */
export interface DeletedSet {
  readonly fileSystem: FileSystemDescription;
  readonly key: string;
  readonly record: SetRecord;
  /** All mount targets of the file system, read together with the record. */
  readonly targets: readonly MountTargetDescription[];
}

/** Deletes sets of mount targets. */
export class SetDeletion {
  constructor(
    private readonly services: { readonly efs: Efs; readonly networkInterfaces: NetworkInterfaces },
    private readonly api: MountTargetApi,
    private readonly records: SetRecords,
  ) {}

  /**
   * Deletes the mount targets that only this set has, then its record. The first call marks the record before it deletes anything, so that a
   * creation still under way makes no further mount target, and that other sets see what goes. A later call finds the mount target that the
   * creation was just making.
   */
  public async step(set: DeletedSet, context: Context): Promise<void> {
    const { fileSystem, key, record } = set;
    const id = fileSystem.FileSystemId!;
    const isMarked = record.state === 'deleting';
    await this.records.write(fileSystem, key, { ...record, state: 'deleting', sent: sentOf(context) });
    // Read again after the mark, because another set may have seen a newer state.
    const { others, targets } = isMarked ? { others: otherRecords(fileSystem, key), targets: set.targets } : await this.readAgain(id, key);
    const isShared = (subnetId: string) => holdersOf(subnetId, others).length > 0;
    const shared = targets.filter(({ SubnetId }) => record.subnetIds.includes(SubnetId!) && isShared(SubnetId!));
    await forAllAtOnce(shared, target => this.leave(target, others));
    // The mount targets that the creation took up were there before, and a rollback deletes only what the creation made.
    const retained = withTargets(record.retained ?? [], targets);
    const givenBack = retained.length > 0 && await isCertainlyForward(context) ? [] : retained;
    const released = [...isAdopted(fileSystem) ? record.adopted ?? [] : [], ...givenBack];
    const subnetIds = record.subnetIds.filter(subnetId => !released.includes(subnetId) && !isShared(subnetId));
    const ours = targets.filter(({ SubnetId }) => subnetIds.includes(SubnetId!));
    await forAllAtOnce(ours.filter(({ LifeCycleState }) => LifeCycleState !== 'deleting'), target => this.api.delete(target));
    if (!isMarked) { return; }
    if (ours.length > 0) {
      // Forget subnets whose mount targets are gone: a mount target that somebody makes there from now on is not of this set.
      const present = withTargets(record.subnetIds, targets);
      await this.records.write(fileSystem, key, { ...record, subnetIds: present.filter(subnetId => !isShared(subnetId)) });
      return;
    }
    const left = await this.services.networkInterfaces.leftBehind(id, targets);
    if (left.length > 0) { return log({ event: 'network interfaces are not gone yet', left }); }
    if (givenBack.length > 0) {
      await forAllAtOnce(targets.filter(({ SubnetId }) => givenBack.includes(SubnetId!)), target => this.restore(target, record, others));
      return this.records.giveBack(fileSystem, key, record, givenBack);
    }
    await this.records.delete(id, key);
  }

  private async readAgain(id: string, key: string) {
    const [others, targets] = await atOnce(this.records.others(`${id}/${key}`), this.services.efs.mountTargets(id));
    return { others, targets };
  }

  /** Gives a mount target the security groups that it had before the creation took it up. */
  private async restore(target: MountTargetDescription, { formerGroups = [] }: SetRecord, others: readonly OtherRecord[]): Promise<void> {
    log({ event: 'mount target given back', id: target.MountTargetId, formerGroups });
    if (formerGroups.length > 0) { await secureShared(this.api, target, formerGroups, others); }
  }

  /** Leaves a mount target to the other sets that have it. */
  private async leave(target: MountTargetDescription, others: readonly OtherRecord[]): Promise<void> {
    const sets = holdersOf(target.SubnetId!, others).map(({ owner, tagKey }) => owner ?? tagKey);
    log({ event: 'mount target left to other sets', id: target.MountTargetId, sets });
    try {
      await secureShared(this.api, target, [], others);
    } catch (error) {
      if (isThrottle(error)) { throw error; }
      // The set goes in any case. The next call of the deletion tries again.
      log({ event: 'could not clean up', id: target.MountTargetId, error: saidBy(error) });
    }
  }
}
