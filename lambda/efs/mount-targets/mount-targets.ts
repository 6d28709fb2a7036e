import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import type { EC2Client } from '@aws-sdk/client-ec2';
import {
  CreateMountTargetCommand, DeleteMountTargetCommand, DescribeMountTargetSecurityGroupsCommand, ModifyMountTargetSecurityGroupsCommand,
  type EFSClient, type FileSystemDescription, type MountTargetDescription,
} from '@aws-sdk/client-efs';
import { Efs, idOf, POLL } from '../efs';
import { interfacesLeft } from './network-interfaces';
import { byZone, candidatesOf, checkLists, checkSituation, planOf, swapIn, type Candidate, type Situation } from './plan';
import { readRecord, recordKey, recordTag, requestDigest, resourceDigest, type SetRecord } from './record';
import { placesOf } from './subnets';
import { isAdopted, takenOver } from './takeover';
import {
  MOUNT_TARGET_ATTRIBUTES, type MountTargetAttribute, type MountTargetsAttributes, type MountTargetsProperties,
} from '../../../src/contract/mount-targets';
import { isNamed, saidBy } from '../../shared/errors';
import { log } from '../../shared/log';
import { boolean, flag, number } from '../../shared/property-values';
import { identityOf, type Context, type Found, type Lifecycle } from '../../shared/resource-lifecycle';
import { isThrottle, RETRY_POLICIES, type RetryOptions } from '../../shared/retry';
import { Stacks } from '../../shared/stacks';

export interface MountTargetsClients {
  readonly efs: EFSClient;
  readonly ec2: EC2Client;
  readonly cloudFormation: CloudFormationClient;
}

/** So long a look at the record counts: a later request needs longer to begin. */
const FRESH_MILLISECONDS = 1_000;

interface Present extends Situation {
  readonly record: SetRecord | undefined;
}

export const mountTargets = (clients: MountTargetsClients): Lifecycle<MountTargetsProperties, MountTargetsAttributes> => {
  const efs = new Efs(clients.efs);
  const stacks = new Stacks(clients.cloudFormation);
  const identity: (keyof MountTargetsProperties & string)[] = ['FileSystemId'];

  async function look(properties: MountTargetsProperties, context: Context, known?: readonly MountTargetDescription[]): Promise<Present> {
    checkLists(properties);
    const id = idOf(properties.FileSystemId);
    const candidates = candidatesOf(properties, await placesOf(clients.ec2, properties.SubnetIds));
    // Before the record: what another delivery of the same event makes meanwhile is in there before it exists.
    const targets = known ?? await efs.mountTargets(id);
    const fileSystem = await efs.fileSystem(id);
    if (!fileSystem) { throw new Error(`'fileSystem' is ${id}, but there is no such file system`); }
    const record = readRecord(fileSystem, properties.Address);
    const recorded = record?.resource === resourceDigest(context) ? record.subnetIds : [];
    return { fileSystem, record, candidates, targets, recorded };
  }

  /** The record as a request begins. Another delivery of it may be further on already: it must find the same in there. */
  async function begin(
    present: Present, address: string, state: SetRecord['state'], context: Context, taken: readonly string[] = [],
  ): Promise<void> {
    const { fileSystem, record, recorded, targets } = present;
    const [resource, request] = [resourceDigest(context), requestDigest(context)];
    const own = record?.resource === resource ? record : undefined;
    if (own && own.request === request && own.state !== 'deleting' && taken.length === 0) { return; }
    const subnetIds = [...new Set([...withTargets(recorded, targets), ...planOf(present).missing.map(({ subnetId }) => subnetId)])];
    await write(fileSystem, address, { state, resource, request, subnetIds, adopted: [...own?.adopted ?? [], ...taken], settling: own?.settling });
  }

  async function recordOf(id: string, options?: RetryOptions): Promise<SetRecord | undefined> {
    const [fileSystemId, address] = split(id);
    const fileSystem = await efs.fileSystem(fileSystemId, options);
    return fileSystem && readRecord(fileSystem, address);
  }

  /** On the way back from another file system: nobody else may ask again for what was begun there. */
  async function isLeftBehind(old: MountTargetsProperties, id: string, context: Context): Promise<boolean> {
    const former = `${idOf(old.FileSystemId)}/${old.Address}`;
    if (former === id || (await recordOf(former))?.state !== 'deleting') { return true; }
    try {
      await life.delete(former, old, context);
      return await life.gone(former, old, context);
    } catch (error) {
      if (isThrottle(error)) { throw error; }
      // No reason to fail what is in place: perhaps the policy that allowed it went back before.
      log({ event: 'could not clean up', former, error: saidBy(error) });
      return true;
    }
  }

  async function write(fileSystem: FileSystemDescription, address: string, record: SetRecord): Promise<void> {
    const tag = recordTag(address, record);
    if (fileSystem.Tags?.some(({ Key, Value }) => Key === tag.Key && Value === tag.Value)) { return; }
    await efs.tag(fileSystem.FileSystemId!, [tag]);
  }

  async function remove({ MountTargetId }: MountTargetDescription): Promise<void> {
    log({ event: 'deleting mount target', MountTargetId });
    try {
      await efs.call('DeleteMountTarget', client => client.send(new DeleteMountTargetCommand({ MountTargetId })));
    } catch (error) {
      if (!isNamed(error, 'MountTargetNotFound')) { throw error; }
    }
  }

  /** `check` runs just before every attempt. `patient`: the address may be that of a target of ours whose network interface EC2 still remembers. */
  async function make(
    fileSystemId: string, candidate: Candidate, groups: readonly string[], check: () => Promise<unknown>, patient: boolean,
  ): Promise<void> {
    const { subnetId, addressType, ipAddress, ipv6Address } = candidate;
    log({ event: 'creating mount target', fileSystemId, subnetId, addressType, ipAddress, ipv6Address });
    try {
      await efs.call('CreateMountTarget', async client => {
        await check();
        await client.send(new CreateMountTargetCommand({
          FileSystemId: fileSystemId,
          SubnetId: subnetId,
          ...addressType !== 'IPV4_ONLY' && { IpAddressType: addressType },
          IpAddress: ipAddress,
          Ipv6Address: ipv6Address,
          ...groups.length > 0 && { SecurityGroups: [...groups] },
        }));
      }, {
        policy: RETRY_POLICIES.NETWORK_VISIBILITY,
        retryIf: error => isNamed(error, 'SecurityGroupNotFound') || (patient && isNamed(error, 'IpAddressInUse')),
      });
    } catch (error) {
      // The answer to an earlier call was lost, or somebody was faster: the next look tells which.
      if (isNamed(error, 'MountTargetConflict')) { return; }
      if (!isNamed(error, 'Error', 'IncorrectFileSystemLifeCycleState')) {
        const addresses = [ipAddress, ipv6Address].filter(address => address !== undefined);
        const where = addresses.length > 0 ? `, address ${addresses.join(' and ')}` : '';
        (error as Error).message += ` (${subnetId}${where}, file system ${fileSystemId})`;
      }
      throw error;
    }
  }

  async function secure({ MountTargetId }: MountTargetDescription, groups: readonly string[]): Promise<void> {
    if (groups.length === 0) { return; }
    const { SecurityGroups: present = [] } = await efs.call('DescribeMountTargetSecurityGroups',
      client => client.send(new DescribeMountTargetSecurityGroupsCommand({ MountTargetId })));
    if (sorted(present) === sorted(groups)) { return; }
    await efs.call('ModifyMountTargetSecurityGroups',
      client => client.send(new ModifyMountTargetSecurityGroupsCommand({ MountTargetId, SecurityGroups: [...groups] })),
      { policy: RETRY_POLICIES.NETWORK_VISIBILITY, retryIf: error => isNamed(error, 'SecurityGroupNotFound') });
  }

  const life: Lifecycle<MountTargetsProperties, MountTargetsAttributes> = {
    identity,
    physicalId: /^fs-[0-9a-f]{8,40}\/.+$/,

    async create(properties, context) {
      const found = await look(properties, context);
      const taken = boolean('takeOver', properties.TakeOver ?? false) && found.recorded.length === 0 ? await takenOver(efs, found, properties) : [];
      const present = { ...found, recorded: [...found.recorded, ...taken] };
      checkSituation(present);
      warnOfSeveral(present.candidates);
      refuseRival(present, properties.Address, context);
      await begin(present, properties.Address, 'creating', context, taken);
      return { id: `${present.fileSystem.FileSystemId}/${properties.Address}` };
    },

    async update(_id, properties, _old, context) {
      const present = await look(properties, context);
      checkSituation(present);
      warnOfSeveral(present.candidates);
      refuseRival(present, properties.Address, context);
      const swap = boolean('replaceMountTargets', properties.ReplaceMountTargets ?? true) ? undefined : swapIn(present);
      // The way back from an update that was allowed to swap must not be refused.
      if (swap !== undefined && !await stacks.isRollingBack(context.stackId, true)) {
        throw new Error(`${swap}, and 'replaceMountTargets' is false: leave 'vpcSubnets' and the addresses as they were, or set 'replaceMountTargets' to true`);
      }
      await begin(present, properties.Address, present.record?.state === 'creating' ? 'creating' : 'ready', context);
    },

    async ready(id, properties, context) {
      const [fileSystemId] = split(id);
      const all = await efs.mountTargets(fileSystemId, POLL);
      if (areOnTheWay(all, properties)) { return undefined; }
      const present = await look(properties, context, all);
      const lookedAt = Date.now();
      const { fileSystem, candidates, targets, recorded } = present;
      const record = currentRecord(present.record, id, context);
      switch (fileSystem.LifeCycleState) {
        case 'creating': case 'updating': return undefined;
        case 'available': break;
        default: throw new Error(`file system ${fileSystem.FileSystemId} is in state ${fileSystem.LifeCycleState}, and can have no mount targets`);
      }
      checkSituation(present);
      const { kept, obsolete, missing, waiting } = planOf(present);
      const delay = 1000 * number('dnsPropagationDelay', properties.DnsPropagationDelay ?? 0);

      for (const target of obsolete) { await remove(target); }
      const adopted = record.adopted?.filter(subnetId => [...kept.values()].some(({ SubnetId }) => SubnetId === subnetId));
      if (missing.length > 0) {
        const subnetIds = [...new Set([...withTargets(recorded, targets), ...missing.map(({ subnetId }) => subnetId)])];
        await write(fileSystem, properties.Address, { ...record, subnetIds, adopted, ...delay > 0 && { settling: 'pending' } });
      }
      try {
        for (const candidate of missing) {
          // Not for what was seen a moment ago.
          const check = async () => Date.now() - lookedAt > FRESH_MILLISECONDS && currentRecord(await recordOf(id), id, context);
          await make(fileSystem.FileSystemId!, candidate, properties.SecurityGroups, check, context.old !== undefined);
        }
        if (missing.length > 0 || waiting) { return undefined; }

        const broken = [...kept.values()].find(({ LifeCycleState }) => LifeCycleState === 'error');
        if (broken) {
          throw new Error(`mount target ${broken.MountTargetId} in ${broken.SubnetId} is in state error: delete it, and deploy again`);
        }
        if ([...kept.values()].some(({ LifeCycleState }) => LifeCycleState !== 'available')) { return undefined; }
        for (const target of kept.values()) { await secure(target, properties.SecurityGroups); }
      } catch (error) {
        if (isNamed(error, 'IncorrectFileSystemLifeCycleState', 'IncorrectMountTargetState', 'MountTargetNotFound')) { return undefined; }
        throw error;
      }
      if (delay > 0 && record.settling !== undefined) {
        const subnetIds = [...kept.values()].map(({ SubnetId }) => SubnetId!);
        if (record.settling === 'pending') { await write(fileSystem, properties.Address, { ...record, subnetIds, adopted, settling: Date.now() }); }
        if (record.settling === 'pending' || Date.now() < record.settling + delay) { return undefined; }
      }
      if (context.old && !await isLeftBehind(context.old, id, context)) { return undefined; }
      await write(fileSystem, properties.Address, {
        ...record, state: 'ready', subnetIds: [...kept.values()].map(({ SubnetId }) => SubnetId!), adopted, settling: undefined,
      });
      return attributesOf(candidates, kept, properties);
    },

    async delete(id, _properties, context) {
      const [fileSystemId, address] = split(id);
      const fileSystem = await efs.fileSystem(fileSystemId);
      const record = fileSystem && readRecord(fileSystem, address);
      if (!record || record.resource !== resourceDigest(context)) { return; }

      try {
        // Before the first target goes, so that a creation still under way makes no new one. What it was just making is found the next time.
        await write(fileSystem, address, { ...record, state: 'deleting' });
        const released = isAdopted(fileSystem) ? record.adopted ?? [] : [];
        const targets = await efs.mountTargets(fileSystemId);
        const subnetIds = record.subnetIds.filter(subnetId => !released.includes(subnetId));
        const ours = targets.filter(({ SubnetId }) => subnetIds.includes(SubnetId!));
        for (const target of ours) {
          if (target.LifeCycleState !== 'deleting') { await remove(target); }
        }
        if (ours.length > 0 && record.state === 'deleting') {
          // What somebody makes from now on where a target of ours was, is not ours.
          await write(fileSystem, address, { ...record, subnetIds: withTargets(record.subnetIds, targets) });
        }
        if (ours.length > 0 || record.state !== 'deleting') { return; }
        const left = await interfacesLeft(clients.ec2, fileSystemId, targets);
        if (left.length > 0) { return log({ event: 'network interfaces are not gone yet', left }); }
        await efs.untag(fileSystemId, [recordKey(address)]);
      } catch (error) {
        if (!isNamed(error, 'FileSystemNotFound')) { throw error; }
      }
    },

    /** The record goes last. */
    gone: async (id, _properties, context) => (await recordOf(id, POLL))?.resource !== resourceDigest(context),

    async find(candidates, context) {
      const found = new Map<string, Found>();
      for (const candidate of candidates) {
        const id = idOf(candidate.FileSystemId);
        if (found.has(id)) { continue; }
        const fileSystem = await efs.fileSystem(id);
        const record = fileSystem && readRecord(fileSystem, candidate.Address);
        if (record?.resource !== resourceDigest(context)) { continue; }
        found.set(id, {
          id: `${id}/${candidate.Address}`,
          identity: identityOf(life, candidate),
          requestId: record.request === requestDigest(context) ? context.requestId : record.request,
          state: record.state === 'ready' ? 'usable' : 'unfinished',
        });
      }
      return [...found.values()];
    },
  };
  return life;
};

/** Nothing is to be done, and nothing to be told, until they are there: most polls find it so, by one call. */
function areOnTheWay(targets: readonly MountTargetDescription[], { SubnetIds }: MountTargetsProperties): boolean {
  return targets.some(({ LifeCycleState }) => LifeCycleState === 'creating')
    && targets.every(({ LifeCycleState, SubnetId }) => ['creating', 'available'].includes(LifeCycleState!) && SubnetIds.includes(SubnetId!))
    && SubnetIds.every(id => targets.some(({ SubnetId }) => SubnetId === id));
}

/** The same construct path in two stacks gives the same address. */
function refuseRival({ fileSystem, record, targets }: Present, address: string, context: Context): void {
  if (!record || record.resource === resourceDigest(context)) { return; }
  if (withTargets(record.subnetIds, targets).length === 0) { return; }
  throw new Error(`file system ${fileSystem.FileSystemId} has mount targets of another stack's set with the same construct path: `
    + `delete them and the tag ${recordKey(address)} of the file system, or move the construct`);
}

/** What an earlier request still does, its waiting or its retries, must not undo what a later one did. */
function currentRecord(record: SetRecord | undefined, id: string, context: Context): SetRecord {
  if (record?.resource !== resourceDigest(context)) { throw new Error(`the set of mount targets ${id} was deleted while it was being made ready`); }
  if (record.state === 'deleting') { throw new Error(`the set of mount targets ${id} is being deleted`); }
  if (record.request !== requestDigest(context)) { throw new Error(`the request for the set of mount targets ${id} was superseded by a later one`); }
  return record;
}

function attributesOf(
  candidates: readonly Candidate[], kept: ReadonlyMap<string, MountTargetDescription>, { JoinedAttributes }: MountTargetsProperties,
): MountTargetsAttributes {
  // The name of a zone as this account has it, which its subnets tell.
  const told = ({ zoneId, zoneName }: Candidate) => ({ ...kept.get(zoneId)!, AvailabilityZoneName: zoneName });
  const names = Object.keys(MOUNT_TARGET_ATTRIBUTES) as MountTargetAttribute[];
  const targets = [...byZone(candidates).values()].map(([first]) => told(first));
  const joined = (name: MountTargetAttribute) => [MOUNT_TARGET_ATTRIBUTES[name], targets.map(target => target[name] ?? '').join()];
  if (flag(JoinedAttributes)) { return Object.fromEntries(names.map(joined)); }
  const byPosition = candidates.flatMap((candidate, position) => names.map(name => [`${name}${position}`, told(candidate)[name] ?? '']));
  return Object.fromEntries([...byPosition, joined('MountTargetId')]);
}

function warnOfSeveral(candidates: readonly Candidate[]): void {
  for (const [zone, [first, ...others]] of byZone(candidates)) {
    if (others.length === 0) { continue; }
    log({
      event: 'warning: several subnets in one Availability Zone, which gets one mount target: in the first, unless it is in another of them already',
      zone,
      first: first.subnetId,
      others: others.map(({ subnetId }) => subnetId),
    });
  }
}

function withTargets(subnetIds: readonly string[], targets: readonly MountTargetDescription[]): string[] {
  return subnetIds.filter(id => targets.some(({ SubnetId }) => SubnetId === id));
}

function sorted(ids: readonly string[]): string {
  return [...new Set(ids)].sort().join();
}

function split(id: string): [fileSystemId: string, address: string] {
  const slash = id.indexOf('/');
  return [id.slice(0, slash), id.slice(slash + 1)];
}
