import { properties as importProperties } from './disk-images';
import { type EbsHandlerWorld } from './ebs-handler-world';
import { SnapshotImportLifecycle } from '../../../lambda/ebs/snapshot-import';
import { identityOf } from '../../../lambda/shared/identity';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { Stack } from '../stack';

type Properties = Record<string, unknown>;

/** The filters of EC2 find every snapshot by then. */
const LISTED_AFTER_MILLISECONDS = 10_000;

interface Resource {
  readonly id: string;
  readonly properties: Properties;
}

export interface Update {
  /** Another one is another disk image. */
  readonly revision?: string;
  /** Further properties of the machine image. */
  readonly machine?: Properties;
  /** Further properties of the import. */
  readonly disk?: Properties;
  /** Everything is made; then another resource fails. */
  readonly fail?: boolean;
  readonly rollbackWith?: 'old' | 'new';
}

/** The properties of most tests. */
export function machineProperties(snapshotId: string, more: Properties = {}): Properties {
  return {
    Architecture: 'x86_64',
    RootDeviceName: '/dev/xvda',
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: snapshotId, VolumeType: 'gp3', DeleteOnTermination: true } }],
    VirtualizationType: 'hvm',
    EnaSupport: true,
    ImdsSupport: 'v2.0',
    Owner: 'Stack/Machine',
    RemovalPolicy: 'Delete',
    ...more,
  };
}

/**
 * CloudFormation for a stack of an import and an image of it: what an update
 * replaced goes when all of it has succeeded, the image before its snapshot.
 * Snapshots are there before the import is asked for them, as if a first
 * delivery of the event had made them: nothing is copied, which other tests are about.
 */
export class MachineStack {
  public machine: Resource | undefined;
  public disk: Resource | undefined;
  private readonly machines: Stack;
  private readonly disks: Stack;

  constructor(private readonly world: EbsHandlerWorld) {
    this.disks = new Stack(world.clock, world.handlers, 'Custom::SnapshotImport', 'Disk');
    this.machines = new Stack(world.clock, world.handlers, 'Custom::MachineImage', 'Machine', 'Stack', this.disks.stackId);
  }

  public get stackId(): string { return this.disks.stackId; }

  public async deploy({ revision = '1', machine: more, disk, fail, rollbackWith = 'new' }: Update = {}): Promise<{ imageId: string; snapshotId: string }> {
    const [oldDisk, oldMachine] = [this.disk, this.machine];
    this.status(oldDisk ? 'UPDATE_IN_PROGRESS' : 'CREATE_IN_PROGRESS');
    const wanted = importProperties({ SourceRevision: revision, SourceETag: '"pinned"', Owner: 'Stack/Disk', ...disk });
    let newDisk: Resource | undefined;
    let newMachine: Resource | undefined;
    const { snapshotId, placed, RequestId } = await this.import(wanted);
    try {
      newDisk = oldDisk ? await this.apply(this.disks, oldDisk, wanted, { RequestId }) : { id: snapshotId, properties: wanted };
      newMachine = await this.apply(this.machines, oldMachine, machineProperties(newDisk.id, more));
      if (fail) { throw new Error('another resource failed'); }
    } catch (error) {
      if (newDisk === undefined) {
        newDisk = this.halfMade(error, oldDisk, wanted);
      } else {
        newMachine ??= this.halfMade(error, oldMachine, machineProperties(newDisk.id, more));
      }
      // The import died before it had found the snapshot that was there for it. Nothing would have made one by then.
      if (placed && newDisk?.id !== snapshotId) { this.world.ec2.snapshots.remove(snapshotId); }
      await this.rollBack({ oldDisk, oldMachine, newDisk, newMachine }, rollbackWith);
      throw error;
    }
    this.status('UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
    [this.disk, this.machine] = [newDisk, newMachine];
    if (oldMachine && oldMachine.id !== newMachine.id) { await this.delete(this.machines, oldMachine); }
    if (oldDisk && oldDisk.id !== newDisk.id) { await this.delete(this.disks, oldDisk); }
    this.status('UPDATE_COMPLETE');
    return { imageId: newMachine.id, snapshotId: newDisk.id };
  }

  /** The machine image is not in the template any more, the import is. */
  public async removeMachine(): Promise<void> {
    this.status('UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
    await this.delete(this.machines, this.machine!);
    this.machine = undefined;
    this.status('UPDATE_COMPLETE');
  }

  public async destroy(): Promise<void> {
    this.status('DELETE_IN_PROGRESS');
    if (this.machine) { await this.delete(this.machines, this.machine); }
    await this.delete(this.disks, this.disk!);
  }

  /** The snapshot of an import with these properties, whether it was put there just now, and the request that makes it. */
  private async import(wanted: Properties): Promise<{ snapshotId: string; placed: boolean; RequestId: string }> {
    const { ResourceProperties, StackId, LogicalResourceId, RequestId } = this.disks.event('Create', wanted);
    const tags = {
      [OWNERSHIP_TAGS.stackId]: StackId,
      [OWNERSHIP_TAGS.logicalId]: LogicalResourceId,
      [OWNERSHIP_TAGS.identity]: identityOf(new SnapshotImportLifecycle({} as any), ResourceProperties),
    };
    const { snapshots } = this.world.ec2;
    const existing = snapshots.all.find(snapshot => Object.entries(tags).every(([key, value]) => snapshot.tags.get(key) === value));
    const { snapshotId } = existing ?? snapshots.add({ volumeSize: 1, startTime: this.world.clock.now() - LISTED_AFTER_MILLISECONDS, tags });
    if (!existing) { await this.world.recordSnapshot(snapshotId, StackId, LogicalResourceId, tags[OWNERSHIP_TAGS.identity], RequestId); }
    return { snapshotId, placed: existing === undefined, RequestId };
  }

  /** What CloudFormation knows of a resource whose creation or update failed. */
  private halfMade(error: unknown, old: Resource | undefined, properties: Properties): Resource | undefined {
    const { physicalId = old?.id } = error as { physicalId?: string };
    return physicalId === undefined ? undefined : { id: physicalId, properties };
  }

  private async rollBack(
    { oldDisk, oldMachine, newDisk, newMachine }: Record<'oldDisk' | 'oldMachine' | 'newDisk' | 'newMachine', Resource | undefined>,
    rollbackWith: 'old' | 'new',
  ): Promise<void> {
    if (!oldDisk || !oldMachine) {
      this.status('ROLLBACK_IN_PROGRESS');
      if (newMachine) { await this.delete(this.machines, newMachine); }
      if (newDisk) { await this.delete(this.disks, newDisk); }
      return;
    }
    this.status('UPDATE_ROLLBACK_IN_PROGRESS');
    this.disk = newDisk ? await this.revert(this.disks, oldDisk, newDisk, rollbackWith) : oldDisk;
    this.machine = newMachine ? await this.revert(this.machines, oldMachine, newMachine, rollbackWith) : oldMachine;
    this.status('UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS');
    if (newMachine && newMachine.id !== this.machine.id) { await this.delete(this.machines, newMachine); }
    if (newDisk && newDisk.id !== this.disk.id) { await this.delete(this.disks, newDisk); }
    this.status('UPDATE_ROLLBACK_COMPLETE');
  }

  private async apply(player: Stack, before: Resource | undefined, properties: Properties, request: { RequestId?: string } = {}): Promise<Resource> {
    if (!before) { return { id: (await player.play(player.event('Create', properties))).id, properties }; }
    if (same(before.properties, properties)) { return before; }
    const event = player.event('Update', properties, { PhysicalResourceId: before.id, OldResourceProperties: strings(player, before.properties), ...request });
    return { id: (await player.play(event)).id, properties };
  }

  private async revert(player: Stack, old: Resource, now: Resource, rollbackWith: 'old' | 'new'): Promise<Resource> {
    if (same(old.properties, now.properties)) { return old; }
    const { id } = await player.play(player.event('Update', old.properties, {
      PhysicalResourceId: rollbackWith === 'new' ? now.id : old.id, OldResourceProperties: strings(player, now.properties),
    }));
    return { id, properties: old.properties };
  }

  private async delete(player: Stack, { id, properties }: Resource): Promise<void> {
    await player.play(player.event('Delete', properties, { PhysicalResourceId: id }));
  }

  private status(status: string): void {
    this.world.stacks.statuses.set(this.stackId, status);
  }
}

function same(a: Properties, b: Properties): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function strings(player: Stack, properties: Properties): Properties {
  return player.event('Update', properties).ResourceProperties as Properties;
}
