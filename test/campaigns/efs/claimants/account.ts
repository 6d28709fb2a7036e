import { CreateFileSystemCommand, PutFileSystemPolicyCommand, PutLifecycleConfigurationCommand } from '@aws-sdk/client-efs';
import { Model } from './model';
import { type Found, type Place, type Program, type StackName, type Step, type Wish } from './program';
import { claimKey } from '../../../../src/contract/claims';
import { OWNERSHIP_TAG_PREFIX } from '../../../../src/contract/ownership';
import type { Stack } from '../../../../world/cloudformation/stack';
import type { EfsHandlerWorld } from '../../../harness/efs/efs-handler-world';
import { HandledStacks } from '../../../harness/handled-stacks';

type Deploy = Extract<Step, { kind: 'deploy' }>;

const POLICIES = {
  one: { Version: '2012-10-17', Statement: [{ Sid: 'One', Effect: 'Allow', Principal: { AWS: '*' }, Action: 'elasticfilesystem:ClientMount' }] },
  two: { Version: '2012-10-17', Statement: [{ Sid: 'Two', Effect: 'Allow', Principal: { AWS: '*' }, Action: 'elasticfilesystem:ClientMount' }] },
};
const TRANSITIONS = { one: 'AFTER_7_DAYS', two: 'AFTER_30_DAYS' } as const;
const BACKUP = { one: 'ENABLED', two: 'DISABLED' };
const PLANTED = Object.fromEntries((['policy', 'lifecycle', 'tags'] as const).flatMap(kind => [
  [claimKey(kind, 'copied000000'), `1 held 0 ${'0'.repeat(32)} ${'0'.repeat(12)} - 00000000 0 fs-0123456789abcdef0 Another/Policy`],
  [claimKey(kind, 'written00000'), 'somebody else'],
]));
const TYPES = { policy: 'FileSystemPolicy', transitions: 'LifecycleConfiguration', backup: 'BackupPolicy', tags: 'TagSet', targets: 'MountTargets' };

/** An account with two file systems of others, and the stacks of a program. */
export class Account {
  private ids!: [string, string];
  private readonly stacks: HandledStacks;
  private readonly model: Model;

  constructor(private readonly world: EfsHandlerWorld, private readonly program: Program) {
    this.model = new Model(program);
    this.stacks = new HandledStacks(world);
  }

  /** Makes the file systems, with what the program finds there. */
  public async begin(): Promise<void> {
    this.ids = await Promise.all(this.program.found.map((found, number) => this.makeFileSystem(found, number))) as [string, string];
    this.check();
  }

  public async play(step: Step): Promise<void> {
    if (step.kind === 'destroy') {
      const present = this.stacks.present(step.stack);
      if (present) { await this.destroy(present); }
    } else {
      await this.deploy(step);
    }
    this.world.clock.advance(120_000);
    this.check();
  }

  public async end(): Promise<void> {
    for (const stack of this.stacks.all.filter(({ status }) => status !== 'DELETE_COMPLETE')) { await this.destroy(stack); }
    this.check();
    for (const id of this.ids) {
      for (const target of this.world.efs.mountTargets) { expect(target.fileSystemId).not.toBe(id); }
      this.world.efs.fileSystems.find(one => one.id === id)!.phase.settle('deleted');
    }
    this.world.efs.settle();
  }

  private async deploy(step: Deploy): Promise<void> {
    const mayBeRefused = step.statuses === 'denied' || this.model.mayBeRefused(step.stack, step.wishes);
    const resources = Object.fromEntries(Object.entries(step.wishes).map(([id, wish]) => [id, this.resource(step.stack, id, wish)]));
    const deployed = await this.stacks.deploy(step.stack, resources, step, mayBeRefused);
    if (deployed?.isComplete) { this.model.accept(step.stack, step.wishes); }
  }

  private async destroy(stack: Stack): Promise<void> {
    await this.stacks.delete(stack);
    expect(stack.status).toBe('DELETE_COMPLETE');
    this.model.accept(stack.name as StackName, {});
  }

  /** Compares the file systems with the model. */
  private check(): void {
    const { world } = this;
    const isClaimed = (place: Place) => Object.values(this.model.held).some(wishes => Object.values(wishes).some(({ on }) => on === place));
    const actual = this.ids.map(id => {
      const { policy, lifecyclePolicies: [transition], tags } = world.efs.fileSystems.find(one => one.id === id)!;
      const targets = world.efs.mountTargets.filter(({ fileSystemId }) => fileSystemId === id);
      return {
        policy: policy === undefined ? undefined : valueIn(JSON.parse(policy).Statement[0].Sid, { one: 'One', two: 'Two' }),
        transitions: transition && valueIn(transition.TransitionToIA, TRANSITIONS),
        planted: Object.fromEntries(Object.entries(tags).filter(([key]) => key in PLANTED)),
        tags: Object.fromEntries(Object.entries(tags).filter(([key]) => !key.startsWith(OWNERSHIP_TAG_PREFIX))),
        subnets: targets.map(({ subnetId }) => Object.entries(world.subnet).find(([, value]) => value === subnetId)![0]).sort(),
        claims: Object.keys(tags).some(key => key.startsWith(OWNERSHIP_TAG_PREFIX) && !(key in PLANTED)),
      };
    });
    expect(actual).toEqual(([0, 1] as const).map(place => ({
      policy: undefined,
      transitions: undefined,
      planted: this.program.found[place].planted ? PLANTED : {},
      ...this.model.expected(place),
      claims: isClaimed(place),
    })));
  }

  private async makeFileSystem({ policy, transitions, tags, planted }: Found, number: number): Promise<string> {
    const { client } = this.world;
    const { FileSystemId } = await client.send(new CreateFileSystemCommand({
      CreationToken: `theirs ${number}`, Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
    }));
    this.world.clock.advance(60_000);
    if (policy) { await client.send(new PutFileSystemPolicyCommand({ FileSystemId, Policy: JSON.stringify(POLICIES[policy]) })); }
    if (transitions) {
      const LifecyclePolicies = [{ TransitionToIA: TRANSITIONS[transitions] }];
      await client.send(new PutLifecycleConfigurationCommand({ FileSystemId, LifecyclePolicies }));
    }
    if (planted) { await this.world.tag(FileSystemId!, PLANTED); }
    this.world.clock.advance(60_000);
    return FileSystemId!;
  }

  private resource(stack: StackName, id: string, wish: Wish) {
    const owned = { Owner: `${stack}/${id}`, RemovalPolicy: 'Delete' };
    const on = this.ids[wish.on];
    return { Type: `Custom::${TYPES[wish.kind]}`, Properties: { ...owned, ...this.properties(wish, on) } };
  }

  private properties(wish: Wish, on: string): Record<string, unknown> {
    const { subnet, group } = this.world;
    switch (wish.kind) {
      case 'policy': return { FileSystemId: on, FileSystemPolicy: POLICIES[wish.value] };
      case 'transitions': return { FileSystemId: on, LifecyclePolicies: [{ TransitionToIA: TRANSITIONS[wish.value] }] };
      case 'backup': return { FileSystemId: on, BackupPolicy: { Status: BACKUP[wish.value] } };
      case 'tags': return { ResourceId: on, Tags: Object.entries(wish.tags).map(([Key, Value]) => ({ Key, Value })) };
      case 'targets': return { FileSystemId: on, SubnetIds: wish.subnets.map(name => subnet[name]), SecurityGroups: [group.one] };
    }
  }
}

function valueIn(value: string, values: Readonly<Record<string, string>>): string {
  return Object.entries(values).find(([, one]) => one === value)![0];
}
