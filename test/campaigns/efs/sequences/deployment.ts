import { isMadeUp, Planned, Provider } from './provider';
import type { Scene } from './scene';
import { LOGICAL_IDS, OTHER, stackTemplate, type LogicalId } from './stack-template';
import type { Deploy, Sequence } from './template';
import { StackApi } from '../../../../world/cloudformation/api';
import { Deployment as PlayerDeployment } from '../../../../world/cloudformation/deployment';
import type { Handler } from '../../../../world/cloudformation/handler';
import { Ids } from '../../../../world/cloudformation/ids';
import type { Scope } from '../../../../world/cloudformation/intrinsics';
import type { OperationOptions, Surroundings } from '../../../../world/cloudformation/operation';
import { isPaused } from '../../../../world/cloudformation/permitted';
import { Stack, STACK_TYPE, type StackEvent } from '../../../../world/cloudformation/stack';
import { Template } from '../../../../world/cloudformation/template';
import { Lateness } from '../../../../world/emulator/lateness';

/** A resource as CloudFormation knows it. */
export interface Held {
  readonly id: string;
  readonly properties: any;
}

/** What a mount target of somebody else does to a deployment; and nothing else may. */
export const IN_THE_WAY = /is not of this set/;
export const POLICY_IN_THE_WAY = /has another policy already/;
export const TAGS_IN_THE_WAY = /exist already with other values/;
const CANNOT_DELETE_YET = /cannot be deleted as long as/;
/** The last one: a rollback to a file system that is gone would have to make it again, which the token rules out (deployed-behaviour 9). */
const GONE = /gone|does not exist|disappeared|no longer exists|released or taken over|'creationToken' is still/;
const ONE_CHANGE_A_DAY = /EFS allows one change of the mode/;

const NO_SCOPE: Omit<Scope, 'ref'> = {
  attribute: (id, name) => { throw new Error(`no ${id}.${name}`); },
  condition: name => { throw new Error(`no condition ${name}`); },
  mapping: name => { throw new Error(`no mapping ${name}`); },
  importValue: name => { throw new Error(`no export ${name}`); },
  parameter: name => { throw new Error(`no parameter ${name}`); },
};

export interface DeploymentListener {
  /** A deployment begins; what an earlier one left as it failed is rolled back, if it has to be. */
  begin(): void;
  completed(logicalId: LogicalId, held: Held): void;
  /** A resource whose way back failed was left as it is. `properties`: those that CloudFormation takes it to have. */
  skipped(logicalId: LogicalId, properties: any): void;
}

/** The stack of a sequence, played by the player's CloudFormation, with an operator who clears the way when something is stuck. */
export class Deployment {
  /** File systems that CloudFormation left, or whose deletion it gave up. */
  public readonly left = new Set<string>();
  /** So were these, but they never were complete, so that the handler may remove them whenever it sees them. */
  public readonly unfinishedLeft = new Set<string>();
  public readonly provider: Provider;
  /** The resources with which the latest deployment began. */
  public before: Partial<Record<LogicalId, Held>> = {};
  private readonly stacks: Stack[] = [];
  private readonly complete = new Set<string>();
  private readonly released = new Set<string>();
  /** The first failure of the operation in hand that was not asked for. */
  private failure: Error | undefined;
  private unexpected: Error | undefined;
  /** The operator skips what fails on the way back, instead of clearing the way. */
  private skips = false;
  private readonly lateness: Lateness;

  constructor(private readonly scene: Scene, private readonly listener: DeploymentListener, { seed, late, lateIam }: Sequence) {
    this.lateness = new Lateness(seed, { stackStatus: late, iam: lateIam });
    this.provider = new Provider(scene, {
      completed: (logicalId, id, properties) => {
        this.complete.add(id);
        this.listener.completed(logicalId, { id, properties });
      },
      // An update that goes back to a file system marks it as adopted, unless the stack is seen to roll back: after a failure without
      // rollback, or while its status is late, a file system with the policy DESTROY is left too (deployed-behaviour 1, 17).
      released: id => this.released.add(id),
      began: logicalId => this.scene.changePolicy(this.lateness, logicalId),
      failed: (error, request) => this.note(error, request),
    });
    const api = new StackApi(scene.world.clock, () => [...this.stacks].reverse());
    scene.world.server.add({
      signingName: 'cloudformation', operation: call => api.operation(call), handle: async call => api.handle(call), refuse: error => api.refuse(error),
    });
  }

  public get stack(): Stack | undefined {
    return this.stacks.find(({ status }) => status !== 'DELETE_COMPLETE');
  }

  /** Whether the stack was left as an operation without rollback failed. */
  public get isPaused(): boolean {
    return this.stack !== undefined && isPaused(this.stack);
  }

  /** The resources that CloudFormation takes for complete. */
  public get held(): Partial<Record<LogicalId, Held>> {
    return this.resources(/(CREATE|UPDATE)_COMPLETE$/);
  }

  /** The resources of the stack, failed ones too. */
  public get present(): Partial<Record<LogicalId, Held>> {
    return this.resources(/./);
  }

  private resources(statuses: RegExp): Partial<Record<LogicalId, Held>> {
    const all = LOGICAL_IDS.flatMap(id => this.stack?.resources.get(id) ?? []).filter(({ status }) => statuses.test(status));
    return Object.fromEntries(all.map(({ logicalId, physicalId, properties }) => [logicalId, { id: physicalId!, properties }]));
  }

  public get ownId(): string | undefined {
    const id = this.stack?.resources.get('Files')?.physicalId;
    return this.scene.world.efs.fileSystems.some(one => one.id === id) ? id : undefined;
  }

  /** Returns undefined if it succeeded, otherwise the failure, after the rollback if there is one. */
  public async deploy(step: Deploy): Promise<Error | undefined> {
    if (this.isPaused && !step.disableRollback && !this.stack!.express) { await this.rollBack(); }
    this.before = this.present;
    this.listener.begin();
    const isNew = this.stack === undefined;
    const stack = this.stack ?? this.newStack();
    const express = step.express || stack.express && isPaused(stack);
    const options: OperationOptions = {
      disableRollback: step.disableRollback || isPaused(stack) || undefined,
      express,
      rollbackPhysicalId: step.rollbackWith,
      // A Delete of an id that was made up removes what the resource has by then (deployed-behaviour 12).
      failedCreations: this.hasMadeUpIds(stack) ? 'before' : step.failedCreations,
      retainExceptOnCreate: step.retainExceptOnCreate,
    };
    const template = new Template(stackTemplate(step.template, step.failAfter, this.scene), {}, this.scope(stack));
    if (!isNew && !isPaused(stack) && PlayerDeployment.sameTemplates(stack.template!, template)) { return undefined; }

    this.begin(step);
    this.scene.refuse(step.refuse);
    const stable = isPaused(stack) ? undefined : this.held;
    const play = this.player(stack, options);
    await (isNew ? play.create(template) : play.update(template));
    this.scene.refuse(undefined);
    const failure = this.failure;
    await this.settle(stack, options, stable);
    if (/^(CREATE|UPDATE)_COMPLETE$/.test(stack.status)) { return undefined; }
    return failure ?? new Planned('as planned');
  }

  /** RollbackStack, or in express mode, which does not have it, nothing. */
  public async rollBack(): Promise<void> {
    const { stack } = this;
    if (!stack || !isPaused(stack) || stack.express) { return; }
    this.begin(undefined);
    await this.player(stack, { disableRollback: false }).rollBack();
    await this.settle(stack, {}, undefined);
  }

  public async destroy(): Promise<void> {
    const { stack } = this;
    if (!stack) { return; }
    this.begin(undefined);
    await this.player(stack, {}).delete();
    await this.settle(stack, {}, undefined);
  }

  private begin(step: Deploy | undefined): void {
    this.failure = undefined;
    this.unexpected = undefined;
    this.skips = step?.skips === true;
    this.provider.begin(step);
  }

  /** Does what an operator does with a stack that is stuck, and deletes one whose creation was rolled back, as `cdk deploy` does. */
  private async settle(stack: Stack, options: OperationOptions, stable: Deployment['held'] | undefined): Promise<void> {
    this.throwUnexpected();
    if (stack.status === 'UPDATE_ROLLBACK_FAILED' && this.skips) { await this.continueRollback(stack, options, true); }
    if (stack.status === 'UPDATE_ROLLBACK_FAILED') {
      this.clearTheWay();
      await this.continueRollback(stack, options, this.scene.gone.size > 0);
    }
    if (/^(ROLLBACK|DELETE)_FAILED$/.test(stack.status)) {
      this.clearTheWay();
      await this.player(stack, {}).delete();
    }
    this.throwUnexpected();
    if (stack.status === 'ROLLBACK_COMPLETE') { await this.player(stack, {}).delete(); }
    expect(stack.status).toMatch(/^((CREATE|UPDATE)_(COMPLETE|FAILED)|UPDATE_ROLLBACK_COMPLETE|DELETE_COMPLETE)$/);
    if (stack.status === 'UPDATE_ROLLBACK_COMPLETE' && stable && this.scene.gone.size === 0) {
      const ids = (held: Deployment['held']) => Object.entries(held).map(([logicalId, { id }]) => [logicalId, id]);
      expect(ids(this.held)).toEqual(ids(stable));
    }
  }

  private hasMadeUpIds(stack: Stack): boolean {
    return [...stack.resources.values()].some(({ physicalId }) => isMadeUp(physicalId));
  }

  /** ContinueUpdateRollback. A resource that is skipped stays as it is, and counts as complete. */
  private async continueRollback(stack: Stack, options: OperationOptions, skips: boolean): Promise<void> {
    const failed = skips ? [...stack.resources.values()].filter(({ status }) => status === 'UPDATE_FAILED') : [];
    failed.forEach(({ logicalId, properties }) => this.listener.skipped(logicalId as LogicalId, properties));
    await this.player(stack, { ...options, disableRollback: false }).continueRollback(failed.map(({ logicalId }) => logicalId));
  }

  private throwUnexpected(): void {
    const { unexpected } = this;
    this.unexpected = undefined;
    if (unexpected) { throw unexpected; }
  }

  private clearTheWay(): void {
    this.scene.removeTheirTargets();
    this.scene.removeTheirPolicies();
    this.scene.removeTheirTags();
    this.scene.world.clock.advance(5_000);
  }

  private note(error: Error, request: 'forward' | 'back' | 'delete'): void {
    const { message } = error;
    if (request === 'forward') { return void (this.failure ??= error); }
    const reasons = [
      this.scene.theirTargets.size > 0 && (IN_THE_WAY.test(message) || CANNOT_DELETE_YET.test(message)),
      this.scene.settings.strayPolicies().length > 0 && request === 'back' && POLICY_IN_THE_WAY.test(message),
      // The way back to a file system is refused like a way there (deployed-behaviour 9).
      request === 'back' && TAGS_IN_THE_WAY.test(message),
      this.scene.gone.size > 0 && request === 'back' && GONE.test(message),
      // Without a rollback, the event that takes a change back cannot be told from a change (deployed-behaviour 17).
      request === 'back' && !/ROLLBACK/.test(this.stack?.status ?? '') && ONE_CHANGE_A_DAY.test(message),
    ];
    // A failed creation that makes room for the next is deleted while calls may be refused.
    reasons.push(request === 'delete' && this.stack?.status === 'UPDATE_IN_PROGRESS' && /refused by the test/.test(message));
    if (!reasons.some(Boolean)) { this.unexpected ??= error; }
  }

  private onEvent({ type, status, physicalId: id, logicalId }: StackEvent): void {
    if (type === STACK_TYPE && /^(CREATE|UPDATE|UPDATE_ROLLBACK)_IN_PROGRESS$/.test(status)) { this.scene.changePolicy(this.lateness, 'Stack'); }
    // The deletion of a stack changes no policy before its resources are gone.
    if (type === STACK_TYPE && status === 'DELETE_IN_PROGRESS') { this.scene.applyPolicies(); }
    // Only what goes forward meets the call that is refused.
    if (type === STACK_TYPE && !/^(CREATE|UPDATE)_IN_PROGRESS$/.test(status)) { this.scene.refuse(undefined); }
    if (type !== 'Custom::FileSystem' || id === undefined) { return; }
    if (status === 'DELETE_SKIPPED') {
      // CloudFormation gave the creation up and made up an id, so it retains that id instead of the thing that was made.
      const abandoned = this.provider.abandonedId(id);
      if (abandoned !== undefined && !this.scene.world.efs.fileSystems.some(one => one.id === id)) { this.unfinishedLeft.add(abandoned); }
      if (this.scene.world.efs.fileSystems.some(one => one.id === id)) { (this.complete.has(id) ? this.left : this.unfinishedLeft).add(id); }
    } else if (status === 'DELETE_FAILED') {
      (this.complete.has(id) ? this.left : this.unfinishedLeft).add(id);
    } else if (status === 'DELETE_COMPLETE' && logicalId === 'Files') {
      if (this.released.delete(id)) { this.left.add(id); } else { this.left.delete(id); }
    }
  }

  private newStack(): Stack {
    const { clock } = this.scene.world;
    const ids = new Ids(`sequence ${this.stacks.length}`);
    const stack = new Stack('Stack', ids, clock.now(), { now: () => clock.now(), delay: thing => this.lateness.delay('stackStatus', thing) });
    stack.onEvent = event => this.onEvent(event);
    this.stacks.push(stack);
    return stack;
  }

  private player(stack: Stack, options: OperationOptions): PlayerDeployment {
    const other: Handler = {
      create: () => { throw new Planned('another resource failed'); },
      update: () => { throw new Planned('another resource failed'); },
      delete: () => {},
    };
    const around: Surroundings = {
      clock: this.scene.world.clock,
      handler: type => type === OTHER.type ? other : this.provider,
      scope: owner => this.scope(owner),
      publish: () => {},
    };
    return new PlayerDeployment(around, stack, options);
  }

  private scope(stack: Stack): Scope {
    return {
      ...NO_SCOPE,
      ref: name => {
        if (name !== 'AWS::StackId') { throw new Error(`Ref finds no ${name}`); }
        return stack.id;
      },
    };
  }
}
