import { Application } from './application';
import { Changes, type Change } from './changes';
import { Deletion, type DeletionRules } from './deletion';
import { isRollbackDisabled, same, type OperationOptions, type Surroundings } from './operation';
import { Rollback } from './rollback';
import type { OperationType, Resource, Stack } from './stack';
import type { Policy, Template } from './template';

/** Creates, updates, rolls back or deletes one stack, as CloudFormation goes about it: the statuses of the stack, in their order. */
export class Deployment {
  /** Whether an update would do anything, as far as that can be told without doing it. */
  public static sameTemplates(a: Template, b: Template): boolean {
    return same([a.body.Resources, a.body.Outputs, a.body.Mappings, a.body.Conditions, a.parameters],
      [b.body.Resources, b.body.Outputs, b.body.Mappings, b.body.Conditions, b.parameters]);
  }

  constructor(private readonly around: Surroundings, private readonly stack: Stack, private readonly options: OperationOptions) {}

  public async create(template: Template): Promise<void> {
    const application = this.begin('CREATE_STACK', new Changes());
    this.stack.setStatus('CREATE_IN_PROGRESS', 'User Initiated');
    if (await application.run(template)) { return this.end(template, 'CREATE_COMPLETE'); }
    if (isRollbackDisabled(this.options)) { return this.stack.setStatus('CREATE_FAILED', application.reason); }
    return this.options.onFailure === 'DELETE' ? this.deleteFailedCreation(application.reason) : this.rollBackCreation(application.reason);
  }

  public async update(template: Template): Promise<void> {
    const changes = this.stack.changes ?? new Changes();
    const application = this.begin('UPDATE_STACK', changes);
    this.stack.updated = this.around.clock.now();
    this.stack.setStatus('UPDATE_IN_PROGRESS', 'User Initiated');
    if (await application.run(template)) { return this.cleanUp(template); }
    if (isRollbackDisabled(this.options) && !application.cancelled) { return this.stack.setStatus('UPDATE_FAILED', application.reason); }
    return this.rollBackUpdate(application.reason);
  }

  /** RollbackStack, of a stack that was left as it failed. */
  public async rollBack(): Promise<void> {
    this.note('ROLLBACK');
    // A stack that never was stable has nothing to go back to.
    return this.stack.template ? this.rollBackUpdate('User Initiated') : this.rollBackCreation('User Initiated. ');
  }

  /** ContinueUpdateRollback. */
  public async continueRollback(resourcesToSkip: readonly string[]): Promise<void> {
    this.note('CONTINUE_ROLLBACK');
    return this.rollBackUpdate('User Initiated', resourcesToSkip);
  }

  public async delete(retain: readonly string[] = []): Promise<void> {
    this.note('DELETE_STACK');
    this.stack.setStatus('DELETE_IN_PROGRESS', 'User Initiated');
    const all = [...this.stack.resources.values(), ...this.replaced(({ before }) => before!.deletionPolicy), ...this.leftovers()];
    return this.endDeletion(await this.remove(all, { retain }));
  }

  private begin(operation: OperationType, changes: Changes): Application {
    this.note(operation);
    this.stack.changes = changes;
    return new Application(this.around, this.stack, this.options, changes);
  }

  private note(operation: OperationType): void {
    this.stack.note(operation, { disableRollback: isRollbackDisabled(this.options), express: this.options.express });
  }

  private end(template: Template, status: string): void {
    this.stack.template = template;
    this.stack.changes = undefined;
    this.stack.setStatus(status);
  }

  private async cleanUp(template: Template): Promise<void> {
    this.stack.template = template;
    this.stack.setStatus('UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
    const removed = [...this.stack.resources.values()].filter(({ logicalId }) => !template.resources.has(logicalId));
    const leftovers = this.leftovers();
    // What cannot be cleaned up is left behind silently.
    const replaced = this.replaced(({ after }) => after.updateReplacePolicy);
    await this.remove([...removed, ...replaced, ...leftovers], { undone: leftovers, carryOn: true });
    removed.forEach(({ logicalId }) => this.stack.resources.delete(logicalId));
    this.end(template, 'UPDATE_COMPLETE');
  }

  private async rollBackCreation(reason: string): Promise<void> {
    this.stack.setStatus('ROLLBACK_IN_PROGRESS', `${reason}Rollback requested by user.`);
    const gone = await this.undo([...this.stack.resources.values(), ...this.leftovers()]);
    this.stack.setStatus(gone ? 'ROLLBACK_COMPLETE' : 'ROLLBACK_FAILED');
  }

  private async deleteFailedCreation(reason: string): Promise<void> {
    this.stack.setStatus('DELETE_IN_PROGRESS', `${reason}Delete requested by user.`);
    return this.endDeletion(await this.undo([...this.stack.resources.values()]));
  }

  /** Undoes the changes in the order of the stable template, then deletes what they had made. */
  private async rollBackUpdate(reason: string, resourcesToSkip: readonly string[] = []): Promise<void> {
    const { template, changes } = this.stack as { template: Template; changes: Changes };
    this.stack.setStatus('UPDATE_ROLLBACK_IN_PROGRESS', reason);
    const rollback = new Rollback(this.around, this.stack, this.options, changes, resourcesToSkip);
    if (!await rollback.run(template)) { return this.stack.setStatus('UPDATE_ROLLBACK_FAILED', rollback.reason); }

    this.stack.setStatus('UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS');
    const created = [...this.stack.resources.values()].filter(({ logicalId }) => !template.resources.has(logicalId));
    await this.undo([...created, ...this.leftovers()], { carryOn: true });
    created.forEach(({ logicalId }) => this.stack.resources.delete(logicalId));
    this.end(template, 'UPDATE_ROLLBACK_COMPLETE');
  }

  private endDeletion(gone: boolean): void {
    const stuck = [...this.stack.resources.values()].filter(({ status }) => status === 'DELETE_FAILED').map(({ logicalId }) => logicalId);
    this.stack.deleted = gone ? this.around.clock.now() : undefined;
    this.stack.setStatus(gone ? 'DELETE_COMPLETE' : 'DELETE_FAILED', gone ? undefined : `The following resource(s) failed to delete: [${stuck.join(', ')}].`);
  }

  private undo(resources: readonly Resource[], rules: Partial<DeletionRules> = {}): Promise<boolean> {
    return this.remove(resources, { undone: resources, ...rules });
  }

  private remove(resources: readonly Resource[], rules: Partial<DeletionRules>): Promise<boolean> {
    return new Deletion(this.around, this.stack, this.options).run(resources, { carryOn: false, ...rules });
  }

  private replaced(policy: (change: Change) => Policy): Resource[] {
    return this.stack.changes?.replaced(this.stack.resources, policy) ?? [];
  }

  private leftovers(): Resource[] {
    return this.stack.changes?.leftovers(this.stack.resources) ?? [];
  }
}
