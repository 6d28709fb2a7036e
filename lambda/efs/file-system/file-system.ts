import { DeleteFileSystemCommand, type FileSystemDescription } from '@aws-sdk/client-efs';
import { Adopter, type AdopterServices } from './adopter';
import { Claims, refuseLate } from './claims';
import { Configuration, type ConfigurationServices } from './configuration';
import { Creator } from './creator';
import { POLL } from '../efs';
import { dataIn, refuseIfBlocked } from './deletion-blockers';
import { DEFAULTS, immutablesOf, referenceOf } from './immutables';
import type { Keys } from './keys';
import { isWanted, mayNameTheSame } from './recognition';
import { refuseSameToken, ReplacementGuard, type ReplacementServices } from './replacement';
import { isTakenUpAgain } from './retained';
import { throughputAttributes } from './throughput';
import type { FileSystemAttributes, FileSystemProperties } from '../../../src/contract/file-system';
import { OWNERSHIP_TAGS, REPLACED_TAG } from '../../../src/contract/ownership';
import { isNamed, nameOf } from '../../shared/errors';
import { log } from '../../shared/log';
import { belongsTo, valueOf } from '../../shared/ownership';
import type { Context, CreateContext, Created, Found, Lifecycle, ReadyContext } from '../../shared/resource-lifecycle';
import { stateOf } from '../../shared/state-tag';

export interface FileSystemServices extends AdopterServices, ConfigurationServices, ReplacementServices {
  readonly keys: Keys;
}

/** A file system with its configuration. Its tags record whose it is. */
export class FileSystemLifecycle implements Lifecycle<FileSystemProperties, FileSystemAttributes> {
  public readonly identity = ['CreationToken', 'AdoptFileSystemId', 'Encrypted', 'KmsKeyId', 'PerformanceMode', 'AvailabilityZoneName'] as const;
  public readonly defaults = DEFAULTS;
  public readonly physicalId = /^fs-[0-9a-f]{8,40}$/;
  private readonly claims: Claims;
  private readonly configuration: Configuration;
  private readonly adopter: Adopter;
  private readonly creator: Creator;

  constructor(private readonly services: FileSystemServices) {
    this.claims = new Claims(services.efs, services.stacks);
    this.configuration = new Configuration(services);
    const guard = new ReplacementGuard(services, this.claims);
    this.adopter = new Adopter(services, this.claims, guard);
    this.creator = new Creator(services.efs, this.adopter, guard);
  }

  public userTags({ FileSystemTags }: FileSystemProperties): FileSystemProperties['FileSystemTags'] {
    return FileSystemTags;
  }

  public async create(properties: FileSystemProperties, context: CreateContext<FileSystemProperties>): Promise<Created> {
    if (context.old) { refuseSameToken(properties, context.old); }
    const kmsKey = properties.KmsKeyId === undefined ? undefined : await this.services.keys.arnOf(properties.KmsKeyId);
    const creation = { properties, wanted: immutablesOf(properties, kmsKey), context };
    return { id: await (properties.AdoptFileSystemId === undefined ? this.creator.create(creation) : this.adopter.adoptNamed(creation)) };
  }

  public async update(id: string, properties: FileSystemProperties, _old: FileSystemProperties, context: Context): Promise<void> {
    const present = await this.services.efs.fileSystem(id);
    if (!present || present.LifeCycleState === 'deleting') {
      throw new Error(`file system ${id} is gone: it was deleted outside of CloudFormation`);
    }
    const claimant = valueOf(present.Tags, OWNERSHIP_TAGS.stackId);
    if (claimant !== undefined && claimant !== context.stackId) { throw new Error(`file system ${id} belongs to stack ${claimant} now`); }
    const isAdopted = await isTakenUpAgain(present, context);
    await this.claims.claim(present, properties, context, isAdopted ? 'adopted' : undefined);
  }

  public async isSame(id: string, properties: FileSystemProperties, old: FileSystemProperties): Promise<boolean> {
    if (!mayNameTheSame(properties, old)) { return false; }
    const present = await this.services.efs.fileSystem(id);
    return present !== undefined && present.LifeCycleState !== 'deleting' && isWanted(present, properties, this.services.keys);
  }

  public async ready(
    id: string, properties: FileSystemProperties, context: ReadyContext<FileSystemProperties>,
  ): Promise<FileSystemAttributes | undefined> {
    const present = await this.services.efs.fileSystem(id, POLL);
    if (!present) { throw new Error(`file system ${id} disappeared while it was being made ready`); }
    refuseLate(present, context);
    if (!isAvailable(present)) { return undefined; }

    // The old properties of another file system do not describe this one.
    const old = context.replacedId === undefined ? context.old : undefined;
    const configured = await this.configuration.reconcile({ fileSystem: present, wanted: properties, old, context });
    if (!configured) { return undefined; }
    await this.claims.endAdoption(present, properties, old, context);
    await this.claims.complete(present);
    return { FileSystemId: id, Arn: present.FileSystemArn!, ...throughputAttributes(present), PendingThroughputChange: configured.pending };
  }

  /** Deletes the file system, but releases one that was adopted, or that is retained and holds data. */
  public async delete(id: string, properties: FileSystemProperties, context: Context): Promise<void> {
    const present = await this.services.efs.fileSystem(id);
    if (!present || present.LifeCycleState === 'deleting' || !belongsTo(present.Tags, context)) { return; }
    if (properties.Deferral) { await this.services.schedules.cancel(id, properties.Deferral); }
    const state = stateOf(present.Tags);
    // With RETAIN, CloudFormation only asks for what a failed operation made, which may have been written to meanwhile.
    const holdsRetained = properties.RemovalPolicy === 'Retain' && dataIn(present) > 0;
    if (state === 'adopted' || holdsRetained) {
      log({ event: 'file system released', id, reason: state === 'adopted' ? 'it was adopted' : "its 'removalPolicy' is RETAIN, and it holds data" });
      return this.claims.release(id);
    }
    await this.deleteOrUnblock(present, properties, context);
  }

  public async gone(id: string, _properties: FileSystemProperties, context: Context): Promise<boolean> {
    const present = await this.services.efs.fileSystem(id, POLL);
    return !present || !belongsTo(present.Tags, context);
  }

  public async find(candidates: readonly FileSystemProperties[], context: Context): Promise<Found[]> {
    const { efs } = this.services;
    const found = new Map<string, Found>();
    const add = (present: FileSystemDescription | undefined) => {
      if (!present || present.LifeCycleState === 'deleting' || !belongsTo(present.Tags, context)) { return; }
      found.set(present.FileSystemId!, {
        id: present.FileSystemId!,
        identity: valueOf(present.Tags, OWNERSHIP_TAGS.identity),
        requestId: valueOf(present.Tags, OWNERSHIP_TAGS.requestId),
        state: stateOf(present.Tags) === 'creating' ? 'unfinished' : 'usable',
      });
    };
    for (const { reference, isId } of references(candidates)) {
      add(await (isId ? efs.fileSystem(reference) : efs.fileSystemWithToken(reference)));
    }
    add(await this.replacedBy(context));
    return [...found.values()];
  }

  /**
   * Returns the file system that was replaced by the one that the event names. In a rollback that is the wanted one, although its creation
   * token may be derived from an owner that it had earlier.
   */
  private async replacedBy({ physicalId }: Context): Promise<FileSystemDescription | undefined> {
    if (physicalId === undefined || !this.physicalId.test(physicalId)) { return undefined; }
    const { efs } = this.services;
    const id = valueOf((await efs.fileSystem(physicalId))?.Tags, REPLACED_TAG);
    return id === undefined ? undefined : efs.fileSystem(id);
  }

  /** Deletes a file system. If it is in use, removes its own replication, and throws if something else blocks the deletion that will stay. */
  private async deleteOrUnblock(fileSystem: FileSystemDescription, properties: FileSystemProperties, context: Context): Promise<void> {
    const { efs, replications } = this.services;
    const id = fileSystem.FileSystemId!;
    try {
      await efs.call('DeleteFileSystem', client => client.send(new DeleteFileSystemCommand({ FileSystemId: id })));
    } catch (error) {
      if (isNamed(error, 'FileSystemNotFound')) { return; }
      // A mount target counts until its network interface is gone. The deletion is repeated until then.
      if (!isNamed(error, 'FileSystemInUse', 'IncorrectFileSystemLifeCycleState')) { throw error; }
      log({ event: 'file system cannot be deleted yet', id, error: nameOf(error) });
      await replications.deleteBlocking(id, properties.ReplicationConfiguration !== undefined);
      await refuseIfBlocked(efs, fileSystem, context.deletionBegan);
    }
  }
}

/** Throws if the file system will not become available. */
function isAvailable({ FileSystemId: id, LifeCycleState: state }: FileSystemDescription): boolean {
  if (state === 'creating' || state === 'updating') { return false; }
  if (state !== 'available') { throw new Error(`file system ${id} is in state ${state}, from which it does not become available`); }
  return true;
}

/** Returns the ids and creation tokens by which the candidates name file systems, each once. */
function references(candidates: readonly FileSystemProperties[]): { reference: string; isId: boolean }[] {
  const all = candidates.map(properties => ({ reference: referenceOf(properties), isId: properties.AdoptFileSystemId !== undefined }));
  return all.filter(({ reference }, position) => all.findIndex(other => other.reference === reference) === position);
}
