import type { FileSystemDescription, MountTargetDescription } from '@aws-sdk/client-efs';
import { type Efs, POLL, resourceIdOf } from '../efs';
import { attributesOf, attributesWithoutTargets } from './attributes';
import { candidatesOf } from './candidates';
import { checkProperties, checkSituation, isInStack, refuseLate, refuseRival, warnOfSharedZones } from './checks';
import { MountTargetApi } from './mount-target-api';
import type { NetworkInterfaces } from './network-interfaces';
import { swapIn } from './plan';
import { Reconciliation } from './reconciliation';
import { callDigest, currentRecord, isSuperseded, otherRecords, ownRecord, readRecord } from './record';
import { NewerRecord, type SetRecord } from './record-text';
import { SetDeletion } from './set-deletion';
import { SetRecords, splitId, type RecordedSituation } from './set-records';
import { withLeaving } from './sharing';
import type { Subnets } from './subnets';
import { withTakenBack } from './taken-back';
import { retainedBy, retainedSubnets, subnetsToTakeOver } from './takeover';
import type { MountTargetsAttributes, MountTargetsProperties } from '../../../src/contract/mount-targets';
import { atOnce } from '../../shared/at-once';
import { isCertainlyBack, throwUnlessBack } from '../../shared/direction';
import { isNamed, OutOfReach, saidBy } from '../../shared/errors';
import { identityOf } from '../../shared/identity';
import { log } from '../../shared/log';
import { ownerDigest } from '../../shared/ownership';
import { boolean } from '../../shared/property-values';
import { LEAVING, type Context, type Created, type Found, type Lifecycle, type ReadyContext } from '../../shared/resource-lifecycle';
import { isThrottle } from '../../shared/retry';

export interface MountTargetsServices {
  readonly efs: Efs;
  readonly subnets: Subnets;
  readonly networkInterfaces: NetworkInterfaces;
}

/** A set of mount targets of one file system: at most one in each Availability Zone of its subnets. */
export class MountTargetsLifecycle implements Lifecycle<MountTargetsProperties, MountTargetsAttributes> {
  public readonly identity = ['FileSystemId'] as const;
  public readonly physicalId = /^fs-[0-9a-f]{8,40}\/.+$/;
  private readonly api: MountTargetApi;
  private readonly records: SetRecords;
  private readonly deletion: SetDeletion;

  constructor(private readonly services: MountTargetsServices) {
    this.api = new MountTargetApi(services.efs);
    this.records = new SetRecords(services.efs);
    this.deletion = new SetDeletion(services, this.api, this.records);
  }

  public async create(properties: MountTargetsProperties, context: Context): Promise<Created> {
    const found = await this.situation(properties, context);
    const mayTakeOver = boolean('takeOver', properties.TakeOver ?? false) && found.recorded.length === 0;
    const taken = mayTakeOver ? await subnetsToTakeOver(this.api, found, properties) : [];
    const situation = { ...found, recorded: [...found.recorded, ...taken] };
    this.check(situation, properties, context);
    await this.records.begin(situation, 'creating', properties, context, { taken, retained: retainedBy(found, context) });
    return { id: `${situation.fileSystem.FileSystemId}/${ownerDigest(properties)}` };
  }

  public async update(_id: string, properties: MountTargetsProperties, _old: MountTargetsProperties, context: Context): Promise<void> {
    const situation = await this.situation(properties, context);
    this.check(situation, properties, context);
    const swap = boolean('replaceMountTargets', properties.ReplaceMountTargets ?? true) ? undefined : swapIn(situation);
    // The rollback of an update that was allowed to swap must not be refused.
    if (swap !== undefined && !await isCertainlyBack(context)) {
      throw new Error(`${swap}, and 'replaceMountTargets' is false: leave 'vpcSubnets' and the addresses as they were, or set 'replaceMountTargets' to true`);
    }
    await this.records.begin(situation, situation.record?.state === 'creating' ? 'creating' : 'ready', properties, context);
  }

  public async ready(
    id: string, properties: MountTargetsProperties, context: ReadyContext<MountTargetsProperties>,
  ): Promise<MountTargetsAttributes | undefined> {
    const targets = await this.services.efs.mountTargets(splitId(id)[0], POLL);
    if (areUnderWay(targets, properties)) { return undefined; }
    const situation = await this.situation(properties, context, targets);
    const readAt = Date.now();
    const record = currentRecord(situation.record, id, context);
    if (!isAvailable(situation.fileSystem)) { return undefined; }
    checkSituation(situation);

    const reconciliation = new Reconciliation(this.api, this.records, { id, properties, context, situation, record, readAt });
    if (!await reconciliation.reconcileTargets() || !await reconciliation.isSettled()) { return undefined; }
    if (context.old && !await this.isFormerSetGone(context.old, id, context)) { return undefined; }
    if (!await reconciliation.complete()) { return undefined; }
    return attributesOf(situation.candidates, reconciliation.kept, properties);
  }

  public withoutReach(_id: string, properties: MountTargetsProperties): MountTargetsAttributes {
    return attributesWithoutTargets(properties);
  }

  public async delete(id: string, _properties: MountTargetsProperties, context: Context): Promise<void> {
    const [fileSystemId, key] = splitId(id);
    const { efs } = this.services;
    const [targets, fileSystem] = await atOnce(efs.mountTargets(fileSystemId), efs.fileSystem(fileSystemId));
    const record = fileSystem && ownRecord(await this.known(() => readRecord(fileSystem, key), context), context);
    if (!record || isSuperseded(record, context)) { return; }
    try {
      await this.deletion.step({ fileSystem, key, record, targets }, context);
    } catch (error) {
      if (!isNamed(error, 'FileSystemNotFound')) { throw error; }
    }
  }

  /** The record is deleted last. A later call may have made it anew. */
  public async gone(id: string, _properties: MountTargetsProperties, context: Context): Promise<boolean | typeof LEAVING> {
    const [fileSystemId] = splitId(id);
    const [targets, found] = await atOnce(this.services.efs.mountTargets(fileSystemId, POLL), this.known(() => this.records.find(id, POLL), context));
    const record = ownRecord(found, context);
    if (record === undefined || isSuperseded(record, context)) { return true; }
    return areLeaving(targets, record) && LEAVING;
  }

  public async find(candidates: readonly MountTargetsProperties[], context: Context): Promise<Found[]> {
    const found = new Map<string, Found>();
    for (const candidate of candidates) {
      const id = resourceIdOf(candidate.FileSystemId);
      if (found.has(id)) { continue; }
      const record = ownRecord(await this.known(() => this.records.find(`${id}/${ownerDigest(candidate)}`), context), context);
      if (!record || isSuperseded(record, context)) { continue; }
      found.set(id, {
        id: `${id}/${ownerDigest(candidate)}`,
        identity: identityOf(this, candidate),
        requestId: record.call === callDigest(context) ? context.requestId : record.call,
        state: record.state === 'ready' ? 'usable' : 'unfinished',
        sent: record.sent,
        holdsNoData: true,
      });
    }
    return [...found.values()];
  }

  /** Returns the record that `read` returns; undefined if a later release wrote it, and the deletion certainly belongs to a rollback. Throws otherwise. */
  private async known(read: () => SetRecord | undefined | Promise<SetRecord | undefined>, context: Context): Promise<SetRecord | undefined> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof NewerRecord)) { throw error; }
      await throwUnlessBack(context, error);
      return undefined;
    }
  }

  private async situation(
    properties: MountTargetsProperties, context: Context, knownTargets?: readonly MountTargetDescription[],
  ): Promise<RecordedSituation> {
    checkProperties(properties);
    const id = resourceIdOf(properties.FileSystemId);
    const { efs, subnets } = this.services;
    // Read mount targets before the record: another delivery of the same event records a subnet before it makes a mount target there.
    const readInOrder = async () => {
      const all = knownTargets ?? await efs.mountTargets(id);
      return [all, await efs.fileSystem(id)] as const;
    };
    const [places, [targets, fileSystem]] = await atOnce(subnets.places(properties.SubnetIds), readInOrder());
    const candidates = candidatesOf(properties, places);
    if (!fileSystem) { throw new OutOfReach(`'fileSystem' is ${id}, but there is no such file system`); }
    const key = ownerDigest(properties);
    const record = readRecord(fileSystem, key);
    const recorded = ownRecord(record, context)?.subnetIds
      ?? (record && isInStack(properties.Owner, context.stackId) ? retainedSubnets(record, { candidates, targets }) : []);
    const others = otherRecords(fileSystem, key);
    return withTakenBack({ fileSystem, record, candidates, targets: withLeaving(targets, recorded, others), recorded, others }, context);
  }

  private check(situation: RecordedSituation, properties: MountTargetsProperties, context: Context): void {
    refuseLate(situation.record, context);
    checkSituation(situation);
    warnOfSharedZones(situation.candidates);
    refuseRival(situation, ownerDigest(properties), { stackId: context.stackId, owner: properties.Owner });
  }

  /**
   * In the rollback of a move to another file system, completes the deletion of the set there, because no later event asks for it.
   * Returns whether it is over.
   */
  private async isFormerSetGone(old: MountTargetsProperties, id: string, context: Context): Promise<boolean> {
    const former = `${resourceIdOf(old.FileSystemId)}/${ownerDigest(old)}`;
    if (former === id || (await this.records.find(former))?.state !== 'deleting') { return true; }
    try {
      await this.delete(former, old, context);
      return await this.gone(former, old, context) === true;
    } catch (error) {
      if (isThrottle(error)) { throw error; }
      // The set itself is in place. CloudFormation may have taken back the policy that allowed the deletion.
      log({ event: 'could not clean up', former, error: saidBy(error) });
      return true;
    }
  }
}

/** Whether mount targets in exactly these subnets are being made. Most polls find that, so it is decided by one call. */
function areUnderWay(targets: readonly MountTargetDescription[], { SubnetIds }: MountTargetsProperties): boolean {
  return targets.some(({ LifeCycleState }) => LifeCycleState === 'creating')
    && targets.every(({ LifeCycleState, SubnetId }) => ['creating', 'available'].includes(LifeCycleState!) && SubnetIds.includes(SubnetId!))
    && SubnetIds.every(id => targets.some(({ SubnetId }) => SubnetId === id));
}

/** Whether all mount targets of a set are being deleted, and none of them is gone yet. Most polls of a deletion find that. */
function areLeaving(targets: readonly MountTargetDescription[], { state, subnetIds }: SetRecord): boolean {
  return state === 'deleting' && subnetIds.length > 0
    && subnetIds.every(id => targets.some(({ LifeCycleState, SubnetId }) => SubnetId === id && LifeCycleState === 'deleting'));
}

/** Throws if the file system will not become available. */
function isAvailable({ FileSystemId: id, LifeCycleState: state }: FileSystemDescription): boolean {
  if (state === 'creating' || state === 'updating') { return false; }
  if (state !== 'available') { throw new OutOfReach(`file system ${id} is in state ${state}, and can have no mount targets`); }
  return true;
}
