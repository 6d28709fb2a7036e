import { CreateFileSystemCommand, PutFileSystemPolicyCommand, PutLifecycleConfigurationCommand } from '@aws-sdk/client-efs';
import { Model } from './model';
import { type Found, type Place, type Program, type StackName, type Step, type Wish } from './program';
import { failedId } from '../../../../lambda/shared/answering/call';
import { TooEarly } from '../../../../lambda/shared/direction';
import type { ResourceEvent } from '../../../../lambda/shared/resource-event';
import { claimKey } from '../../../../src/contract/claims';
import { OWNERSHIP_TAG_PREFIX } from '../../../../src/contract/ownership';
import { StackApi } from '../../../../world/cloudformation/api';
import { Deployment } from '../../../../world/cloudformation/deployment';
import { ResourceFailure, type Handler, type Made, type Request } from '../../../../world/cloudformation/handler';
import { Ids } from '../../../../world/cloudformation/ids';
import type { Scope } from '../../../../world/cloudformation/intrinsics';
import type { OperationOptions } from '../../../../world/cloudformation/operation';
import { Stack, type Resource } from '../../../../world/cloudformation/stack';
import { Template } from '../../../../world/cloudformation/template';
import type { EfsHandlerWorld } from '../../../harness/efs/efs-handler-world';

type Deploy = Extract<Step, { kind: 'deploy' }>;

const POLL_MILLISECONDS = 6_000;
const MOST_POLLS = 400;
/** Of calls that CloudFormation has given up. */
const LATE_POLLS = 4;
/** For which a late status is the one of before. */
const LATE = 50_000;
const OTHER = 'Test::Other';
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

const NO_SCOPE: Scope = Object.fromEntries(['ref', 'attribute', 'condition', 'mapping', 'importValue', 'parameter']
  .map(name => [name, (of: string) => { throw new Error(`no ${name} ${of}`); }])) as unknown as Scope;

/** An account with two file systems of others, and the stacks of a program. */
export class Account {
  private ids!: [string, string];
  private readonly stacks: Stack[] = [];
  private readonly model: Model;
  /** Calls that CloudFormation has given up, and whose executions go on. */
  private abandoned: ResourceEvent<any>[] = [];
  private plan: Deploy | undefined;
  private turn: Promise<unknown> = Promise.resolve();
  private made = 0;

  constructor(private readonly world: EfsHandlerWorld, private readonly program: Program) {
    this.model = new Model(program);
    const api = new StackApi(world.clock, () => [...this.stacks].reverse());
    world.server.add({
      signingName: 'cloudformation', operation: call => api.operation(call), handle: async call => api.handle(call), refuse: error => api.refuse(error),
    });
  }

  /** Makes the file systems, with what the program finds there. */
  public async begin(): Promise<void> {
    this.ids = await Promise.all(this.program.found.map((found, number) => this.makeFileSystem(found, number))) as [string, string];
    this.check();
  }

  public async play(step: Step): Promise<void> {
    const present = this.stacks.find(({ name, status }) => name === step.stack && status !== 'DELETE_COMPLETE');
    if (step.kind === 'destroy') {
      if (present) { await this.destroy(present); }
    } else {
      await this.deploy(step, present);
    }
    // Executions of calls that CloudFormation has given up end late.
    for (const event of this.abandoned.splice(0)) { await this.pollLate(event); }
    this.world.clock.advance(120_000);
    this.check();
  }

  public async end(): Promise<void> {
    for (const stack of this.stacks.filter(({ status }) => status !== 'DELETE_COMPLETE')) { await this.destroy(stack); }
    this.check();
    for (const id of this.ids) {
      for (const target of this.world.efs.mountTargets) { expect(target.fileSystemId).not.toBe(id); }
      this.world.efs.fileSystems.find(one => one.id === id)!.phase.settle('deleted');
    }
    this.world.efs.settle();
  }

  private async deploy(step: Deploy, present: Stack | undefined): Promise<void> {
    const stack = present ?? this.newStack(step.stack);
    const template = this.template(step);
    if (present && Deployment.sameTemplates(present.template!, template)) { return; }
    const mayBeRefused = step.statuses === 'denied' || this.model.mayBeRefused(step.stack, step.wishes);
    this.plan = step;
    const { denied } = this.world;
    denied.splice(0, denied.length, ...step.statuses === 'denied' ? ['cloudformation:*'] : []);
    const deployment = this.deployment(stack, { rollbackPhysicalId: step.rollbackWith });
    await (present ? deployment.update(template) : deployment.create(template));
    this.plan = undefined;
    denied.splice(0);
    const failures = stack.events.filter(({ status, reason }) => status.endsWith('_FAILED') && !/cancelled|as planned/i.test(reason ?? ''));
    if (/^(CREATE|UPDATE)_COMPLETE$/.test(stack.status)) {
      expect(step.failAfter).toBe(false);
      this.model.accept(step.stack, step.wishes);
      return;
    }
    const reasons = failures.map(({ logicalId, reason }) => `${logicalId}: ${reason}`).filter(text => !text.startsWith(step.stack));
    if (!/^(UPDATE_)?ROLLBACK_COMPLETE$/.test(stack.status)) { throw new Error(`${stack.status}: ${reasons.join('\n')}`); }
    if (!mayBeRefused && !step.failAfter && !(step.cancel && step.cancel.id in step.wishes)) { throw new Error(`no reason to fail so: ${reasons.join('\n')}`); }
    if (stack.status === 'ROLLBACK_COMPLETE') { await this.deployment(stack, {}).delete(); }
  }

  private async destroy(stack: Stack): Promise<void> {
    await this.deployment(stack, {}).delete();
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

  private template({ stack, wishes, failAfter }: Deploy): Template {
    const resources = Object.fromEntries(Object.entries(wishes).map(([id, wish]) => [id, this.resource(stack, id, wish)]));
    return new Template({ Resources: { ...resources, ...failAfter && { Other: { Type: OTHER, DependsOn: Object.keys(resources) } } } }, {}, NO_SCOPE);
  }

  private resource(stack: StackName, id: string, wish: Wish) {
    const owned = { Owner: `${stack}/${id}`, RemovalPolicy: 'Delete' };
    const on = this.ids[wish.on];
    return { Type: `Custom::${TYPES[wish.kind]}`, Properties: { ...owned, ...this.properties(wish, on) } };
  }

  private properties(wish: Wish, on: string): object {
    const { subnet, group } = this.world;
    switch (wish.kind) {
      case 'policy': return { FileSystemId: on, FileSystemPolicy: POLICIES[wish.value] };
      case 'transitions': return { FileSystemId: on, LifecyclePolicies: [{ TransitionToIA: TRANSITIONS[wish.value] }] };
      case 'backup': return { FileSystemId: on, BackupPolicy: { Status: BACKUP[wish.value] } };
      case 'tags': return { ResourceId: on, Tags: Object.entries(wish.tags).map(([Key, Value]) => ({ Key, Value })) };
      case 'targets': return { FileSystemId: on, SubnetIds: wish.subnets.map(name => subnet[name]), SecurityGroups: [group.one] };
    }
  }

  private newStack(name: StackName): Stack {
    const { clock } = this.world;
    const stack = new Stack(name, new Ids(`${name} ${this.stacks.length}`), clock.now(), { now: () => clock.now(), delay: () => this.plan?.statuses === 'late' ? LATE : 0 });
    this.stacks.push(stack);
    return stack;
  }

  private deployment(stack: Stack, options: OperationOptions): Deployment {
    const fail = () => { throw new Error('as planned'); };
    const other: Handler = { create: fail, update: fail, delete: () => {} };
    const custom: Handler = {
      waits: true,
      custom: true,
      create: request => this.inTurn(() => this.ask('Create', request)),
      update: (request, before) => this.inTurn(() => this.ask('Update', request, before)),
      delete: resource => this.inTurn(() => this.remove(stack, resource)),
    };
    return new Deployment(
      { clock: this.world.clock, handler: type => type === OTHER ? other : custom, scope: () => NO_SCOPE, publish: () => {} }, stack, options);
  }

  private async ask(type: 'Create' | 'Update', { stack, logicalId, properties, type: resourceType, signal }: Request, before?: Resource): Promise<Made> {
    const event: ResourceEvent<any> = {
      RequestType: type,
      StackId: stack.id,
      RequestId: stack.ids.hex(16),
      Since: `${this.world.clock.now()}`,
      ResourceType: resourceType,
      LogicalResourceId: logicalId,
      ResourceProperties: properties,
      ...before && { PhysicalResourceId: before.physicalId, OldResourceProperties: before.properties },
    };
    const failed = before?.physicalId ?? failedId({ id: event.RequestId });
    if (signal.aborted) { throw new ResourceFailure('Resource cancelled', failed); }
    const plan = /ROLLBACK/.test(stack.status) ? undefined : this.plan;
    const cancel = plan?.cancel?.id === logicalId ? plan.cancel.polls : undefined;
    let reached: string | undefined;
    try {
      let started = await this.start(event);
      if (plan?.duplicates) { started = await this.start(event); }
      reached = started.PhysicalResourceId!;
      for (let polls = 0; polls < MOST_POLLS; polls++) {
        if (cancel === polls) {
          this.abandoned.push(started);
          // Without an answer, CloudFormation makes up an id.
          throw new ResourceFailure('Resource cancelled', before?.physicalId ?? `${stack.name}-${logicalId}-1ABCDEFGH${++this.made}`);
        }
        if ((await this.world.handlers.poll(started)).IsComplete) { return { physicalId: reached, attributes: {} }; }
        this.world.clock.advance(POLL_MILLISECONDS);
      }
      throw new Error('Operation timed out');
    } catch (error) {
      throw error instanceof ResourceFailure ? error : new ResourceFailure((error as Error).message, reached ?? failed);
    }
  }

  private async remove(stack: Stack, { logicalId, physicalId, properties, type }: Resource): Promise<void> {
    const started = await this.start({
      RequestType: 'Delete',
      StackId: stack.id,
      RequestId: stack.ids.hex(16),
      Since: `${this.world.clock.now()}`,
      ResourceType: type,
      LogicalResourceId: logicalId,
      ResourceProperties: properties,
      PhysicalResourceId: physicalId,
    });
    const abandoned = this.abandoned.filter(event => event.LogicalResourceId === logicalId && event.StackId === stack.id);
    for (let polls = 0; polls < MOST_POLLS; polls++) {
      for (const event of polls < LATE_POLLS ? abandoned : []) { await this.pollLate(event); }
      if ((await this.world.handlers.poll(started)).IsComplete) { return; }
      this.world.clock.advance(POLL_MILLISECONDS);
    }
    throw new Error('Operation timed out');
  }

  private async start(event: ResourceEvent<any>): Promise<ResourceEvent<any>> {
    for (;;) {
      try {
        return { ...event, ...await this.world.handlers.act(event) };
      } catch (error) {
        // The execution repeats a step that waits for a status of the stack.
        if (!(error instanceof TooEarly)) { throw error; }
        this.world.clock.advance(POLL_MILLISECONDS);
      }
    }
  }

  /** What an execution finds, of which CloudFormation hears nothing. */
  private async pollLate(event: ResourceEvent<any>): Promise<void> {
    await this.world.handlers.poll(event).catch(() => {});
  }

  /** One event after another, so that a seed plays the same calls in the same order. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.turn.then(work);
    this.turn = mine.catch(() => {});
    return mine;
  }
}

function valueIn(value: string, values: Readonly<Record<string, string>>): string {
  return Object.entries(values).find(([, one]) => one === value)![0];
}
