import { createHash } from 'crypto';
import type { Clock } from '../clock';
import { REGION, arn } from '../environment';
import type { Context } from '../iam';
import type { Principals } from '../principals';
import { ServiceError, type Call } from '../service';
import { DURATIONS, LIMITS, type EfsOptions, type Keys, type Network } from './options';
import { deniedByPolicy } from './policy';
import { badRequest, regionOf, requestTags } from './requests';
import { AccessPoint, FileSystem, MountTarget, type Replication, type Tag, type Tagged } from './state';

/** The services of the account that EFS asks. */
export interface Neighbours {
  readonly network: Network;
  readonly keys: Keys;
  readonly principals: Principals;
}

/** All that EFS holds for the account in the Region, and what its operations share. */
export class Account {
  public readonly network: Network;
  public readonly keys: Keys;
  public readonly principals: Principals;
  /** undefined: policies are described as they were put. */
  public readonly policySeed: string | undefined;
  public readonly durations: typeof DURATIONS;
  public readonly limits: typeof LIMITS;
  public readonly unsupportedZones: string[];
  /** Whether AWSServiceRoleForAmazonElasticFileSystem exists; the first mount target makes it. */
  public serviceLinkedRoleExists = false;
  private things: { fileSystems: FileSystem[]; mountTargets: MountTarget[]; accessPoints: AccessPoint[]; replications: Replication[] } = {
    fileSystems: [], mountTargets: [], accessPoints: [], replications: [],
  };
  /** Network interfaces whose mount targets are gone. */
  private lingering: { readonly networkInterfaceId: string; readonly until: number }[] = [];
  private made = 0;

  constructor(public readonly clock: Clock, { network, keys, principals }: Neighbours, options: EfsOptions) {
    this.network = network;
    this.keys = keys;
    this.principals = principals;
    this.policySeed = options.policySpelling === 'as put' ? undefined : `${options.seed ?? process.env.WORLD_SEED ?? 1}`;
    this.durations = { ...DURATIONS, ...options.durations };
    this.limits = { ...LIMITS, ...options.limits };
    this.unsupportedZones = options.unsupportedZones ?? [];
  }

  public get fileSystems(): FileSystem[] {
    return this.everywhere.filter(({ region }) => region === REGION);
  }

  /** Destinations of replications in other Regions, too. */
  public get everywhere(): FileSystem[] {
    return this.settle().fileSystems;
  }

  public get replications(): Replication[] {
    return this.settle().replications;
  }

  public get mountTargets(): MountTarget[] {
    return this.settle().mountTargets;
  }

  public get accessPoints(): AccessPoint[] {
    return this.settle().accessPoints;
  }

  /** The one that it is source or destination of. */
  public replicationOf({ id }: FileSystem): Replication | undefined {
    return this.replications.find(({ source, destination }) => source.id === id || destination.id === id);
  }

  public addReplication(replication: Replication): void {
    replication.destination.protection = 'REPLICATING';
    this.things.replications.push(replication);
  }

  public add(thing: FileSystem | MountTarget | AccessPoint): void {
    if (thing instanceof FileSystem) { this.things.fileSystems.push(thing); }
    if (thing instanceof MountTarget) { this.things.mountTargets.push(thing); }
    if (thing instanceof AccessPoint) { this.things.accessPoints.push(thing); }
  }

  /** Forgets whatever is deleted by now, network interfaces with it. */
  public settle() {
    const lives = (thing: FileSystem | MountTarget | AccessPoint) => thing.lifeCycleState !== 'deleted';
    const { fileSystems, mountTargets, accessPoints, replications } = this.things;
    // The service protects a destination again when the replication is gone.
    replications.filter(({ phase }) => phase.state === 'deleted').forEach(({ destination }) => { destination.protection = 'ENABLED'; });
    const now = this.clock.now();
    this.lingering.push(...mountTargets.filter(target => !lives(target))
      .map(({ networkInterfaceId }) => ({ networkInterfaceId, until: now + this.durations.interfaceLingering })));
    this.lingering.filter(({ until }) => until <= now).forEach(({ networkInterfaceId }) => this.network.deleteInterface(networkInterfaceId));
    this.lingering = this.lingering.filter(({ until }) => until > now);
    const livingFileSystems = fileSystems.filter(lives);
    this.things = {
      fileSystems: livingFileSystems,
      mountTargets: mountTargets.filter(lives),
      accessPoints: accessPoints.filter(point => lives(point) && livingFileSystems.some(({ id }) => id === point.fileSystemId)),
      replications: replications.filter(({ phase }) => phase.state !== 'deleted'),
    };
    return this.things;
  }

  /** A new id, always the same ones in the same order, and its place in that order. */
  public nextId(prefix: string): { id: string; order: number } {
    const order = ++this.made;
    return { id: `${prefix}-0${createHash('sha256').update(`${prefix} ${order}`).digest('hex').slice(0, 16)}`, order };
  }

  /** The file system named by id or ARN, for a caller who may do that to it. */
  public fileSystem(call: Call, action: string, idOrArn: string, context: Context = {}): FileSystem {
    const here = regionOf(call);
    const found = this.everywhere.find(({ id, arn: own, region }) => region === here && (id === idOrArn || own === idOrArn));
    this.authorize(call, action, found ?? idOrArn, context);
    if (!found) { throw new ServiceError('FileSystemNotFound', 404, `File system '${idOrArn}' does not exist.`); }
    return found;
  }

  public accessPoint(call: Call, action: string, idOrArn: string, context: Context = {}): AccessPoint {
    const found = this.accessPoints.find(({ id, arn: own }) => id === idOrArn || own === idOrArn);
    this.authorize(call, action, found ?? idOrArn, context);
    if (!found) { throw new ServiceError('AccessPointNotFound', 404, `Access point '${idOrArn}' does not exist.`); }
    return found;
  }

  /** Mount targets have no ARN: what counts is the right to their file system. Whose an unknown one would be, nobody can tell. */
  public mountTarget(call: Call, action: string, id: string): MountTarget {
    const found = this.mountTargets.find(target => target.id === id);
    if (!found) { throw new ServiceError('MountTargetNotFound', 404, `Mount target '${id}' does not exist.`); }
    this.fileSystem(call, action, found.fileSystemId);
    return found;
  }

  /**
   * Throws unless identity policies or the policy of the file system allow the call, and neither denies it. What does not exist has no
   * tags, so who may act by tag only is refused.
   */
  public authorize(call: Call, name: string, target: Tagged | string, given: Context = {}): void {
    const action = `elasticfilesystem:${name}`;
    const existing: Tagged | undefined = typeof target === 'string' ? undefined : target;
    const resource = existing?.arn ?? resourceArn(target as string);
    const context = { ...resourceTags(existing), ...given };
    const verdict = existing instanceof FileSystem ? existing.ownPolicy?.verdict(call.caller.arn, action, context) : undefined;
    if (verdict === 'denied') { throw deniedByPolicy(call.caller.arn, action, resource); }
    // Asked in any case, so that the identity policy's grant counts as used.
    const byIdentity = call.allows(action, resource, context);
    if (!byIdentity && (verdict !== 'allowed' || call.caller.denies(action, resource, context))) { call.authorize(action, resource, context); }
  }

  /** Tags that come with a creating call need the right to tag, which policies may give for just that call. */
  public authorizeTagging(call: Call, createAction: string, resource: string, tags: Tag[]): void {
    if (tags.length === 0) { return; }
    call.authorize('elasticfilesystem:TagResource', resource, { 'elasticfilesystem:CreateAction': createAction, ...requestTags(tags) });
  }

  public requireAvailable(fileSystem: FileSystem): void {
    if (fileSystem.lifeCycleState === 'available') { return; }
    throw new ServiceError('IncorrectFileSystemLifeCycleState', 409,
      `File system '${fileSystem.id}' is in life cycle state '${fileSystem.lifeCycleState}'; this needs it to be 'available'.`);
  }

  public checkTags(tags: Tag[], existing: Record<string, string> = {}): void {
    const keys = tags.map(({ Key }) => Key);
    if (new Set(keys).size !== keys.length) { throw badRequest('Tag keys must be unique.'); }
    if (new Set([...Object.keys(existing), ...keys]).size > this.limits.tags) {
      throw badRequest(`A resource can have at most ${this.limits.tags} tags.`);
    }
  }
}

export function resourceTags(resource: Tagged | undefined): Context {
  return Object.fromEntries(resource?.tagSet.list.map(({ Key, Value }) => [`aws:ResourceTag/${Key}`, Value]) ?? []);
}

function resourceArn(idOrArn: string): string {
  if (idOrArn === '*' || idOrArn.startsWith('arn:')) { return idOrArn; }
  return arn('elasticfilesystem', `${idOrArn.startsWith('fsap-') ? 'access-point' : 'file-system'}/${idOrArn}`);
}
