import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { DeleteFileSystemCommand, type EFSClient, type FileSystemDescription } from '@aws-sdk/client-efs';
import type { KMSClient } from '@aws-sdk/client-kms';
import type { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import type { SchedulerClient } from '@aws-sdk/client-scheduler';
import { Configuration } from './configuration';
import { Creator } from './creator';
import { Efs, POLL } from '../efs';
import { dataIn, refuseForObstacles } from './deletion-blockers';
import { changes, DEFAULTS, immutablesOf, referenceOf, tokenOf } from './immutables';
import { keyArn } from './key-arn';
import { Schedules } from './schedules';
import { TaggedFileSystems } from './tagged-file-systems';
import { changeThroughput, throughputAttributes, throughputOf } from './throughput';
import type { FileSystemAttributes, FileSystemProperties } from '../../../src/contract/file-system';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { isNamed, nameOf } from '../../shared/errors';
import { log } from '../../shared/log';
import { belongsTo, refuseReservedTags, tagChanges, valueOf } from '../../shared/ownership';
import type { Context, Found, Lifecycle } from '../../shared/resource-lifecycle';
import { Stacks } from '../../shared/stacks';
import { stateOf } from '../../shared/state-tag';
import { Replications } from '../settings/replication';

export interface FileSystemClients {
  readonly efs: EFSClient;
  readonly kms: KMSClient;
  readonly cloudFormation: CloudFormationClient;
  readonly tagging: ResourceGroupsTaggingAPIClient;
  readonly scheduler: SchedulerClient;
  /** EFS of another Region, where replications lead to. */
  readonly efsIn: (region: string) => EFSClient;
}

/** What a release takes away. The owner tag stays: by it the next deployment finds the data again. */
const RELEASED = [OWNERSHIP_TAGS.stackId, OWNERSHIP_TAGS.logicalId, OWNERSHIP_TAGS.identity, OWNERSHIP_TAGS.requestId, OWNERSHIP_TAGS.state];

export const fileSystem = (clients: FileSystemClients): Lifecycle<FileSystemProperties, FileSystemAttributes> => {
  const efs = new Efs(clients.efs);
  const stacks = new Stacks(clients.cloudFormation);
  const schedules = new Schedules(clients.scheduler);
  const replications = new Replications(efs, clients.efsIn);
  const configuration = new Configuration(efs, stacks, replications);
  const creator = new Creator(efs, stacks, new TaggedFileSystems(clients.tagging, efs));

  /** Another policy of an update that CloudFormation does not take back makes an adopted file system a normal one. */
  async function settleRemovalPolicy(
    present: FileSystemDescription, properties: FileSystemProperties, old: FileSystemProperties | undefined, { stackId }: Context,
  ): Promise<void> {
    if (stateOf(present.Tags) !== 'adopted' || old?.RemovalPolicy !== 'Retain' || properties.RemovalPolicy !== 'Delete') { return; }
    if (await stacks.isRollingBack(stackId, true)) { return; }
    await efs.untag(present.FileSystemId!, [OWNERSHIP_TAGS.state]);
  }

  /** Retained when it was replaced, and now wanted again: a rollback of that must not delete its data. The way back itself takes up what was in use. */
  async function isTakenUpAgain(
    present: FileSystemDescription, properties: FileSystemProperties, old: FileSystemProperties, context: Context,
  ): Promise<boolean> {
    if (referenceOf(properties) === referenceOf(old) || stateOf(present.Tags) !== undefined) { return false; }
    if (valueOf(present.Tags, OWNERSHIP_TAGS.requestId) === context.requestId) { return false; }
    // Where CloudFormation does not say, better one that is only released in the end than one that is lost.
    return !await stacks.isRollingBack(context.stackId, false);
  }

  /** What a rollback deletes was made by the very operation that is taken back (RETAIN_ON_UPDATE_OR_DELETE); it may have been written to meanwhile. */
  async function refuseLoss(present: FileSystemDescription, { stackId }: Context): Promise<void> {
    const bytes = dataIn(present);
    if (bytes === 0 && await stacks.isRollingBack(stackId, false)) { return; }
    throw new Error(`file system ${present.FileSystemId} is not deleted, since its 'removalPolicy' is RETAIN`
      + `${bytes > 0 ? ` and it holds data (${bytes} bytes)` : ''}: `
      + 'set that to DESTROY and deploy before you delete it, or let CloudFormation retain the resource');
  }

  return {
    identity: ['CreationToken', 'AdoptFileSystemId', 'Encrypted', 'KmsKeyId', 'PerformanceMode', 'AvailabilityZoneName'],
    defaults: DEFAULTS,
    physicalId: /^fs-[0-9a-f]{8,40}$/,

    async create(properties, context) {
      refuseReservedTags(properties.FileSystemTags);
      if (context.old) { refuseSameToken(properties, context.old); }
      const kmsKey = properties.KmsKeyId === undefined ? undefined : await keyArn(clients.kms, properties.KmsKeyId);
      const creation = { properties, wanted: immutablesOf(properties, kmsKey), context };
      return { id: await (properties.AdoptFileSystemId === undefined ? creator.create(creation) : creator.adopt(creation)) };
    },

    async update(id, properties, old, context) {
      refuseReservedTags(properties.FileSystemTags);
      const present = await efs.fileSystem(id);
      if (!present || present.LifeCycleState === 'deleting') {
        throw new Error(`file system ${id} is gone: it was deleted outside of CloudFormation`);
      }
      const maker = valueOf(present.Tags, OWNERSHIP_TAGS.stackId);
      if (maker !== undefined && maker !== context.stackId) { throw new Error(`file system ${id} belongs to stack ${maker} now`); }
      await creator.claim(present, properties, context, await isTakenUpAgain(present, properties, old, context) ? 'adopted' : undefined);
    },

    async ready(id, properties, context) {
      const present = await efs.fileSystem(id, POLL);
      if (!present) { throw new Error(`file system ${id} disappeared while it was being made ready`); }
      refuseLate(present, context);
      switch (present.LifeCycleState) {
        case 'creating': case 'updating': return undefined;
        case 'available': break;
        default: throw new Error(`file system ${id} is in state ${present.LifeCycleState}, from which it does not become available`);
      }

      // Those of another file system say nothing of this one.
      const old = context.old && referenceOf(context.old) === referenceOf(properties) ? context.old : undefined;
      const change = { fileSystem: present, wanted: properties, old, stackId: context.stackId };
      let pending: string;
      try {
        await configuration.prepare(change);
        const throughput = await changeThroughput(present, throughputOf(properties, old), {
          efs, stacks, schedules, context, deferral: properties.Deferral, oldDeferral: context.old?.Deferral,
        });
        if (throughput.waiting) { return undefined; }
        pending = throughput.pending ?? '';
        const tags = tagChanges(present.Tags, properties.FileSystemTags ?? [], old?.FileSystemTags);
        await efs.tag(id, tags.set);
        await efs.untag(id, tags.remove);
        if (!await configuration.apply(change)) { return undefined; }
      } catch (error) {
        // Somebody else changes it right now.
        if (isNamed(error, 'IncorrectFileSystemLifeCycleState')) { return undefined; }
        throw error;
      }
      await settleRemovalPolicy(present, properties, old, context);
      if (stateOf(present.Tags) === 'creating') { await efs.untag(id, [OWNERSHIP_TAGS.state]); }
      return { FileSystemId: id, Arn: present.FileSystemArn!, ...throughputAttributes(present), PendingThroughputChange: pending };
    },

    async delete(id, properties, context) {
      const present = await efs.fileSystem(id);
      if (!present || present.LifeCycleState === 'deleting' || !belongsTo(present.Tags, context)) { return; }
      if (properties.Deferral) { await schedules.cancel(id, properties.Deferral); }
      const state = stateOf(present.Tags);
      if (state === 'adopted') {
        log({ event: 'adopted file system released', id });
        return efs.untag(id, RELEASED);
      }
      // What a rollback deletes was made by the very operation that is taken back (RETAIN_ON_UPDATE_OR_DELETE).
      if (properties.RemovalPolicy === 'Retain' && state !== 'creating') { await refuseLoss(present, context); }
      try {
        await efs.call('DeleteFileSystem', client => client.send(new DeleteFileSystemCommand({ FileSystemId: id })));
      } catch (error) {
        if (isNamed(error, 'FileSystemNotFound')) { return; }
        // A mount target counts until its network interface is gone; this is tried again until then.
        if (!isNamed(error, 'FileSystemInUse', 'IncorrectFileSystemLifeCycleState')) { throw error; }
        log({ event: 'file system cannot be deleted yet', id, error: nameOf(error) });
        await replications.deleteBlocking(id, properties.ReplicationConfiguration !== undefined);
        await refuseForObstacles(efs, present, context.since);
      }
    },

    async gone(id, _properties, context) {
      const present = await efs.fileSystem(id, POLL);
      return !present || !belongsTo(present.Tags, context);
    },

    async find(candidates, context) {
      const found: Found[] = [];
      for (const { reference, isId } of references(candidates)) {
        const present = await (isId ? efs.fileSystem(reference) : efs.fileSystemWithToken(reference));
        if (!present || found.some(({ id }) => id === present.FileSystemId) || !belongsTo(present.Tags, context) || present.LifeCycleState === 'deleting') { continue; }
        found.push({
          id: present.FileSystemId!,
          identity: valueOf(present.Tags, OWNERSHIP_TAGS.identity),
          requestId: valueOf(present.Tags, OWNERSHIP_TAGS.requestId),
          state: stateOf(present.Tags) === 'creating' ? 'unfinished' : 'usable',
        });
      }
      return found;
    },
  };
};

/** By which of the candidates' file systems are looked for, each once. */
function references(candidates: readonly FileSystemProperties[]): { reference: string; isId: boolean }[] {
  const all = candidates.map(properties => ({ reference: referenceOf(properties), isId: properties.AdoptFileSystemId !== undefined }));
  return all.filter(({ reference }, position) => all.findIndex(other => other.reference === reference) === position);
}

/** EFS would answer with the old file system, which is not what is wanted. */
function refuseSameToken(properties: FileSystemProperties, old: FileSystemProperties): void {
  const changed = changes(properties, old);
  if (referenceOf(properties) !== referenceOf(old) || changed.length === 0) { return; }
  if (properties.AdoptFileSystemId !== undefined) {
    throw new Error(`'adoptFileSystemId' is still ${properties.AdoptFileSystemId}, but ${changed.join(', ')} cannot change on an existing file system`);
  }
  throw new Error(`'creationToken' is still '${tokenOf(properties)}', but ${changed.join(', ')} cannot change on an existing file system: `
    + 'choose another \'creationToken\' for a new one, or leave the properties as they were');
}

/** An operation that CloudFormation cancelled is asked about all the same, until its time is over; meanwhile another one counts. */
function refuseLate({ FileSystemId: id, Tags: tags }: FileSystemDescription, context: Context): void {
  if (!belongsTo(tags, context)) { throw new Error(`file system ${id} was released or taken over while it was being made ready`); }
  const latest = valueOf(tags, OWNERSHIP_TAGS.requestId);
  if (latest !== context.requestId) { throw new Error(`the request for file system ${id} was superseded by a later one (${latest})`); }
}
