import { randomUUID } from 'crypto';
import type { Scene } from './scene';
import type { Deploy, Template } from './template';
import type { EventHandlers, ProviderEvent } from '../../../../lambda/shared/provider-event';
import { OWNERSHIP_TAGS } from '../../../../src/contract/ownership';
import { arn } from '../../../../world/emulator/environment';

export const LOGICAL_IDS = ['Files', 'Targets', 'Tags'] as const;
export type LogicalId = typeof LOGICAL_IDS[number];
const TYPES = { Files: 'Custom::FileSystem', Targets: 'Custom::MountTargets', Tags: 'Custom::TagSet' } as const;

/** A resource as CloudFormation knows it. */
export interface Held {
  readonly id: string;
  readonly properties: any;
}

/** A resource that the deployment in hand did not finish. */
interface Unfinished {
  readonly logicalId: LogicalId;
  readonly properties: any;
  /** From the handler, if it gave one. */
  readonly id?: string;
  /** The creation was taken back already. */
  readonly cancelled?: boolean;
}

const POLL = 5_000;
const MOST_POLLS = 600;
/** Of a creation that is being cancelled, there are many. */
const LONG_POLL = 20_000;
/** What a mount target of somebody else does to a deployment; and nothing else may. */
export const IN_THE_WAY = /is not of this set/;

/** What was asked for, not what went wrong. */
export class Planned extends Error {}

/** CloudFormation and the Provider framework for a stack of three resources, event by event. */
export class Deployment {
  public stackId = this.newStackId();
  public held: Partial<Record<LogicalId, Held>> = {};
  /** File systems that CloudFormation left, or whose deletion it gave up. */
  public readonly left = new Set<string>();
  /** So were these, but they never were complete, so that the handler may remove them whenever it sees them. */
  public readonly unfinishedLeft = new Set<string>();
  private readonly waiters: ProviderEvent<any>[] = [];
  private unfinished: Unfinished | undefined;

  constructor(private readonly scene: Scene, private readonly completed: (logicalId: LogicalId, held: Held) => void) {}

  public get ownId(): string | undefined {
    return this.held.Files?.id;
  }

  /** undefined: done; otherwise what failed, after it was rolled back. */
  public async deploy(step: Deploy): Promise<Error | undefined> {
    const isNew = Object.keys(this.held).length === 0;
    const before = { ...this.held };
    const leftBefore = [...this.left];
    this.status(isNew ? 'CREATE_IN_PROGRESS' : 'UPDATE_IN_PROGRESS');
    const touched: LogicalId[] = [];
    this.scene.refuse(step.refuse);
    try {
      for (const [number, logicalId] of LOGICAL_IDS.entries()) {
        if (!step.template[name(logicalId)]) { continue; }
        touched.push(logicalId);
        await this.bring(logicalId, number, step);
      }
      if (step.failAfter) { throw new Planned('another resource failed'); }
    } catch (error) {
      this.scene.refuse(undefined);
      this.status(isNew ? 'ROLLBACK_IN_PROGRESS' : 'UPDATE_ROLLBACK_IN_PROGRESS');
      await this.rollBack(before, touched, step);
      leftBefore.forEach(id => this.left.add(id));
      this.status(isNew ? 'DELETE_COMPLETE' : 'UPDATE_ROLLBACK_COMPLETE');
      if (isNew) { this.stackId = this.newStackId(); }
      return error as Error;
    }
    this.scene.refuse(undefined);
    this.status(isNew ? 'CREATE_COMPLETE' : 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
    for (const logicalId of [...LOGICAL_IDS].reverse()) {
      const was = before[logicalId];
      if (!step.template[name(logicalId)]) { delete this.held[logicalId]; }
      if (was && was.id !== this.held[logicalId]?.id) { await this.cleanUp(logicalId, was); }
    }
    this.status('UPDATE_COMPLETE');
    return undefined;
  }

  public async destroy(): Promise<void> {
    this.status('DELETE_IN_PROGRESS');
    for (const logicalId of [...LOGICAL_IDS].reverse()) {
      const held = this.held[logicalId];
      delete this.held[logicalId];
      if (held) { await this.insisting(() => this.remove(logicalId, held)); }
    }
    this.status('DELETE_COMPLETE');
    this.stackId = this.newStackId();
  }

  /** A waiter that does not know that nobody waits any more. */
  public async latePoll(number: number): Promise<void> {
    const waiter = this.waiters[this.waiters.length - 1 - number];
    if (waiter) { await this.handlers.isComplete(waiter).catch(() => {}); }
  }

  private async bring(logicalId: LogicalId, number: number, step: Deploy): Promise<void> {
    const was = this.held[logicalId];
    const properties = this.propertiesOf(logicalId, step.template);
    const event = this.event(was ? 'Update' : 'Create', logicalId, properties, {
      ...was && { PhysicalResourceId: was.id, OldResourceProperties: was.properties },
    });
    const cancel = step.cancel?.resource === number ? step.cancel.polls : undefined;
    const meanwhile = step.meanwhile?.resource === number ? step.meanwhile : undefined;
    this.unfinished = { logicalId, properties, ...was && { id: was.id } };
    if (meanwhile && meanwhile.polls < 0) { await this.scene.interfere(meanwhile.what, this.ownId); }

    if (!was && cancel !== undefined && cancel < 0) { return this.cancel(event, undefined); }
    let started = await this.start(event);
    if (step.duplicates) { started = await this.start(event); }
    this.unfinished = { logicalId, properties, id: started.PhysicalResourceId! };
    this.waiters.push(started);

    for (let polls = 0; polls < MOST_POLLS; polls++) {
      if (meanwhile?.polls === polls) { await this.scene.interfere(meanwhile.what, this.ownId); }
      if (cancel === polls) {
        if (!was) { return this.cancel(event, started); }
        this.unfinished = { logicalId, properties, id: was.id };
        throw new Planned('cancelled');
      }
      if ((await this.handlers.isComplete(started)).IsComplete) {
        this.unfinished = undefined;
        this.hold(logicalId, { id: started.PhysicalResourceId!, properties });
        return;
      }
      if (step.duplicates && polls === 1) { await this.start(event); }
      this.scene.world.clock.advance(POLL);
    }
    throw new Error('Operation timed out');
  }

  /** CloudFormation gives up a creation, and deletes a thing whose id it made up; the creation itself may come late. */
  private async cancel(event: ProviderEvent<any>, started: ProviderEvent<any> | undefined): Promise<void> {
    const logicalId = event.LogicalResourceId as LogicalId;
    this.unfinished = { logicalId, properties: event.ResourceProperties, cancelled: true };
    this.scene.refuse(undefined);
    this.status('ROLLBACK_IN_PROGRESS');
    const deletion = await this.start(this.event('Delete', logicalId, event.ResourceProperties, {
      PhysicalResourceId: `Stack-${logicalId}-1ABCDEFGH2IJK`,
    }));
    let late = started;
    for (let polls = 0; polls < MOST_POLLS; polls++) {
      if (polls === 2 && !late) { late = await this.start(event).catch(() => undefined); }
      if (late && polls < 6) { await this.handlers.isComplete(late).catch(() => {}); }
      if ((await this.handlers.isComplete(deletion)).IsComplete) { throw new Planned('cancelled'); }
      this.scene.world.clock.advance(LONG_POLL);
    }
    throw new Error('a cancelled creation was not undone');
  }

  private async rollBack(before: Partial<Record<LogicalId, Held>>, touched: LogicalId[], { rollbackWith }: Deploy): Promise<void> {
    const { unfinished } = this;
    this.unfinished = undefined;
    const toDelete: [LogicalId, Held, boolean][] = [];
    for (const logicalId of touched) {
      const was = before[logicalId];
      const open = unfinished?.logicalId === logicalId ? unfinished : undefined;
      const now = open ? undefined : this.held[logicalId]!;
      if (!was) {
        const id = open ? open.id : now!.id;
        delete this.held[logicalId];
        // The framework swallows the Delete of a creation whose onEvent threw: it knows no id.
        if (id !== undefined && !open?.cancelled) { toDelete.push([logicalId, { id, properties: (open ?? now)!.properties }, !open]); }
        continue;
      }
      const id = now ? now.id : rollbackWith === 'new' ? open!.id! : was.id;
      const update = () => this.play(this.event('Update', logicalId, was.properties, {
        PhysicalResourceId: id, OldResourceProperties: (open ?? now)!.properties,
      }));
      const back = await this.insisting(update);
      expect(back).toBe(was.id);
      this.hold(logicalId, was);
      if (id !== back) { toDelete.push([logicalId, { id, properties: (open ?? now)!.properties }, !open]); }
    }
    for (const [logicalId, held, complete] of toDelete.reverse()) {
      await this.insisting(() => this.remove(logicalId, held, { madeJustNow: true, complete }));
    }
  }

  /** As CloudFormation after an update: what cannot be deleted is given up. */
  private async cleanUp(logicalId: LogicalId, held: Held): Promise<void> {
    try {
      await this.remove(logicalId, held);
    } catch (error) {
      if (!this.blocked(error as Error)) { throw error; }
      this.left.add(held.id);
    }
  }

  private async remove(logicalId: LogicalId, { id, properties }: Held, { madeJustNow = false, complete = true } = {}): Promise<void> {
    const { world } = this.scene;
    const adopted = logicalId === 'Files'
      && world.efs.fileSystems.find(one => one.id === id)?.tags[OWNERSHIP_TAGS.state] === 'adopted';
    if (logicalId === 'Files' && (properties.Removal === 'Retain' || (properties.Removal === 'RetainExceptOnCreate' && !madeJustNow))) {
      (complete ? this.left : this.unfinishedLeft).add(id);
      return;
    }
    await this.play(this.event('Delete', logicalId, properties, { PhysicalResourceId: id }));
    if (adopted) { this.left.add(id); } else { this.left.delete(id); }
  }

  /** As an operator does, who clears the way and lets CloudFormation try again. */
  private async insisting<T>(attempt: () => Promise<T>): Promise<T> {
    try {
      return await attempt();
    } catch (error) {
      if (!this.blocked(error as Error)) { throw error; }
      this.scene.removeTheirTargets();
      this.scene.world.clock.advance(POLL);
      return attempt();
    }
  }

  private blocked({ message }: Error): boolean {
    return this.scene.theirTargets.size > 0 && (IN_THE_WAY.test(message) || /cannot be deleted as long as/.test(message));
  }

  private async play(event: ProviderEvent<any>): Promise<string> {
    const started = await this.start(event);
    this.waiters.push(started);
    for (let polls = 0; polls < MOST_POLLS; polls++) {
      if ((await this.handlers.isComplete(started)).IsComplete) { return started.PhysicalResourceId!; }
      this.scene.world.clock.advance(POLL);
    }
    throw new Error('Operation timed out');
  }

  private async start(event: ProviderEvent<any>): Promise<ProviderEvent<any>> {
    const result = await this.handlers.onEvent(event);
    if (event.RequestType === 'Delete') { expect(result.PhysicalResourceId).toBe(event.PhysicalResourceId); }
    return { ...event, ...result };
  }

  private hold(logicalId: LogicalId, held: Held): void {
    this.held[logicalId] = held;
    this.completed(logicalId, held);
  }

  private get handlers(): EventHandlers {
    return this.scene.world.handlers;
  }

  private event(type: 'Create' | 'Update' | 'Delete', logicalId: LogicalId, properties: any, more: Partial<ProviderEvent<any>>): ProviderEvent<any> {
    return {
      RequestType: type,
      StackId: this.stackId,
      RequestId: randomUUID(),
      ResourceType: TYPES[logicalId],
      LogicalResourceId: logicalId,
      ResourceProperties: properties,
      ...more,
    };
  }

  private propertiesOf(logicalId: LogicalId, { files, targets, tags }: Template): any {
    const { world, foreignId } = this.scene;
    const target = (own: boolean) => (own && files ? this.held.Files!.id : foreignId);
    const list = (plain: Readonly<Record<string, string>>) => Object.entries(plain).map(([Key, Value]) => ({ Key, Value }));
    switch (logicalId) {
      case 'Files': return {
        Owner: 'Stack/Files',
        RemovalPolicy: files!.removal === 'Delete' ? 'Delete' : 'Retain',
        // Not for the handler: CloudFormation's own policy.
        Removal: files!.removal,
        AllowReplacement: 'true',
        Encrypted: `${files!.encrypted}`,
        PerformanceMode: files!.maxIo ? 'maxIO' : 'generalPurpose',
        ThroughputMode: files!.elastic ? 'elastic' : 'bursting',
        FileSystemTags: list(files!.tags),
        ...files!.token !== undefined && { CreationToken: files!.token },
        ...files!.policy !== 'none' && { FileSystemPolicy: { Statement: files!.policy === 'bad' ? [] : POLICY } },
      };
      case 'Targets': return {
        Owner: 'Stack/Targets',
        RemovalPolicy: 'Delete',
        FileSystemId: target(targets!.own),
        Address: 'c8targets',
        SubnetIds: targets!.subnets.map(subnet => world.subnet[subnet]),
        SecurityGroups: targets!.groups.map(group => world.group[group]),
        ...targets!.host !== undefined && targets!.addresses !== 'IPV6_ONLY'
          && { IpAddresses: targets!.subnets.map(subnet => `${NETWORKS[subnet]}.${targets!.host}`) },
        ...targets!.host !== undefined && targets!.addresses !== undefined
          && { Ipv6Addresses: targets!.subnets.map(subnet => `2001:db8:1:${NETWORKS[subnet].split('.')[2]}::${targets!.host}`) },
        ...targets!.addresses !== undefined && { IpAddressType: targets!.addresses },
        ...targets!.fixed && { ReplaceMountTargets: 'false' },
        ...targets!.patient && { DnsPropagationDelay: '10' },
      };
      case 'Tags': return {
        Owner: 'Stack/Tags',
        RemovalPolicy: 'Delete',
        ResourceId: target(tags!.own),
        Address: 'c8tags',
        Tags: list(tags!.tags),
        ...tags!.overwrite && { Overwrite: 'true' },
      };
    }
  }

  private newStackId(): string {
    return arn('cloudformation', `stack/Stack/${randomUUID()}`);
  }

  private status(status: string): void {
    this.scene.world.stacks.statuses.set(this.stackId, status);
  }
}

const POLICY = [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'elasticfilesystem:ClientMount' }];
const NETWORKS = { a1: '10.1.1', a2: '10.1.2', b1: '10.1.3', c1: '10.1.4', x1: '10.2.1', y1: '10.2.2' };

export function name(logicalId: LogicalId): 'files' | 'targets' | 'tags' {
  return logicalId.toLowerCase() as 'files' | 'targets' | 'tags';
}
