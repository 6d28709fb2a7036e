import type { MountTargetDescription } from '@aws-sdk/client-efs';
import type { MountTargetApi } from './mount-target-api';
import { planOf, withTargets, type Plan } from './plan';
import { currentRecord, holdersOf, type OtherRecord } from './record';
import type { SetRecord } from './record-text';
import type { RecordedSituation, SetRecords } from './set-records';
import { mayGo, secureShared } from './sharing';
import type { MountTargetsProperties } from '../../../src/contract/mount-targets';
import { forAllAtOnce } from '../../shared/at-once';
import { isNamed, saidBy } from '../../shared/errors';
import { log } from '../../shared/log';
import { ownerDigest } from '../../shared/ownership';
import { number } from '../../shared/property-values';
import type { ReadyContext } from '../../shared/resource-lifecycle';
import { passesByItself } from '../../shared/retry';

/** The record counts as current for this long after it was read: a later request takes longer to begin. */
const FRESH_MILLISECONDS = 1_000;

export interface ReconciliationOptions {
  readonly id: string;
  readonly properties: MountTargetsProperties;
  readonly context: ReadyContext<MountTargetsProperties>;
  readonly situation: RecordedSituation;
  /** The record, of the call in hand. */
  readonly record: SetRecord;
  /** When the situation was read, in milliseconds since 1970. */
  readonly readAt: number;
}

/** One poll's work on a set: brings its mount targets towards what the properties want. */
export class Reconciliation {
  private readonly plan: Plan;
  private readonly delay: number;
  /** Subnets of mount targets that were there before all sets, and are kept. */
  private readonly adopted: readonly string[] | undefined;
  /** Subnets in which EFS refused to make a mount target. */
  private readonly refused: string[] = [];
  /** When the record was read last, in milliseconds since 1970. */
  private readAt: number;
  /** The reading that is under way. */
  private reading: Promise<void> | undefined;

  constructor(private readonly api: MountTargetApi, private readonly records: SetRecords, private readonly options: ReconciliationOptions) {
    const { situation, properties, record } = options;
    this.plan = planOf(situation);
    this.readAt = options.readAt;
    this.delay = 1000 * number('dnsPropagationDelay', properties.DnsPropagationDelay ?? 0);
    this.adopted = this.keptSubnetIds.filter(id => [record, ...holdersOf(id, situation.others)].some(({ adopted }) => adopted?.includes(id)));
  }

  /** The mount targets that are as wanted, by the id of their Availability Zone. */
  public get kept(): ReadonlyMap<string, MountTargetDescription> {
    return this.plan.kept;
  }

  /** Deletes, creates and secures mount targets. Returns whether all are available and have their security groups. */
  public async reconcileTargets(): Promise<boolean> {
    await forAllAtOnce(this.plan.obsolete, target => this.api.delete(target));
    await this.recordTargets();
    try {
      await this.createMissing();
      if (this.plan.missing.length > 0 || this.plan.waiting || !this.areAvailable()) { return false; }
      const { properties: { SecurityGroups: groups }, situation: { others } } = this.options;
      const kept = groups.length > 0 ? [...this.kept.values()] : [];
      await forAllAtOnce([...kept.map(target => ({ target, own: groups })), ...this.plan.left.map(target => ({ target, own: [] }))],
        ({ target, own }) => secureShared(this.api, target, own, others));
      return true;
    } catch (error) {
      if (isNamed(error, 'IncorrectFileSystemLifeCycleState', 'IncorrectMountTargetState', 'MountTargetNotFound')) { return false; }
      await this.forgetRefused();
      throw error;
    }
  }

  /** Returns whether the DNS names of new mount targets have had the time to become known. Begins to measure it when the targets are available. */
  public async isSettled(): Promise<boolean> {
    const { settling } = this.options.record;
    if (this.delay === 0 || settling === undefined) { return true; }
    if (settling === 'pending') {
      await this.write({ subnetIds: this.keptSubnetIds, settling: Date.now() });
      return false;
    }
    return Date.now() >= settling + this.delay;
  }

  /**
   * Records that the set is complete. Returns false if other sets have changed since the situation was read: one has come or gone that wants
   * other security groups, or a set that is being deleted has not read yet that this set has its mount target too.
   */
  public async complete(): Promise<boolean> {
    const { id, situation: { others } } = this.options;
    const now = await this.records.others(id);
    const wishes = (records: readonly OtherRecord[]) => JSON.stringify(this.keptSubnetIds.map(subnetId =>
      holdersOf(subnetId, records).map(({ securityGroups }) => securityGroups ?? []).sort()));
    if (wishes(now) !== wishes(others) || this.keptSubnetIds.some(subnetId => mayGo(subnetId, now))) { return false; }
    await this.write({ state: 'ready', subnetIds: this.keptSubnetIds, settling: undefined });
    return true;
  }

  private get keptSubnetIds(): string[] {
    return [...this.kept.values()].map(({ SubnetId }) => SubnetId!);
  }

  /** Each is in another Availability Zone: EFS gives the same mount target to two creations in one zone. */
  private async createMissing(): Promise<void> {
    const made = new Map<string, string>();
    try {
      await forAllAtOnce(this.plan.missing, async candidate => {
        const mountTargetId = await this.create(candidate).catch(error => {
          // A creation that got no answer may have made something.
          if (!passesByItself(error)) { this.refused.push(candidate.subnetId); }
          throw error;
        });
        if (mountTargetId !== undefined) { made.set(candidate.subnetId, mountTargetId); }
      });
    } finally {
      if (made.size > 0) { await this.deleteUnrecorded(made); }
    }
  }

  /**
   * Deletes the mount targets that were just made in subnets that the record lacks: a deletion wrote the record at the same time, and would
   * leave them behind. `made`: ids of mount targets by subnet.
   */
  private async deleteUnrecorded(made: ReadonlyMap<string, string>): Promise<void> {
    const { id, context } = this.options;
    const record = await this.records.find(id);
    const unrecorded = [...made].filter(([subnetId]) => record?.subnetIds.includes(subnetId) !== true);
    for (const [, MountTargetId] of unrecorded) { await this.api.delete({ MountTargetId }); }
    if (unrecorded.length > 0) { currentRecord(record, id, context); }
  }

  /**
   * Forgets the subnets in which EFS refused to make mount targets. Without a rollback, the set is deleted much later, and somebody else
   * may have made a mount target in one of them by then.
   */
  private async forgetRefused(): Promise<void> {
    if (this.refused.length === 0) { return; }
    const { id, context } = this.options;
    await this.records.forget(this.refused, id, context).catch(error => log({ event: 'could not clean up', id, error: saidBy(error) }));
  }

  /**
   * Records the subnets before mount targets are made in them, so that a deletion finds the mount targets, and those that other sets have
   * made, so that a deletion of these leaves them.
   */
  private async recordTargets(): Promise<void> {
    const { situation: { recorded, targets }, record } = this.options;
    const missing = this.plan.missing.map(({ subnetId }) => subnetId);
    const wanted = [...this.keptSubnetIds, ...missing];
    if (missing.length === 0 && wanted.every(id => record.subnetIds.includes(id))) { return; }
    const settling = missing.length > 0 && this.delay > 0 ? 'pending' : record.settling;
    await this.write({ subnetIds: [...new Set([...withTargets(recorded, targets), ...wanted])], settling });
  }

  private create(candidate: Plan['missing'][number]): Promise<string | undefined> {
    const { context, properties, situation } = this.options;
    return this.api.create({
      fileSystemId: situation.fileSystem.FileSystemId!,
      candidate,
      securityGroups: properties.SecurityGroups,
      check: () => this.checkRecord(),
      waitForAddress: context.old !== undefined,
    });
  }

  /** Throws if the record has changed. Creations that ask at the same time share one reading. */
  private async checkRecord(): Promise<void> {
    if (Date.now() - this.readAt <= FRESH_MILLISECONDS) { return; }
    this.reading ??= this.readRecord().finally(() => { this.reading = undefined; });
    await this.reading;
  }

  private async readRecord(): Promise<void> {
    const { id, context } = this.options;
    currentRecord(await this.records.find(id), id, context);
    this.readAt = Date.now();
  }

  private areAvailable(): boolean {
    const targets = [...this.kept.values()];
    const broken = targets.find(({ LifeCycleState }) => LifeCycleState === 'error');
    if (broken) {
      throw new Error(`mount target ${broken.MountTargetId} in ${broken.SubnetId} is in state error: delete it, and deploy again`);
    }
    return targets.every(({ LifeCycleState }) => LifeCycleState === 'available');
  }

  private async write(changes: Partial<SetRecord>): Promise<void> {
    const { record, situation, properties } = this.options;
    await this.records.write(situation.fileSystem, ownerDigest(properties), { ...record, adopted: this.adopted, ...changes });
  }
}
