import { CreateFileSystemCommand, PutFileSystemPolicyCommand, PutLifecycleConfigurationCommand, UpdateFileSystemCommand } from '@aws-sdk/client-efs';
import { SettingsOracle } from './settings';
import { TAG_SET_KEYS, type Interference, type Sequence, type SubnetName } from './template';
import { OWNERSHIP_TAG_PREFIX } from '../../../../src/contract/ownership';
import { BROKEN, THROTTLE, type Fault } from '../../../../world/emulator/faults';
import type { Lateness } from '../../../../world/emulator/lateness';
import type { EfsHandlerWorld } from '../../../harness/efs/efs-handler-world';

const FAULTS: Fault[] = [THROTTLE, BROKEN, { kind: 'reset' }, { kind: 'lost-answer' }];
const REFUSED: Fault = { kind: 'error', code: 'BadRequest', status: 400, message: 'refused by the test' };
/** More in succession than that would outlast the patience of the handlers now and then. */
const MOST_IN_SUCCESSION = 3;

/** One of these is denied to the handlers until IAM has applied a policy; `*` is all, as for a role that is new. */
const DENIED = [
  '*', 'elasticfilesystem:*', 'elasticfilesystem:Describe*', 'elasticfilesystem:Create*', 'elasticfilesystem:Delete*', 'elasticfilesystem:*Resource',
  'elasticfilesystem:Put*', 'elasticfilesystem:Modify*', 'elasticfilesystem:Update*', 'ec2:*', 'cloudformation:*', 'tag:*',
];

const BY_HAND = [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: ['elasticfilesystem:ClientMount', 'elasticfilesystem:ClientWrite'] }];

const TRANSITIONS_BY_HAND = [{ TransitionToIA: 'AFTER_90_DAYS' as const }];

const MODULUS = 2 ** 31 - 1;

/** Numbers from 0 to 1, always the same ones for a seed. */
export function random(seed: number): () => number {
  let state = (seed % (MODULUS - 1)) + 1;
  return () => {
    state = state * 48_271 % MODULUS;
    return state / MODULUS;
  };
}

/** The account around a stack: a file system of somebody else, people who do things to both, and calls that fail. */
export class Scene {
  /** Of somebody else; it exists from the beginning to the end. */
  public foreignId!: string;
  /** By file system: tags that are not the stack's, and must stay as they are. */
  public readonly theirTags = new Map<string, Map<string, string>>();
  /** By file system: tags of which nobody can say whether they are there. */
  public readonly unknownTags = new Map<string, Set<string>>();
  public readonly theirTargets = new Set<string>();
  /** Somebody deleted a mount target of ours, and nobody has asked for it since. */
  public damaged = false;
  /** By file system: tags of the stack that somebody removed, and that nobody has asked for since. */
  public readonly removedTags = new Map<string, Set<string>>();
  /** File systems whose policy somebody changed, and nobody has set since. */
  public readonly changedPolicies = new Set<string>();
  /** The throughput of the stack's file system was changed, or left by a rollback, and nobody has changed it since. */
  public throughputLeft = false;
  /** The settings that are resources of their own. */
  public readonly settings = new SettingsOracle(this);
  /** File systems that somebody deleted. */
  public readonly gone = new Set<string>();
  /** The call with this number from now is refused, for good. */
  private refusing: number | undefined;
  private armed = false;
  private made = 0;
  /** The kind of resource that sets policies of file systems. */
  public policies: Sequence['policies'] = 'file system';
  private policiesInForce: (() => void)[] = [];
  /** Calls that were denied because a policy was not in force yet. */
  public denials = 0;
  /** Returns the file system of the stack. */
  private ownId!: () => string | undefined;

  constructor(public readonly world: EfsHandlerWorld) {}

  public async begin({ seed, faults: rate, policies }: Sequence, ownId: () => string | undefined): Promise<void> {
    this.ownId = ownId;
    this.policies = policies;
    const next = random(seed);
    jest.spyOn(Math, 'random').mockImplementation(next);
    let inSuccession = 0;
    this.world.server.faults.choose(() => {
      if (!this.armed) { return undefined; }
      if (this.refusing !== undefined && this.refusing-- === 0) { return REFUSED; }
      if (next() >= rate || inSuccession === MOST_IN_SUCCESSION) {
        inSuccession = 0;
        return undefined;
      }
      inSuccession++;
      return FAULTS[Math.floor(next() * FAULTS.length)];
    }, { byChance: true });
    const { FileSystemId } = await this.world.client.send(new CreateFileSystemCommand({
      CreationToken: 'foreign', Tags: [{ Key: 'team', Value: 'theirs' }],
    }));
    this.foreignId = FileSystemId!;
    this.theirTags.set(this.foreignId, new Map([['team', 'theirs']]));
    this.world.clock.advance(10_000);
    this.armed = true;
  }

  /** Whether a handler was not told a status of the stack. */
  public get isStatusDenied(): boolean {
    return this.world.server.calls.some(({ operation, status }) => operation.endsWith('DescribeStacks') && status !== 200);
  }

  /** Everything goes, whoever made it. */
  public end(): void {
    const { world } = this;
    this.applyPolicies();
    this.denials = world.server.calls.filter(({ status }) => status === 403).length;
    [...world.efs.mountTargets, ...world.efs.fileSystems].forEach(({ phase }) => phase.settle('deleted'));
    world.efs.settle();
    world.server.faults.clear();
    world.server.calls.length = 0;
    (console.log as jest.Mock).mockClear();
    (Math.random as jest.Mock).mockRestore();
  }

  /** One call of the handlers is refused, unless there are fewer. */
  public refuse(call: number | undefined): void {
    this.refusing = call;
  }

  /** The policy of the handlers' role changes. IAM applies that late; until then it denies some of their calls. */
  public changePolicy(lateness: Lateness, thing: string): void {
    const { clock, denied } = this.world;
    const delay = lateness.delay('iam', thing);
    if (delay === 0) { return; }
    const action = DENIED[delay % DENIED.length];
    denied.push(action);
    const apply = () => { denied.splice(denied.indexOf(action), 1); };
    const cancel = clock.wakeAt(clock.now() + delay, () => {
      this.policiesInForce.splice(this.policiesInForce.indexOf(now), 1);
      apply();
    });
    const now = () => {
      cancel();
      apply();
    };
    this.policiesInForce.push(now);
  }

  /** All policies are in force from now on. */
  public applyPolicies(): void {
    this.policiesInForce.splice(0).forEach(apply => apply());
  }

  public async interfere(what: Interference): Promise<void> {
    this.armed = false;
    try {
      await this.act(what, this.ownId());
    } finally {
      this.armed = true;
    }
  }

  /** Tags of others may be gone, may be those of the stack, or may still be theirs; with `all`, other tags too. */
  public forgetTags(fileSystemId: string, keys: readonly string[], all = false): void {
    const forgotten = keys.filter(key => this.theirTags.get(fileSystemId)?.delete(key) || all);
    const unknown = this.unknownTags.get(fileSystemId) ?? new Set<string>();
    forgotten.forEach(key => unknown.add(key));
    this.unknownTags.set(fileSystemId, unknown);
  }

  /** What is not the stack's, so that nothing stands in its way. */
  public removeTheirTargets(): void {
    this.world.efs.mountTargets.filter(({ id }) => this.theirTargets.has(id)).forEach(({ phase }) => phase.settle('deleted'));
    this.world.efs.settle();
    this.theirTargets.clear();
  }

  /** An operator removes the tags that are in the way. */
  public removeTheirTags(): void {
    this.theirTags.forEach((tags, id) => {
      const keys = TAG_SET_KEYS.filter(key => tags.delete(key));
      this.world.efs.fileSystems.find(one => one.id === id)?.tagSet.remove(keys);
    });
  }

  /** An operator removes the policies that are in the way. */
  public removeTheirPolicies(): void {
    this.settings.strayPolicies().forEach(id => {
      const fileSystem = this.world.efs.fileSystems.find(one => one.id === id);
      if (fileSystem) { fileSystem.ownPolicy = undefined; }
      this.settings.removed(id);
    });
  }

  public tagsOf(fileSystemId: string): Record<string, string> {
    return Object.fromEntries(Object.entries(this.world.tags(fileSystemId)).filter(([key]) => !key.startsWith(OWNERSHIP_TAG_PREFIX)));
  }

  public placeOf(subnetId: string): SubnetName | undefined {
    return (Object.keys(this.world.subnet) as SubnetName[]).find(name => this.world.subnet[name] === subnetId);
  }

  private async act(what: Interference, ownId: string | undefined): Promise<void> {
    const { world } = this;
    const id = 'own' in what && what.own && ownId !== undefined ? ownId : this.foreignId;
    const alive = world.efs.fileSystems.find(one => one.id === id);
    switch (what.kind) {
      case 'tag': case 'overwrite': {
        if (!alive) { return; }
        const value = `by hand ${++this.made}`;
        await world.tag(id, { [what.key]: value });
        this.removedTags.get(id)?.delete(what.key);
        this.unknownTags.get(id)?.delete(what.key);
        this.theirTags.set(id, (this.theirTags.get(id) ?? new Map<string, string>()).set(what.key, value));
        return;
      }
      case 'add target':
        try {
          this.theirTargets.add(await world.foreignTarget(id, world.subnet[what.subnet]));
        } catch (error) {
          // The zone is taken, the VPC is another one, the file system is not there yet: then nobody did it.
          if ((error as any).$metadata === undefined) { throw error; }
        }
        return;
      case 'change transitions':
        if (!alive) { return; }
        await this.byHand(() => world.client.send(new PutLifecycleConfigurationCommand({ FileSystemId: id, LifecyclePolicies: TRANSITIONS_BY_HAND })),
          () => this.settings.changed('Transitions', id, TRANSITIONS_BY_HAND));
        return;
      case 'delete target': {
        const ours = world.efs.mountTargets.filter(target => !this.theirTargets.has(target.id) && target.lifeCycleState === 'available');
        if (ours.length === 0) { return; }
        ours[what.number % ours.length].phase.begin('deleting', 'deleted', 8_000);
        this.damaged = true;
        return;
      }
      case 'remove theirs': return this.removeTheirTargets();
      default: if (ownId !== undefined) { await this.actOnOwn(what, ownId); }
    }
  }

  private async actOnOwn(what: Interference, id: string): Promise<void> {
    const { world } = this;
    switch (what.kind) {
      case 'change policy':
        await this.byHand(() => world.client.send(new PutFileSystemPolicyCommand({
          FileSystemId: id, Policy: JSON.stringify({ Statement: BY_HAND }),
        })), () => this.settings.changed('Policy', id, { Statement: BY_HAND }));
        this.changedPolicies.add(id);
        return;
      case 'remove tag': {
        if (this.theirTags.get(id)?.has(what.key)) { return; }
        await this.byHand(() => world.untag(id, what.key));
        this.removedTags.set(id, (this.removedTags.get(id) ?? new Set<string>()).add(what.key));
        return;
      }
      case 'change throughput':
        await this.byHand(() => world.client.send(new UpdateFileSystemCommand({
          FileSystemId: id, ThroughputMode: 'provisioned', ProvisionedThroughputInMibps: 1,
        })));
        this.throughputLeft = true;
        return;
      case 'delete file system':
        world.efs.mountTargets.filter(({ fileSystemId }) => fileSystemId === id).forEach(target => {
          this.theirTargets.delete(target.id);
          target.phase.settle('deleted');
        });
        world.efs.fileSystems.find(one => one.id === id)?.phase.settle('deleted');
        world.efs.settle();
        this.gone.add(id);
    }
  }

  /** What EFS refuses at that moment, nobody did. */
  private async byHand(act: () => Promise<unknown>, done = () => {}): Promise<void> {
    try {
      await act();
      done();
    } catch (error) {
      if ((error as any).$metadata === undefined) { throw error; }
    }
    this.world.clock.advance(10_000);
  }
}
