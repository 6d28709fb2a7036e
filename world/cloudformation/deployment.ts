import { visitInOrder } from './graph';
import { ResourceFailure, type Delivery, type Handler, type Made, type Request } from './handler';
import { resolve, scalarsToStrings, type Scope } from './intrinsics';
import type { Properties, Resource, Stack } from './stack';
import type { Template } from './template';
import type { Clock } from '../emulator/clock';

export interface DeploymentOptions extends Delivery {
  /** This resource fails instead of being made or updated. */
  readonly fail?: string;
  /** As soon as this resource is made or updated, the deployment fails, as if another resource did. */
  readonly failAfter?: string;
  /** After so many seconds of emulated time the deployment is cancelled, as by CancelUpdateStack. */
  readonly cancelAfter?: number;
  /** The physical id in the Update events of a rollback, where the failed update had changed it. Default: 'old'. */
  readonly rollbackPhysicalId?: 'old' | 'new';
}

/** What a deployment needs around it. */
export interface Surroundings {
  readonly clock: Clock;
  handler(type: string): Handler;
  /** Intrinsic functions that look beyond the stack; `Ref` and `Fn::GetAtt` of resources are looked up in the stack first. */
  scope(stack: Stack, template: Template, imports: Set<string>): Scope;
  /** Makes the outputs known, exports included; throws if it may not. */
  publish(stack: Stack, outputs: Stack['outputs']): void;
}

/** What a deployment did to one resource, so that it can be undone. */
interface Change {
  readonly before?: Resource;
  /** As it is now, or as far as it got. */
  readonly after: Resource;
  readonly kind: 'create' | 'update' | 'replace';
}

/** Creates, updates or deletes one stack, as CloudFormation goes about it. */
export class Deployment {
  /** Whether an update would do anything, as far as that can be told without doing it. */
  public static sameTemplates(a: Template, b: Template): boolean {
    return same([a.body.Resources, a.body.Outputs, a.body.Mappings, a.body.Conditions, a.parameters],
      [b.body.Resources, b.body.Outputs, b.body.Mappings, b.body.Conditions, b.parameters]);
  }

  private readonly changes = new Map<string, Change>();
  private readonly failures: { readonly verb: string; readonly logicalId: string }[] = [];
  private readonly stopping = new AbortController();
  private stopReason?: string;

  constructor(private readonly around: Surroundings, private readonly stack: Stack, private readonly options: DeploymentOptions) {}

  public async create(template: Template): Promise<void> {
    this.stack.setStatus('CREATE_IN_PROGRESS', 'User Initiated');
    if (await this.forward(template)) {
      this.stack.template = template;
      return this.stack.setStatus('CREATE_COMPLETE');
    }
    this.stack.setStatus('ROLLBACK_IN_PROGRESS', `${this.why()}Rollback requested by user.`);
    const gone = await this.remove([...this.stack.resources.values()], { undoingCreate: true, carryOn: false });
    this.stack.setStatus(gone ? 'ROLLBACK_COMPLETE' : 'ROLLBACK_FAILED');
  }

  public async update(template: Template): Promise<void> {
    const before = this.stack.template!;
    this.stack.updated = this.around.clock.now();
    this.stack.setStatus('UPDATE_IN_PROGRESS', 'User Initiated');
    if (!await this.forward(template)) { return this.rollBack(before); }
    this.stack.template = template;
    this.stack.setStatus('UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
    const removed = [...this.stack.resources.values()].filter(({ logicalId }) => !template.resources.has(logicalId));
    const replaced = [...this.changes.values()]
      .filter(({ before: old, after }) => old !== undefined && old.physicalId !== after.physicalId)
      .map(({ before: old, after }) => ({ ...old!, deletionPolicy: after.updateReplacePolicy }));
    // What cannot be cleaned up is left behind silently.
    await this.remove([...removed, ...replaced], { undoingCreate: false, carryOn: true });
    removed.forEach(({ logicalId }) => this.stack.resources.delete(logicalId));
    this.stack.setStatus('UPDATE_COMPLETE');
  }

  public async delete(): Promise<void> {
    this.stack.setStatus('DELETE_IN_PROGRESS', 'User Initiated');
    const gone = await this.remove([...this.stack.resources.values()], { undoingCreate: false, carryOn: false });
    const stuck = [...this.stack.resources.values()].filter(({ status }) => status === 'DELETE_FAILED').map(({ logicalId }) => logicalId);
    this.stack.deleted = gone ? this.around.clock.now() : undefined;
    this.stack.setStatus(gone ? 'DELETE_COMPLETE' : 'DELETE_FAILED', gone ? undefined : `The following resource(s) failed to delete: [${stuck.join(', ')}].`);
  }

  private async forward(template: Template): Promise<boolean> {
    const timer = new AbortController();
    if (this.options.cancelAfter !== undefined) {
      void this.around.clock.sleep(this.options.cancelAfter * 1000, timer.signal).then(() => this.stop('Cancelled by user. '), () => {});
    }
    const imports = new Set<string>();
    const scope = this.scope(template, imports);
    const done = await visitInOrder(template.resources.keys(), id => template.dependencies(id),
      id => this.apply(template, id, scope), () => this.stopping.signal.aborted);
    timer.abort(new Error('finished'));
    if (!done || this.stopping.signal.aborted) { return false; }
    try {
      this.publishOutputs(template, scope);
      this.stack.imports = imports;
      return true;
    } catch (error) {
      this.stopReason = `${(error as Error).message}. `;
      return false;
    }
  }

  /** Makes one resource what the template says; without an event, if it already is. */
  private async apply(template: Template, id: string, scope: Scope): Promise<boolean> {
    const definition = template.resources.get(id)!;
    const before = this.stack.resources.get(id);
    const verb = before ? 'UPDATE' : 'CREATE';
    let after: Resource = {
      logicalId: id,
      type: definition.Type,
      properties: {},
      attributes: {},
      dependencies: template.dependencies(id),
      deletionPolicy: definition.DeletionPolicy ?? 'Delete',
      updateReplacePolicy: definition.UpdateReplacePolicy ?? 'Delete',
      status: `${verb}_IN_PROGRESS`,
    };
    try {
      after = { ...after, properties: resolve(definition.Properties ?? {}, scope) as Properties };
      if (before && same(before.properties, after.properties)) {
        this.stack.resources.set(id, { ...after, physicalId: before.physicalId, attributes: before.attributes, status: before.status });
        return true;
      }
      const handler = this.around.handler(after.type);
      const kind = !before ? 'create' : replaces(handler, before.properties, after.properties) ? 'replace' : 'update';
      if (kind === 'create') { this.stack.resources.set(id, after); }
      this.stack.setResourceStatus(before ?? after, after.status,
        kind === 'replace' ? 'Requested update requires the creation of a new physical resource; hence creating one.' : undefined);
      if (this.options.fail === id) { throw new Error('Simulated failure'); }
      this.changes.set(id, { before, after, kind });
      const request = this.request(after, this.stopping.signal);
      complete(after, await this.working(handler, () => kind === 'update' ? handler.update(request, before!) : handler.create(request)));
      this.stack.resources.set(id, after);
      this.stack.setResourceStatus(after, `${verb}_COMPLETE`);
    } catch (error) {
      after.physicalId = error instanceof ResourceFailure ? error.physicalId : undefined;
      // An update that never reached the resource has nothing to undo.
      if (after.physicalId === undefined && this.changes.get(id)?.kind === 'update' && this.around.handler(after.type).custom) { this.changes.delete(id); }
      if (!before) { this.stack.resources.set(id, after); }
      this.failures.push({ verb: verb.toLowerCase(), logicalId: id });
      this.stack.setResourceStatus(before ?? after, `${verb}_FAILED`, (error as Error).message);
      this.stop();
      return false;
    }
    if (this.options.failAfter === id) { this.stop(`Simulated failure after ${id}. `); }
    return true;
  }

  /** Undoes a failed update in the order of the old template, then deletes what the update had made. */
  private async rollBack(template: Template): Promise<void> {
    this.stack.setStatus('UPDATE_ROLLBACK_IN_PROGRESS', this.why());
    const scope = this.scope(template, new Set());
    const leftover: Resource[] = [];
    const done = await visitInOrder(template.resources.keys(), id => template.dependencies(id), id => this.revert(template, id, scope, leftover));
    if (!done) { return this.stack.setStatus('UPDATE_ROLLBACK_FAILED', this.why('rollback')); }

    this.stack.setStatus('UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS');
    const created = [...this.stack.resources.values()].filter(({ logicalId }) => !template.resources.has(logicalId));
    await this.remove([...created, ...leftover], { undoingCreate: true, carryOn: true });
    created.forEach(({ logicalId }) => this.stack.resources.delete(logicalId));
    this.stack.setStatus('UPDATE_ROLLBACK_COMPLETE');
  }

  private async revert(template: Template, id: string, scope: Scope, leftover: Resource[]): Promise<boolean> {
    const change = this.changes.get(id);
    const definition = template.resources.get(id)!;
    const old = change?.before ?? this.stack.resources.get(id)!;
    if (change?.kind === 'replace') {
      leftover.push(change.after);
      this.stack.resources.set(id, old);
      this.stack.setResourceStatus(old, 'UPDATE_IN_PROGRESS');
      this.stack.setResourceStatus(old, 'UPDATE_COMPLETE');
    }
    // Properties are resolved again: what they refer to may have got another physical id on the way back.
    const properties = resolve(definition.Properties ?? {}, scope) as Properties;
    if (change?.kind !== 'update' && same(properties, old.properties)) { return true; }

    const handler = this.around.handler(old.type);
    const now = change?.kind === 'update' ? change.after : old;
    const called = this.options.rollbackPhysicalId === 'new' && now.physicalId !== undefined ? now.physicalId : old.physicalId;
    const reverted: Resource = { ...old, properties, attributes: {} };
    this.stack.setResourceStatus({ ...reverted, physicalId: called }, 'UPDATE_IN_PROGRESS');
    try {
      const request = this.request(reverted, new AbortController().signal);
      complete(reverted, await this.working(handler, () => handler.update(request, { ...now, physicalId: called })));
      const replaced = { ...old, deletionPolicy: old.updateReplacePolicy };
      const others = new Map([replaced, now].filter(({ physicalId }) => physicalId !== undefined).map(resource => [resource.physicalId!, resource]));
      others.delete(reverted.physicalId!);
      leftover.push(...others.values());
      this.stack.resources.set(id, reverted);
      this.stack.setResourceStatus(reverted, 'UPDATE_COMPLETE');
      return true;
    } catch (error) {
      this.failures.push({ verb: 'rollback', logicalId: id });
      this.stack.setResourceStatus({ ...reverted, physicalId: called }, 'UPDATE_FAILED', (error as Error).message);
      return false;
    }
  }

  /** Deletes in reverse order of dependency, so far as the policies let it; false if something could not be deleted. */
  private async remove(resources: Resource[], { undoingCreate, carryOn }: { undoingCreate: boolean; carryOn: boolean }): Promise<boolean> {
    const dependents = (resource: Resource) => resources.filter(other => other !== resource && other.dependencies.includes(resource.logicalId));
    return visitInOrder(resources, dependents, async resource => {
      const { logicalId } = resource;
      const current = this.stack.resources.get(logicalId);
      const forget = () => { if (current === resource) { this.stack.resources.delete(logicalId); } };
      const retained = resource.deletionPolicy === 'Retain' || resource.deletionPolicy === 'RetainExceptOnCreate' && !undoingCreate;
      if (resource.physicalId === undefined) {
        forget();
        return true;
      }
      if (retained) {
        this.stack.setResourceStatus(resource, 'DELETE_SKIPPED');
        forget();
        return true;
      }
      this.stack.setResourceStatus(resource, 'DELETE_IN_PROGRESS');
      try {
        const handler = this.around.handler(resource.type);
        await this.working(handler, () => handler.delete(resource, this.stack, this.options));
        forget();
        this.stack.setResourceStatus(resource, 'DELETE_COMPLETE');
        return true;
      } catch (error) {
        this.stack.setResourceStatus(resource, 'DELETE_FAILED', (error as Error).message);
        return carryOn;
      }
    });
  }

  private publishOutputs(template: Template, scope: Scope): void {
    const outputs: Stack['outputs'] = {};
    for (const [name, { Value, Description, Export }] of template.outputs) {
      outputs[name] = {
        value: String(resolve(Value, scope)),
        ...Description ? { description: Description } : {},
        ...Export ? { exportName: String(resolve(Export.Name, scope)) } : {},
      };
    }
    this.around.publish(this.stack, outputs);
    this.stack.outputs = outputs;
  }

  private request({ logicalId, type, properties }: Resource, signal: AbortSignal): Request {
    return { stack: this.stack, logicalId, type, properties, signal, delivery: this.options };
  }

  /** `Ref` and `Fn::GetAtt` look at the resources as they are at that moment. */
  private scope(template: Template, imports: Set<string>): Scope {
    const outer = this.around.scope(this.stack, template, imports);
    return {
      ...outer,
      ref: name => this.stack.resources.get(name)?.physicalId ?? outer.ref(name),
      attribute: (logicalId, name) => {
        const resource = this.stack.resources.get(logicalId);
        if (!resource) { throw new Error(`Fn::GetAtt finds no resource ${logicalId}`); }
        const value = resource.attributes[name];
        if (value !== undefined && value !== null) { return value; }
        throw new Error(this.around.handler(resource.type).custom
          ? `CustomResource attribute error: Vendor response doesn't contain ${name} attribute in object ${this.stack.id}|${logicalId}`
          : `Requested attribute ${name} must be a readonly property in schema for ${resource.type}`);
      },
    };
  }

  /** Time stands still while the player itself works. */
  private async working(handler: Handler, work: () => Made | void | Promise<Made | void>): Promise<Made | void> {
    const done = handler.waits ? () => {} : this.around.clock.work();
    try {
      return await work();
    } finally {
      done();
    }
  }

  private stop(reason?: string): void {
    if (this.stopping.signal.aborted) { return; }
    this.stopReason = reason;
    this.stopping.abort(new Error(reason ?? 'cancelled'));
  }

  private why(only?: string): string {
    const verbs = [...new Set(this.failures.map(({ verb }) => verb))].filter(verb => only === undefined || verb === only);
    const failed = verbs.map(verb => `The following resource(s) failed to ${verb}: [${
      this.failures.filter(failure => failure.verb === verb).map(({ logicalId }) => logicalId).join(', ')}]. `);
    return (this.stopReason ?? '') + failed.join('');
  }
}

function complete(resource: Resource, made: Made | void): void {
  resource.physicalId = made!.physicalId;
  resource.attributes = made!.attributes ?? {};
}

function replaces(handler: Handler, before: Properties, after: Properties): boolean {
  return (handler.immutable ?? []).some(name => !same(before[name], after[name]));
}

/** Equal for CloudFormation: order of keys does not count, nor whether a scalar is a string. */
export function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(scalarsToStrings(a))) === JSON.stringify(sorted(scalarsToStrings(b)));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) { return value.map(sorted); }
  if (typeof value !== 'object' || value === null) { return value; }
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1).map(([key, inner]) => [key, sorted(inner)]));
}
