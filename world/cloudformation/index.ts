import { StackApi } from './api';
import { findStack, type Assembly } from './assembly';
import { Assets } from './assets';
import { CustomResources } from './custom-resource';
import { Deployment } from './deployment';
import { Exports } from './exports';
import type { Handler } from './handler';
import { Iam } from './iam';
import { Ids } from './ids';
import type { Scope } from './intrinsics';
import { NestedStacks } from './nested-stack';
import { isRollbackDisabled, type OperationOptions, type Surroundings } from './operation';
import { isPaused, refuseContinuing, refuseDeletion, refuseRollback, refuseUpdate } from './permitted';
import { resourceHandlers } from './resources';
import { Stack, STACK_TYPE, type Properties, type StackEvent } from './stack';
import { Template, TemplateError, type TemplateBody } from './template';
import type { Emulator } from '../emulator/emulator';
import { ACCOUNT, PARTITION, REGION } from '../emulator/environment';
import type { Answer, Call, Service, ServiceError } from '../emulator/service';

export type { StackEvent } from './stack';
export { TemplateError } from './template';

export interface DeployOptions extends OperationOptions {
  readonly parameters?: Record<string, string>;
  readonly onEvent?: (event: StackEvent) => void;
}

/** How a deployment ended, and what the stack is now. */
export interface StackOutcome {
  readonly stackId: string;
  readonly status: string;
  /** Why it was rolled back, or is stuck. */
  readonly reason?: string;
  readonly outputs: Record<string, string>;
  readonly resources: Record<string, { readonly physicalId: string; readonly type: string; readonly attributes: Record<string, unknown> }>;
  /** What happened in this deployment. */
  readonly events: StackEvent[];
}

export interface DestroyOptions extends OperationOptions {
  /** Logical ids of resources that stay behind; for a stack in DELETE_FAILED. */
  readonly retainResources?: readonly string[];
  readonly onEvent?: (event: StackEvent) => void;
}

export interface ContinueOptions extends OperationOptions {
  /** Logical ids of resources in UPDATE_FAILED that the rollback leaves as they are. */
  readonly resourcesToSkip?: readonly string[];
  readonly onEvent?: (event: StackEvent) => void;
}

/** Plays CloudFormation, and the part of `cdk deploy` before it: deploys synthesized assemblies onto the emulator. */
export class CloudFormation implements Service {
  public readonly signingName = 'cloudformation';
  public readonly iam: Iam;
  /** SSM parameters, by name. */
  public readonly parameters = new Map([['/cdk-bootstrap/hnb659fds/version', '30']]);
  /** Properties of the CodeBuild projects and pipelines that there are, by name. */
  public readonly builds = new Map<string, Properties>();
  public readonly pipelines = new Map<string, Properties>();
  private readonly assets: Assets;
  /** All that ever were, deleted ones included; the latest last. */
  private readonly stacks: Stack[] = [];
  private readonly exports = new Exports(() => this.stacks);
  private readonly handlers: Record<string, Handler>;
  private readonly customResources: CustomResources;
  private readonly api: StackApi;

  constructor(private readonly emulator: Emulator) {
    this.api = new StackApi(emulator.clock, () => [...this.stacks].reverse());
    this.assets = new Assets(emulator.s3);
    this.iam = new Iam(emulator.clock, emulator.lateness);
    const { clock, server, lambda, latency } = emulator;
    this.customResources = new CustomResources(clock, server, latency, (token, event) => {
      if (!token?.startsWith(`arn:${PARTITION}:lambda:`)) { throw new Error(`the player knows functions as service tokens only, got ${token}`); }
      // Throws if there is no such function.
      lambda.invocations(token);
      void lambda.enqueue(token, event);
    });
    this.handlers = {
      ...resourceHandlers({
        emulator,
        iam: this.iam,
        assets: this.assets,
        parameters: this.parameters,
        permissions: new Map(),
        builds: this.builds,
        pipelines: this.pipelines,
      }),
      [STACK_TYPE]: new NestedStacks({
        templateAt: url => this.assets.template(url),
        create: (parent, logicalId, body, parameters, delivery) =>
          this.create(parent.ids.name(parent.name, logicalId, 128), body, parameters, parent.tags, delivery, parent),
        update: (id, body, parameters, options) => this.update(this.byId(id), body, parameters, options),
        rollBack: (id, options) => isPaused(this.byId(id)) && !isRollbackDisabled(options) ? this.rollBack(this.byId(id), options) : undefined,
        delete: (id, delivery) => this.remove(this.byId(id), delivery),
      }),
    };
    emulator.principals.lookUpIn(this.iam);
    emulator.server.add(this);
    emulator.onClose(() => this.assets.close());
  }

  /**
   * Creates a stack, or updates it if it exists. As `cdk deploy` does it, rolls back first what an operation without rollback left,
   * if this one is to roll back, and deletes a stack whose creation was rolled back.
   */
  public async deploy(assembly: Assembly, stackName?: string, options: DeployOptions = {}): Promise<StackOutcome> {
    const artifact = findStack(assembly, stackName);
    for (const manifest of artifact.assetManifests) { await this.assets.publish(manifest, artifact.directory); }

    let stack = this.find(artifact.name);
    if (stack && isPaused(stack) && !stack.express && !isRollbackDisabled(options)) { await this.rollBack(stack, {}); }
    if (stack?.status === 'ROLLBACK_COMPLETE') {
      await this.remove(stack, {});
      stack = undefined;
    }
    const parameters = { ...artifact.parameters, ...options.parameters };
    if (!stack) {
      const created = await this.create(artifact.name, artifact.template, parameters, artifact.tags, options);
      return outcome(created, 0);
    }
    const seen = stack.events.length;
    stack.tags = artifact.tags;
    return outcome(await this.update(stack, artifact.template, parameters, options), seen);
  }

  /** DeleteStack. */
  public async destroy(stackName: string, options: DestroyOptions = {}): Promise<StackOutcome> {
    const stack = this.existing(stackName);
    const seen = stack.events.length;
    return outcome(await this.remove(stack, options), seen);
  }

  /** RollbackStack: returns a stack that was left in CREATE_FAILED or UPDATE_FAILED to its last stable state. */
  public async rollbackStack(stackName: string, options: DestroyOptions = {}): Promise<StackOutcome> {
    const stack = this.existing(stackName);
    const seen = stack.events.length;
    return outcome(await this.rollBack(stack, options), seen);
  }

  /** ContinueUpdateRollback. */
  public async continueUpdateRollback(stackName: string, { resourcesToSkip = [], ...options }: ContinueOptions = {}): Promise<StackOutcome> {
    const stack = this.existing(stackName);
    const seen = stack.events.length;
    refuseContinuing(stack, resourcesToSkip);
    this.watch(stack, options);
    await new Deployment(this.surroundings, stack, { ...options, disableRollback: false }).continueRollback(resourcesToSkip);
    return outcome(stack, seen);
  }

  /** The stack of that name as it is now. */
  public describe(stackName: string): StackOutcome {
    return outcome(this.existing(stackName), 0);
  }

  /** Actions that the policies of the stack's roles, or of all roles, ever granted and that no call needed so far, by the role's logical id. */
  public unusedActions(stackName?: string): Record<string, string[]> {
    return this.iam.unusedActions(stackName);
  }

  public operation(call: Call): string {
    return this.api.operation(call);
  }

  public async handle(call: Call): Promise<Answer> {
    return this.api.handle(call);
  }

  public refuse(error: ServiceError): Answer {
    return this.api.refuse(error);
  }

  private async create(
    name: string, body: TemplateBody, parameters: Record<string, unknown>, tags: Record<string, string>,
    options: DeployOptions, parent?: Stack,
  ): Promise<Stack> {
    const { clock, lateness } = this.emulator;
    const time = { now: () => clock.now(), delay: (thing: string) => lateness.delay('stackStatus', thing) };
    const stack = new Stack(name, new Ids(`${name}#${this.stacks.filter(other => other.name === name).length}`), clock.now(), time, parent);
    stack.tags = tags;
    const template = this.template(stack, body, parameters);
    this.watch(stack, options);
    this.stacks.push(stack);
    await new Deployment(this.surroundings, stack, options).create(template);
    return stack;
  }

  private async update(stack: Stack, body: TemplateBody, parameters: Record<string, unknown>, options: DeployOptions): Promise<Stack> {
    refuseUpdate(stack, options);
    const template = this.template(stack, body, parameters);
    const changed = [...template.resources].filter(([id, { Type }]) => (stack.resources.get(id)?.type ?? Type) !== Type).map(([id]) => id);
    if (changed.length > 0) {
      throw new TemplateError('Update of resource type is not permitted. '
        + `The new template modifies resource type of the following resources: [${changed.join(', ')}]`);
    }
    this.watch(stack, options);
    if (!isPaused(stack) && Deployment.sameTemplates(stack.template!, template)) { return stack; }
    await new Deployment(this.surroundings, stack, options).update(template);
    return stack;
  }

  private async rollBack(stack: Stack, options: DestroyOptions): Promise<Stack> {
    refuseRollback(stack);
    this.watch(stack, options);
    await new Deployment(this.surroundings, stack, { ...options, disableRollback: false }).rollBack();
    return stack;
  }

  private async remove(stack: Stack, { retainResources = [], ...options }: DestroyOptions): Promise<Stack> {
    refuseDeletion(stack, retainResources);
    this.exports.refuseDeletion(stack);
    this.watch(stack, options);
    await new Deployment(this.surroundings, stack, options).delete(retainResources);
    if (stack.status === 'DELETE_COMPLETE') {
      this.exports.remove(stack);
      stack.imports.clear();
    }
    return stack;
  }

  private watch(stack: Stack, { onEvent }: DestroyOptions): void {
    stack.onEvent = onEvent ?? stack.parent?.onEvent ?? (() => {});
  }

  private template(stack: Stack, body: TemplateBody, given: Record<string, unknown>): Template {
    const parameters: Record<string, unknown> = {};
    for (const [name, { Type, Default }] of Object.entries(body.Parameters ?? {})) {
      const inStore = Type.startsWith('AWS::SSM::Parameter::Value<');
      const value = given[name] ?? (inStore ? undefined : stack.template?.parameters[name]) ?? Default;
      if (value === undefined) { throw new TemplateError(`Parameters: [${name}] must have values`); }
      const text = inStore ? this.ssm(String(value)) : String(value);
      parameters[name] = /List/.test(Type) ? text.split(',').map(item => item.trim()) : text;
    }
    const unknown = Object.keys(given).filter(name => !(name in parameters));
    if (unknown.length > 0) { throw new TemplateError(`Parameters: [${unknown.join(', ')}] do not exist in the template`); }
    const template = new Template(body, parameters, this.pseudo(stack));
    for (const { Type } of template.resources.values()) { this.handler(Type); }
    return template;
  }

  private handler(type: string): Handler {
    if (/^Custom::|^AWS::CloudFormation::CustomResource$/.test(type)) { return this.customResources; }
    if (!Object.hasOwn(this.handlers, type)) { throw new TemplateError(`type ${type} is not supported by the player`); }
    return this.handlers[type];
  }

  private get surroundings(): Surroundings {
    return {
      clock: this.emulator.clock,
      handler: type => this.handler(type),
      scope: (stack, template, imports) => ({
        ...this.pseudo(stack),
        ref: name => name in template.parameters ? template.parameters[name] : this.pseudo(stack).ref(name),
        condition: name => template.condition(name),
        mapping: (...path) => template.mapping(...path),
        importValue: name => {
          imports.add(name);
          return this.exports.value(name);
        },
      }),
      publish: (stack, outputs) => this.exports.publish(stack, outputs),
    };
  }

  /** What does not depend on a template. */
  private pseudo(stack: Stack): Scope {
    const values: Record<string, unknown> = {
      'AWS::AccountId': ACCOUNT,
      'AWS::Region': REGION,
      'AWS::Partition': PARTITION,
      'AWS::URLSuffix': 'amazonaws.com',
      'AWS::StackId': stack.id,
      'AWS::StackName': stack.name,
      'AWS::NotificationARNs': [],
    };
    const missing = (what: string) => () => { throw new TemplateError(`${what} cannot be used here`); };
    return {
      ref: name => {
        if (!(name in values)) { throw new TemplateError(`Ref finds no ${name}`); }
        return values[name];
      },
      attribute: missing('Fn::GetAtt'),
      condition: missing('Condition'),
      mapping: missing('Fn::FindInMap'),
      importValue: name => this.exports.value(name),
      parameter: name => this.ssm(name),
    };
  }

  private ssm(name: string): string {
    const value = this.parameters.get(name);
    if (value === undefined) { throw new TemplateError(`Unable to fetch parameters [${name}] from parameter store for this account.`); }
    return value;
  }

  private existing(stackName: string): Stack {
    const stack = this.find(stackName);
    if (!stack) { throw new Error(`Stack with id ${stackName} does not exist`); }
    return stack;
  }

  private find(nameOrId: string): Stack | undefined {
    return this.stacks.find(({ name, id, status }) => (name === nameOrId || id === nameOrId) && status !== 'DELETE_COMPLETE');
  }

  private byId(id: string): Stack {
    return this.stacks.find(stack => stack.id === id)!;
  }
}

function outcome(stack: Stack, seen: number): StackOutcome {
  const events = stack.events.slice(seen);
  const reason = stack.reason ?? events.find(({ type, status, reason: why }) => type === STACK_TYPE && /ROLLBACK/.test(status) && why)?.reason;
  return {
    stackId: stack.id,
    status: stack.status,
    reason: reason?.trim(),
    outputs: Object.fromEntries(Object.entries(stack.outputs).map(([name, { value }]) => [name, value])),
    resources: Object.fromEntries([...stack.resources.values()].filter(({ physicalId }) => physicalId !== undefined)
      .map(({ logicalId, physicalId, type, attributes }) => [logicalId, { physicalId: physicalId!, type, attributes }])),
    events,
  };
}
