import type { Changes } from './changes';
import { Deletion } from './deletion';
import { insisting } from './express';
import { visitInOrder } from './graph';
import { ResourceFailure, type Handler, type Made } from './handler';
import { resolve, type Scope } from './intrinsics';
import { complete, isRollbackDisabled, Operation, same, type OperationOptions, type Surroundings } from './operation';
import type { Properties, Resource, Stack } from './stack';
import type { Template } from './template';

/** Makes the resources of a stack what a template says. */
export class Application extends Operation {
  /** Why it failed, as the reason of the stack's next status. */
  public reason = '';
  private readonly failures: { readonly verb: string; readonly logicalId: string }[] = [];
  private readonly stopping = new AbortController();
  /** By CancelUpdateStack, which always rolls back. */
  public cancelled = false;
  private failedAfterwards = false;

  constructor(around: Surroundings, stack: Stack, options: OperationOptions, private readonly changes: Changes) {
    super(around, stack, options);
  }

  /** Returns whether everything is as the template says. */
  public async run(template: Template): Promise<boolean> {
    const timer = new AbortController();
    if (this.options.cancelAfter !== undefined) {
      void this.around.clock.sleep(this.options.cancelAfter * 1000, timer.signal).then(() => {
        this.cancelled = true;
        this.stop('Cancelled by user. ');
      }, () => {});
    }
    const imports = new Set<string>();
    const scope = this.scope(template, imports);
    const done = await visitInOrder(template.resources.keys(), id => template.dependencies(id),
      id => this.apply(template, id, scope), () => this.stopping.signal.aborted);
    timer.abort(new Error('finished'));
    this.reason += why(this.failures);
    if (!done || this.stopping.signal.aborted || this.failedAfterwards) { return false; }
    try {
      this.publishOutputs(template, scope);
      this.stack.imports = imports;
      return true;
    } catch (error) {
      this.reason += `${(error as Error).message}. `;
      return false;
    }
  }

  /** Makes one resource what the template says; without an event, if it already is. */
  private async apply(template: Template, id: string, scope: Scope): Promise<boolean> {
    const current = this.stack.resources.get(id);
    const definition = template.resources.get(id)!;
    const handler = this.around.handler(definition.Type);
    // A creation that failed has nothing to be updated, unless it is a stack, which has resources of its own.
    const failed = current?.status === 'CREATE_FAILED' && !handler.resumes ? current : undefined;
    const before = failed ? undefined : current;
    const after: Resource = {
      logicalId: id,
      type: definition.Type,
      properties: {},
      attributes: {},
      dependencies: template.dependencies(id),
      deletionPolicy: definition.DeletionPolicy ?? 'Delete',
      updateReplacePolicy: definition.UpdateReplacePolicy ?? 'Delete',
      status: `${before ? 'UPDATE' : 'CREATE'}_IN_PROGRESS`,
    };
    try {
      Object.assign(after, { properties: resolve(definition.Properties ?? {}, scope) as Properties });
    } catch (error) {
      return this.fail(before, after, error as Error);
    }
    if (before && !before.status.endsWith('_FAILED') && same(before.properties, after.properties)) {
      this.stack.resources.set(id, { ...after, physicalId: before.physicalId, attributes: before.attributes, status: before.status });
      return true;
    }
    if (failed && !await this.makeRoom(failed)) { return this.fail(before, after, new Error(`${failed.physicalId} could not be deleted`)); }
    return this.change(handler, before, after);
  }

  private async change(handler: Handler, before: Resource | undefined, after: Resource): Promise<boolean> {
    const { logicalId } = after;
    const kind = !before ? 'create' : replaces(handler, before.properties, after.properties) ? 'replace' : 'update';
    if (!before) { this.stack.resources.set(logicalId, after); }
    this.stack.setResourceStatus(before ?? after, after.status,
      kind === 'replace' ? 'Requested update requires the creation of a new physical resource; hence creating one.' : undefined);
    if (this.options.fail === logicalId) { return this.fail(before, after, new Error('Simulated failure')); }
    if (kind === 'replace' && isRollbackDisabled(this.options)) {
      return this.fail(before, after, new Error('Replacement type updates not supported on stack with disable-rollback.'));
    }
    const withdraw = this.changes.begin(logicalId, { before, after, kind });
    try {
      const request = this.request(after, this.stopping.signal);
      const act = (): Made | Promise<Made> => kind === 'update' ? handler.update(request, before!) : handler.create(request);
      complete(after, await this.working(handler, () => this.options.express && !handler.custom ? insisting(this.around.clock, act) : act()));
    } catch (error) {
      after.physicalId = error instanceof ResourceFailure ? error.physicalId : undefined;
      this.changes.noteDeletion(after, false);
      // An update that never reached the resource has nothing to undo.
      if (after.physicalId === undefined && kind === 'update' && handler.custom) { withdraw(); }
      this.fail(before, after, error as Error);
      if (kind === 'update' && isRollbackDisabled(this.options)) { await this.takeBack(handler, before!, after, withdraw); }
      return false;
    }
    this.changes.noteDeletion(after, false);
    this.stack.resources.set(logicalId, after);
    this.stack.setResourceStatus(after, `${before ? 'UPDATE' : 'CREATE'}_COMPLETE`);
    if (this.options.failAfter === logicalId) { this.failAfterwards(`Simulated failure after ${logicalId}. `); }
    return true;
  }

  /** Returns false, for the visit that failed. Without a rollback, whatever does not depend on the resource goes on. */
  private fail(before: Resource | undefined, after: Resource, { message }: Error): false {
    const verb = before ? 'update' : 'create';
    if (!before) { this.stack.resources.set(after.logicalId, after); }
    this.failures.push({ verb, logicalId: after.logicalId });
    this.stack.setResourceStatus(before ?? after, `${verb.toUpperCase()}_FAILED`, message);
    if (!isRollbackDisabled(this.options)) { this.stop(); }
    return false;
  }

  private failAfterwards(reason: string): void {
    this.failedAfterwards = true;
    if (isRollbackDisabled(this.options)) { this.reason += reason; } else { this.stop(reason); }
  }

  /** Deletes a failed creation before it is tried again, or leaves that to the clean-up. */
  private async makeRoom(failed: Resource): Promise<boolean> {
    if (this.options.failedCreations === 'clean-up') { return true; }
    if (!await new Deletion(this.around, this.stack, this.options).run([failed], { undone: [failed], carryOn: false })) {
      this.changes.superseded.push(failed);
      return false;
    }
    this.changes.settle(failed.logicalId);
    return true;
  }

  /** Returns a custom resource whose update failed to its last stable state, while the stack's status is that of the operation. */
  private async takeBack(handler: Handler, before: Resource, after: Resource, withdraw: () => void): Promise<void> {
    if (!handler.custom || after.physicalId === undefined || this.options.takeBackFailedUpdates === false) { return; }
    const called = this.options.rollbackPhysicalId === 'new' ? after.physicalId : before.physicalId;
    try {
      const made = await handler.update(this.request(before), { ...after, physicalId: called });
      if (made.physicalId !== before.physicalId) { this.changes.superseded.push({ ...before }); }
      complete(before, made);
      withdraw();
      if (after.physicalId !== before.physicalId) { this.changes.superseded.push(after); }
    } catch (error) {
      this.stack.setResourceStatus(before, 'UPDATE_FAILED', (error as Error).message);
    }
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

  private stop(reason = ''): void {
    if (this.stopping.signal.aborted) { return; }
    this.reason = reason + this.reason;
    this.stopping.abort(new Error(reason || 'cancelled'));
  }
}

/** Returns the sentences that CloudFormation makes of failed resources. */
export function why(failures: readonly { readonly verb: string; readonly logicalId: string }[]): string {
  return [...new Set(failures.map(({ verb }) => verb))].map(verb => `The following resource(s) failed to ${verb}: [${
    failures.filter(failure => failure.verb === verb).map(({ logicalId }) => logicalId).join(', ')}]. `).join('');
}

function replaces(handler: Handler, before: Properties, after: Properties): boolean {
  return (handler.immutable ?? []).some(name => !same(before[name], after[name]));
}
