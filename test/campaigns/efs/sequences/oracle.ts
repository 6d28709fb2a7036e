import { IN_THE_WAY, POLICY_IN_THE_WAY, TAGS_IN_THE_WAY, type Deployment, type Held } from './deployment';
import { Planned } from './provider';
import type { Scene } from './scene';
import { isSetting, type LogicalId } from './stack-template';
import { TAG_SET_KEYS, ZONES, type Deploy } from './template';
import { ownerDigest } from '../../../../lambda/shared/ownership';
import { OWNERSHIP_TAGS } from '../../../../src/contract/ownership';

const RECORD = `cdk-durable-storage:mount-targets:${ownerDigest({ Owner: 'Stack/Targets', RemovalPolicy: 'Delete' })}`;
const A_DAY = 24 * 3_600_000;

/** How things were when a deployment began. */
export interface Before {
  /** Mount targets of others. */
  readonly theirs: number;
  /** File systems that wait for a new life. */
  readonly left: number;
  /** The latest change of throughput of any file system. */
  readonly changedAt: number;
}

type Plain = Record<string, string>;
const plain = (list: { Key: string; Value: string }[] = []): Plain => Object.fromEntries(list.map(({ Key, Value }) => [Key, Value]));

/** What the world must look like, whatever happened: told from the events that were completed, and from nothing that handlers say. */
export class Oracle {
  /** Tags and policy of file systems that wait for a new life, or for their clean-up: what they carry then is not of that life. */
  private remains = new Map<string, { tags: Plain; policy: string | undefined }>();
  /** Their policy is from a former life, and nobody has decided about it since. */
  private readonly strayPolicies = new Set<string>();
  /** So are these tags, which stay, unless a later life sets and drops them. */
  private readonly strayTags = new Map<string, string[]>();
  /** The throughput of file systems that the last event asked for. */
  private readonly throughputs = new Map<string, string>();
  /** Resources that a rollback skipped, so that they are somewhere between what they were and what they had become. */
  private readonly skips = new Set<LogicalId>();
  /** A policy of somebody else was there when the deployment began. */
  private policyInTheWay = false;
  public deployment!: Deployment;

  constructor(private readonly scene: Scene) {}

  /** A resource was created, updated or put back. */
  public completed(logicalId: LogicalId, { id, properties }: Held): void {
    const { theirTags } = this.scene;
    this.skips.delete(logicalId);
    if (isSetting(logicalId)) { return this.scene.settings.completed(logicalId, properties); }
    if (logicalId === 'Targets') { this.scene.damaged = false; }
    if (logicalId === 'Files') {
      const remains = this.remains.get(id);
      if (remains) {
        this.strayTags.set(id, Object.keys(remains.tags).filter(key => !theirTags.get(id)?.has(key)));
        if (remains.policy !== undefined) { this.strayPolicies.add(id); }
        this.remains.delete(id);
        this.deployment.left.delete(id);
        this.deployment.unfinishedLeft.delete(id);
      }
      if (properties.FileSystemPolicy) {
        this.strayPolicies.delete(id);
        this.scene.changedPolicies.delete(id);
      }
      const { ThroughputMode: mode } = properties;
      // A rollback may leave the throughput as it is.
      if (/ROLLBACK/.test(this.deployment.stack!.status)) {
        this.scene.throughputLeft = true;
      } else if (this.throughputs.get(id) !== mode) {
        this.scene.throughputLeft = false;
      }
      this.throughputs.set(id, mode);
    }
    const fileSystemId = logicalId === 'Files' ? id : properties.FileSystemId ?? properties.ResourceId;
    // A tag set leaves a key on the way back to which somebody else has given a value, if it may ask whether it goes back.
    const leaves = logicalId === 'Tags' && /ROLLBACK/.test(this.deployment.stack!.status);
    if (leaves && this.scene.isStatusDenied) { this.scene.forgetTags(fileSystemId, Object.keys(wantedTags(logicalId, properties))); }
    Object.keys(wantedTags(logicalId, properties)).filter(key => !(leaves && theirTags.get(fileSystemId)?.has(key))).forEach(key => {
      theirTags.get(fileSystemId)?.delete(key);
      this.scene.removedTags.get(fileSystemId)?.delete(key);
      this.scene.unknownTags.get(fileSystemId)?.delete(key);
    });
  }

  public skipped(logicalId: LogicalId, properties: any): void {
    this.skips.add(logicalId);
    if (isSetting(logicalId)) { this.scene.settings.skipped(logicalId, properties); }
    if (logicalId === 'Tags') { this.scene.forgetTags(properties.ResourceId, TAG_SET_KEYS, true); }
  }

  /** Before a deployment. */
  public begin(): void {
    const current = this.deployment.before.Files?.id;
    this.policyInTheWay = this.scene.settings.strayPolicies().length > 0;
    this.remains = new Map(this.scene.world.efs.fileSystems.filter(({ id }) => id !== current && id !== this.scene.foreignId)
      .map(({ id, policy }) => [id, { tags: this.scene.tagsOf(id), policy }]));
  }

  /** Fails unless there was a reason to fail. */
  public judge(error: Error | undefined, step: Deploy, before: Before): void {
    const { files, targets, tags, policy } = step.template;
    const badGroup = targets !== undefined && targets.subnets[0] < 'd' && targets.groups.includes('other');
    if (error === undefined) {
      expect({ badGroup, badPolicy: files?.policy === 'bad', failAfter: step.failAfter }).toEqual({ badGroup: false, badPolicy: false, failAfter: false });
      return;
    }
    if (error instanceof Planned) { return; }
    const { message } = error;
    const reasons: [RegExp, unknown][] = [
      [/refused by the test/, step.refuse !== undefined],
      [/'fileSystemPolicy'/, files?.policy === 'bad'],
      [/'securityGroups'/, badGroup],
      [IN_THE_WAY, before.theirs > 0 || step.meanwhile?.what.kind === 'add target'],
      [/EFS allows one change of the mode/, this.scene.world.clock.now() - before.changedAt < A_DAY + 600_000],
      // A file system has the token that waits for a new life, or, without rollback, for a clean-up. The failed creation may have removed it.
      [/creationToken/, before.left > 0 || this.deployment.left.size + this.deployment.unfinishedLeft.size > 0
        || files?.token !== undefined && this.deployment.before.Files?.properties.CreationToken === files.token
        || this.scene.world.efs.fileSystems.some(({ creationToken }) => creationToken === files?.token)],
      // It has a policy that the props no longer declare, or replication by others.
      [/would be adopted with/, before.left > 0 || this.deployment.left.size + this.deployment.unfinishedLeft.size > 0],
      // The old file system's mount targets have their addresses until it is deleted.
      [/IpAddressInUse/, targets?.host !== undefined && this.deployment.before.Targets !== undefined],
      [/'replaceMountTargets' is false/, targets?.fixed && this.deployment.before.Targets !== undefined],
      [TAGS_IN_THE_WAY, tags && !tags.overwrite],
      [POLICY_IN_THE_WAY, policy && !policy.overwrite && this.policyInTheWay],
      [/gone|does not exist|disappeared|IncorrectFileSystemLifeCycleState/, this.scene.gone.size > 0],
    ];
    if (!reasons.some(([pattern, reason]) => pattern.test(message) && Boolean(reason))) { throw new Error(`no reason to fail so: ${error.stack}`); }
  }

  public check(): void {
    const { world, foreignId } = this.scene;
    const { held, left, unfinishedLeft } = this.deployment;
    // What was deleted is gone by then.
    world.clock.advance(120_000);
    this.checkTheirs();
    // The rest is checked when the stack is stable again.
    if (this.deployment.isPaused) { return; }
    const expected = new Set([foreignId, ...held.Files ? [held.Files.id] : [], ...left].filter(id => !this.scene.gone.has(id)));
    const present = world.efs.fileSystems.map(({ id }) => id).filter(id => expected.has(id) || !unfinishedLeft.has(id));
    expect(present.sort()).toEqual([...expected].sort());
    if (held.Files && !this.scene.gone.has(held.Files.id)) { this.checkFileSystem(held.Files); }
    this.checkTags(foreignId);
    this.scene.settings.check(foreignId, held);
    if (held.Files && !this.scene.gone.has(held.Files.id)) { this.scene.settings.check(held.Files.id, held); }
    this.checkTargets();
  }

  /** Whatever state the stack is in, nothing of others is touched. */
  private checkTheirs(): void {
    const { world, foreignId, theirTargets, theirTags } = this.scene;
    expect(world.efs.fileSystems.map(({ id }) => id)).toContain(foreignId);
    // Those that a tag set may overwrite come back when it is taken back.
    const safe = [...theirTags.get(foreignId) ?? []].filter(([key]) => !/^t\d$/.test(key));
    expect(this.scene.tagsOf(foreignId)).toMatchObject(Object.fromEntries(safe));
    expect(world.efs.mountTargets.map(({ id }) => id)).toEqual(expect.arrayContaining([...theirTargets]));
  }

  private checkFileSystem({ id, properties }: Held): void {
    const found = this.scene.world.efs.fileSystems.find(one => one.id === id)!;
    expect(found).toMatchObject({
      lifeCycleState: 'available',
      encrypted: properties.Encrypted === 'true',
      performanceMode: properties.PerformanceMode,
      ...!this.scene.throughputLeft && { throughputMode: properties.ThroughputMode },
    });
    expect(found.tags).toMatchObject({ [OWNERSHIP_TAGS.stackId]: this.deployment.stack!.id, [OWNERSHIP_TAGS.logicalId]: 'Files' });
    expect(found.tags[OWNERSHIP_TAGS.state]).not.toBe('creating');
    if (this.scene.policies === 'file system' && !this.strayPolicies.has(id) && !this.scene.changedPolicies.has(id)) {
      expect(found.policy !== undefined).toBe(properties.FileSystemPolicy !== undefined);
    }
    this.checkTags(id);
  }

  private checkTags(fileSystemId: string): void {
    const { held } = this.deployment;
    const wanted = (['Files', 'Tags'] as const).map(logicalId => {
      const one = held[logicalId];
      const on = logicalId === 'Files' ? one?.id : one?.properties.FileSystemId ?? one?.properties.ResourceId;
      return one && on === fileSystemId && !(logicalId === 'Tags' && this.skips.has(logicalId)) ? wantedTags(logicalId, one.properties) : {};
    });
    const expected: Plain = Object.assign({}, ...wanted, Object.fromEntries(this.scene.theirTags.get(fileSystemId) ?? []));
    this.scene.removedTags.get(fileSystemId)?.forEach(key => delete expected[key]);
    const stray = [...this.strayTags.get(fileSystemId) ?? [], ...this.scene.unknownTags.get(fileSystemId) ?? []];
    const tags = Object.fromEntries(Object.entries(this.scene.tagsOf(fileSystemId)).filter(([key]) => key in expected || !stray.includes(key)));
    expect({ fileSystemId, tags }).toEqual({ fileSystemId, tags: expected });
    if (held.Targets && this.skips.has('Targets')) { return; }
    expect(Object.keys(this.scene.world.tags(fileSystemId)).includes(RECORD)).toBe(held.Targets?.properties.FileSystemId === fileSystemId);
  }

  private checkTargets(): void {
    const { world, theirTargets } = this.scene;
    const all = world.efs.mountTargets;
    for (const id of theirTargets) { expect(all.map(target => target.id)).toContain(id); }
    const ours = all.filter(({ id }) => !theirTargets.has(id));
    expect(world.ec2.networkInterfaces).toHaveLength(all.length);
    const held = this.deployment.held.Targets?.properties;
    // Until the next event of the set, it may have lost mount targets or kept new ones; it never touches those of others.
    if (held !== undefined && this.skips.has('Targets')) { return; }
    const properties = this.scene.gone.has(held?.FileSystemId) ? undefined : held;
    const subnetIds: string[] = properties?.SubnetIds ?? [];
    const zoneOf = (subnetId: string) => ZONES[this.scene.placeOf(subnetId)!];
    const zones = [...new Set(subnetIds.map(zoneOf))].sort();
    const present = ours.map(({ subnetId }) => zoneOf(subnetId)).sort();
    if (this.scene.damaged) { expect(zones).toEqual(expect.arrayContaining(present)); } else { expect(present).toEqual(zones); }
    for (const target of ours) {
      expect(target).toMatchObject({ fileSystemId: properties.FileSystemId, lifeCycleState: 'available' });
      expect(subnetIds).toContain(target.subnetId);
      expect([...target.securityGroups].sort()).toEqual([...properties.SecurityGroups].sort());
      if (properties.IpAddresses) { expect(properties.IpAddresses).toContain(target.ipAddress); }
      if (properties.Ipv6Addresses) { expect(properties.Ipv6Addresses).toContain(target.ipv6Address); }
      const { IpAddressType: type = 'IPV4_ONLY' } = properties;
      expect([target.ipAddress !== undefined, target.ipv6Address !== undefined]).toEqual([type !== 'IPV6_ONLY', type !== 'IPV4_ONLY']);
    }
  }
}

function wantedTags(logicalId: LogicalId, properties: any): Plain {
  return logicalId === 'Targets' || isSetting(logicalId) ? {} : plain(logicalId === 'Files' ? properties.FileSystemTags : properties.Tags);
}
