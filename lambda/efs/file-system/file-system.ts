import { DeleteFileSystemCommand, type FileSystemDescription } from '@aws-sdk/client-efs';
import { Adopter, type AdopterServices } from './adopter';
import { readBefore } from './before-tags';
import { Claims, refuseLate } from './claims';
import { Configuration, type ConfigurationServices } from './configuration';
import { ownersOfConstruct } from './construct-names';
import { Creator } from './creator';
import { POLL } from '../efs';
import { dataIn, refuseIfBlocked } from './deletion-blockers';
import { Evidence } from './evidence';
import { DEFAULTS, immutablesOf, referenceOf } from './immutables';
import type { Keys } from './keys';
import { readOverwritten } from './overwritten-settings';
import { isWanted, mayNameTheSame } from './recognition';
import { refuseSameToken, ReplacementGuard, type ReplacementServices } from './replacement';
import { isTakenUpAgain } from './retained';
import { refuseIfRenamed } from './successors';
import { throughputAttributes } from './throughput';
import type { FileSystemAttributes, FileSystemProperties } from '../../../src/contract/file-system';
import { OWNERSHIP_TAGS, REPLACED_TAG } from '../../../src/contract/ownership';
import { failedCallOf } from '../../shared/answering/call';
import { isDenial } from '../../shared/denials';
import { isCertainlyBack, isCertainlyForward, throwUnlessBack } from '../../shared/direction';
import { isNamed, nameOf, OutOfReach } from '../../shared/errors';
import { log } from '../../shared/log';
import { belongsTo, valueOf } from '../../shared/ownership';
import { LEAVING, type Context, type CreateContext, type Created, type Found, type Lifecycle, type ReadyContext } from '../../shared/resource-lifecycle';
import { stateOf } from '../../shared/state-tag';
import { foundSettings } from '../settings/found-settings';

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
  private readonly evidence: Evidence;

  constructor(private readonly services: FileSystemServices) {
    this.claims = new Claims(services.efs);
    this.configuration = new Configuration(services);
    this.evidence = new Evidence(services.stacks);
    const guard = new ReplacementGuard(services, this.evidence);
    this.adopter = new Adopter(services, this.claims, this.evidence, guard);
    this.creator = new Creator(services, this.adopter, guard);
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

  public async update(id: string, properties: FileSystemProperties, before: FileSystemProperties, context: Context): Promise<void> {
    const present = await this.services.efs.fileSystem(id);
    if (!present || present.LifeCycleState === 'deleting') {
      throw new OutOfReach(`file system ${id} is gone: it was deleted outside of CloudFormation; to have a new, empty one, set another 'creationToken' and 'allowReplacement'`);
    }
    const claimant = valueOf(present.Tags, OWNERSHIP_TAGS.stackId);
    if (claimant !== undefined && claimant !== context.stackId) { throw new OutOfReach(`file system ${id} belongs to stack ${claimant} now`); }
    const isAdopted = await isTakenUpAgain(present, context);
    // The properties before a replacement are those of another file system.
    const old = context.physicalId === id ? before : undefined;
    const found = await foundSettings(present, properties, old, this.services);
    await this.claims.claim(present, properties, context, { old, found, state: isAdopted ? 'adopted' : undefined });
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
    if (!present) { throw new OutOfReach(`file system ${id} disappeared while it was being made ready`); }
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

  public withoutReach(id: string, _properties: FileSystemProperties, { stackId }: Context): FileSystemAttributes {
    const [arn, partition, , region, account] = stackId.split(':');
    const Arn = [arn, partition, 'elasticfilesystem', region, account, `file-system/${id}`].join(':');
    return { FileSystemId: id, Arn, ThroughputMode: '', ProvisionedThroughputInMibps: '', PendingThroughputChange: '' };
  }

  /** Deletes the file system, but releases one that was adopted, or that is retained and holds data. */
  public async delete(id: string, properties: FileSystemProperties, context: Context): Promise<void> {
    const found = await this.services.efs.fileSystem(id);
    if (!found || found.LifeCycleState === 'deleting') { return; }
    const present = hasClaim(found) || properties.AdoptFileSystemId !== undefined ? found : await this.reclaimed(found, properties, context);
    if (!belongsTo(present.Tags, context)) { return; }
    if (properties.Deferral) { await this.services.schedules.cancel(id, properties.Deferral); }
    const state = stateOf(present.Tags);
    if (state === 'retained') { return; }
    if (state === 'released') { return this.giveBack(present, properties, context); }
    const restores = await this.isTakenBack(present, context);
    // With RETAIN, CloudFormation only asks for what a failed operation made, which may have been written to meanwhile.
    const holdsRetained = properties.RemovalPolicy === 'Retain' && dataIn(present) > 0;
    if (state === 'adopted' || restores || holdsRetained) {
      log({ event: 'file system released', id, restores, reason: holdsRetained ? "its 'removalPolicy' is RETAIN, and it holds data" : 'it was adopted' });
      return this.claims.release(present, restores);
    }
    if (isKeptByLaterRelease(present)) { return throwUnlessBack(context, laterStateError(present)); }
    await refuseIfRenamed(present, properties, context, this.services);
    await this.deleteOrUnblock(present, properties, context);
  }

  public async gone(id: string, _properties: FileSystemProperties, context: Context): Promise<boolean | typeof LEAVING> {
    const present = await this.services.efs.fileSystem(id, POLL);
    if (!present || !belongsTo(present.Tags, context)) { return true; }
    if (isKeptByLaterRelease(present)) {
      await throwUnlessBack(context, laterStateError(present));
      return true;
    }
    if (stateOf(present.Tags) === 'retained') { return true; }
    return present.LifeCycleState === 'deleting' && LEAVING;
  }

  public async wasHandedOut(id: string, properties: FileSystemProperties, context: Context): Promise<boolean> {
    const present = await this.services.efs.fileSystem(id);
    if (!present || stateOf(present.Tags) === 'creating') { return false; }
    if (isKeptByLaterRelease(present) || (await this.replacedBy(context))?.FileSystemId === id) { return true; }
    if (readBefore(present.Tags) === undefined) { return this.evidence.isOfConstruct(present, properties, context); }
    // It was known before it was adopted, too.
    return this.evidence.isListed(id, context);
  }

  public async find(candidates: readonly FileSystemProperties[], context: Context): Promise<Found[]> {
    const { efs } = this.services;
    const found = new Map<string, Found>();
    const add = (present: FileSystemDescription | undefined) => {
      if (!present || present.LifeCycleState === 'deleting' || !belongsTo(present.Tags, context)) { return; }
      const state = stateOf(present.Tags);
      found.set(present.FileSystemId!, {
        id: present.FileSystemId!,
        identity: valueOf(present.Tags, OWNERSHIP_TAGS.identity),
        requestId: valueOf(present.Tags, OWNERSHIP_TAGS.requestId),
        state: state === 'creating' ? 'unfinished' : 'usable',
        made: state === undefined && !readBefore(present.Tags) ? present.CreationTime?.getTime() : undefined,
      });
    };
    for (const { reference, isId } of references(candidates)) {
      add(await (isId ? efs.fileSystem(reference) : efs.fileSystemWithToken(reference)));
    }
    add(await this.replacedBy(context));
    (await this.adoptedBy(context)).forEach(add);
    return [...found.values()];
  }

  /** Returns what a creation may have adopted under another creation token before it was cancelled. */
  private async adoptedBy({ physicalId, stackId, logicalId }: Context): Promise<FileSystemDescription[]> {
    const isCancelled = physicalId !== undefined && !this.physicalId.test(physicalId) && failedCallOf(physicalId) === undefined;
    if (!isCancelled) { return []; }
    return this.services.taggedFileSystems.having({ [OWNERSHIP_TAGS.stackId]: stackId, [OWNERSHIP_TAGS.logicalId]: logicalId });
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

  /** Whether a deletion takes back the latest adoption, so that the resource which had the file system before has it again. */
  private async isTakenBack({ FileSystemId: id, Tags: tags }: FileSystemDescription, context: Context): Promise<boolean> {
    const claim = readBefore(tags)?.claim;
    if (claim === undefined || await isCertainlyForward(context)) { return false; }
    return context.direction === 'back' || this.evidence.isListed(id!, claim);
  }

  /**
   * Restores the settings and tags that an adoption has overwritten. The settings come back in a rollback only, and before the tags, because the role may change them only while
   * the tags name its stack.
   */
  private async giveBack(present: FileSystemDescription, properties: FileSystemProperties, context: Context): Promise<void> {
    const overwritten = readOverwritten(present.Tags, properties);
    if (overwritten && await isCertainlyBack(context)) {
      const { set, before } = overwritten;
      const { Owner, RemovalPolicy } = properties;
      const change = { fileSystem: present, wanted: { Owner, RemovalPolicy, ...before }, old: { Owner, RemovalPolicy, ...set }, context };
      // The deletion is repeated until the settings are in force.
      if (!await this.configuration.reconcile(change)) { return; }
    }
    await this.claims.endRelease(present, properties, context);
  }

  /** Writes the tags of a file system of this resource that has none, because they were removed by hand. */
  private async reclaimed(found: FileSystemDescription, properties: FileSystemProperties, context: Context): Promise<FileSystemDescription> {
    const id = found.FileSystemId!;
    await this.claims.claim(found, properties, context).catch(error => {
      throw isDenial(error) ? new Error(`file system ${id} has no tag ${OWNERSHIP_TAGS.owner}, without which the role may not change it: set that to ${properties.Owner}, `
        + 'and delete again', { cause: error }) : error;
    });
    return { ...found, Tags: (await this.services.efs.fileSystem(id))?.Tags };
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

/** Whether a resource of this library claims the file system, or claimed it until it was released. */
function hasClaim({ Tags: tags }: FileSystemDescription): boolean {
  return valueOf(tags, OWNERSHIP_TAGS.stackId) !== undefined;
}

/** Whether a later release has given a state to a file system that holds data. It may mean that the data are not this stack's to delete. */
function isKeptByLaterRelease(fileSystem: FileSystemDescription): boolean {
  return stateOf(fileSystem.Tags) === 'unknown' && dataIn(fileSystem) > 0;
}

function laterStateError({ FileSystemId: id, Tags: tags }: FileSystemDescription): Error {
  return new Error(`file system ${id} is not deleted, because it holds data, and a later release of cdk-durable-storage has set its tag ${OWNERSHIP_TAGS.state} `
    + `to ${valueOf(tags, OWNERSHIP_TAGS.state)}: use that release, or delete the file system by hand`);
}

/** Throws if the file system will not become available. */
function isAvailable({ FileSystemId: id, LifeCycleState: state }: FileSystemDescription): boolean {
  if (state === 'creating' || state === 'updating') { return false; }
  if (state !== 'available') { throw new OutOfReach(`file system ${id} is in state ${state}, from which it does not become available`); }
  return true;
}

/** Returns the ids and creation tokens by which the candidates name file systems, under their former logical ids too, each once. */
function references(candidates: readonly FileSystemProperties[]): { reference: string; isId: boolean }[] {
  const all = candidates.flatMap(properties => ownersOfConstruct(properties).map(Owner =>
    ({ reference: referenceOf({ ...properties, Owner }), isId: properties.AdoptFileSystemId !== undefined })));
  return all.filter(({ reference }, position) => all.findIndex(other => other.reference === reference) === position);
}
