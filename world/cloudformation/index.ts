import { StackApi } from './api';
import { findStack, type Assembly } from './assembly';
import { Assets } from './assets';
import { CustomResources } from './custom-resource';
import { Deployment, type DeploymentOptions, type Surroundings } from './deployment';
import type { Delivery, Handler } from './handler';
import { Iam } from './iam';
import { Ids } from './ids';
import type { Scope } from './intrinsics';
import { NestedStacks } from './nested-stack';
import { resourceHandlers } from './resources';
import { Stack, STACK_TYPE, type Properties, type StackEvent } from './stack';
import { Template, TemplateError, type TemplateBody } from './template';
import type { Emulator } from '../emulator/emulator';
import { ACCOUNT, PARTITION, REGION } from '../emulator/environment';
import type { Answer, Call, Service, ServiceError } from '../emulator/service';

export type { StackEvent } from './stack';
export { TemplateError } from './template';

export interface DeployOptions extends DeploymentOptions {
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

/** The states from which a stack may be updated. */
const SETTLED = ['CREATE_COMPLETE', 'UPDATE_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE'];

/** Plays CloudFormation, and the part of `cdk deploy` before it: deploys synthesized assemblies onto the emulator. */
export class CloudFormation implements Service {
  public readonly signingName = 'cloudformation';
  public readonly iam = new Iam();
  /** SSM parameters, by name. */
  public readonly parameters = new Map([['/cdk-bootstrap/hnb659fds/version', '30']]);
  /** Properties of the CodeBuild projects and pipelines that there are, by name. */
  public readonly builds = new Map<string, Properties>();
  public readonly pipelines = new Map<string, Properties>();
  private readonly assets: Assets;
  /** All that ever were, deleted ones included; the latest last. */
  private readonly stacks: Stack[] = [];
  private readonly exports = new Map<string, { readonly value: string; readonly stack: Stack }>();
  private readonly handlers: Record<string, Handler>;
  private readonly customResources: CustomResources;
  private readonly api = new StackApi(() => [...this.stacks].reverse());

  constructor(private readonly emulator: Emulator) {
    this.assets = new Assets(emulator.s3);
    const { clock, server, lambda } = emulator;
    this.customResources = new CustomResources(clock, server, (token, event) => {
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
        update: (id, body, parameters, delivery) => this.update(this.byId(id), body, parameters, delivery),
        delete: (id, delivery) => this.remove(this.byId(id), delivery),
      }),
    };
    emulator.principals.lookUpIn(this.iam);
    emulator.server.add(this);
    emulator.onClose(() => this.assets.close());
  }

  /** Creates a stack, or updates it if it exists; a stack whose creation was rolled back is deleted first, as `cdk deploy` does it. */
  public async deploy(assembly: Assembly, stackName?: string, options: DeployOptions = {}): Promise<StackOutcome> {
    const artifact = findStack(assembly, stackName);
    for (const manifest of artifact.assetManifests) { await this.assets.publish(manifest, artifact.directory); }

    let stack = this.find(artifact.name);
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

  public async destroy(stackName: string, options: DeployOptions = {}): Promise<StackOutcome> {
    const stack = this.find(stackName);
    if (!stack) { throw new Error(`Stack with id ${stackName} does not exist`); }
    const seen = stack.events.length;
    return outcome(await this.remove(stack, options), seen);
  }

  /** The stack of that name as it is now. */
  public describe(stackName: string): StackOutcome {
    const stack = this.find(stackName);
    if (!stack) { throw new Error(`Stack with id ${stackName} does not exist`); }
    return outcome(stack, 0);
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
    const { clock } = this.emulator;
    const stack = new Stack(name, new Ids(`${name}#${this.stacks.filter(other => other.name === name).length}`), clock.now(), () => clock.now(), parent);
    stack.tags = tags;
    const template = this.template(stack, body, parameters);
    stack.onEvent = options.onEvent ?? parent?.onEvent ?? (() => {});
    this.stacks.push(stack);
    await new Deployment(this.surroundings, stack, options).create(template);
    return stack;
  }

  private async update(stack: Stack, body: TemplateBody, parameters: Record<string, unknown>, options: DeployOptions): Promise<Stack> {
    if (!SETTLED.includes(stack.status)) { throw new Error(`Stack:${stack.id} is in ${stack.status} state and can not be updated.`); }
    const template = this.template(stack, body, parameters);
    const changed = [...template.resources].filter(([id, { Type }]) => (stack.resources.get(id)?.type ?? Type) !== Type).map(([id]) => id);
    if (changed.length > 0) {
      throw new TemplateError('Update of resource type is not permitted. '
        + `The new template modifies resource type of the following resources: [${changed.join(', ')}]`);
    }
    stack.onEvent = options.onEvent ?? stack.parent?.onEvent ?? (() => {});
    if (Deployment.sameTemplates(stack.template!, template)) { return stack; }
    await new Deployment(this.surroundings, stack, options).update(template);
    return stack;
  }

  private async remove(stack: Stack, options: Delivery & Pick<DeployOptions, 'onEvent'>): Promise<Stack> {
    if (stack.inProgress) { throw new Error(`Stack:${stack.id} is in ${stack.status} state and can not be deleted by the player.`); }
    const used = [...this.exports].find(([name, { stack: owner }]) => owner === stack && this.importers(name).length > 0);
    if (used) { throw new Error(`Export ${used[0]} cannot be deleted as it is in use by ${this.importers(used[0]).join(', ')}`); }
    stack.onEvent = options.onEvent ?? stack.parent?.onEvent ?? (() => {});
    await new Deployment(this.surroundings, stack, options).delete();
    if (stack.status === 'DELETE_COMPLETE') {
      [...this.exports].filter(([, { stack: owner }]) => owner === stack).forEach(([name]) => this.exports.delete(name));
      stack.imports.clear();
    }
    return stack;
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
          return this.importValue(name);
        },
      }),
      publish: (stack, outputs) => this.publish(stack, outputs),
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
      importValue: name => this.importValue(name),
      parameter: name => this.ssm(name),
    };
  }

  private ssm(name: string): string {
    const value = this.parameters.get(name);
    if (value === undefined) { throw new TemplateError(`Unable to fetch parameters [${name}] from parameter store for this account.`); }
    return value;
  }

  private importValue(name: string): string {
    const found = this.exports.get(name);
    if (!found) { throw new Error(`No export named ${name} found.`); }
    return found.value;
  }

  private publish(stack: Stack, outputs: Stack['outputs']): void {
    const wanted = new Map(Object.values(outputs).flatMap(({ exportName, value }) => exportName === undefined ? [] : [[exportName, value] as const]));
    for (const [name, { value, stack: owner }] of this.exports) {
      if (owner !== stack && wanted.has(name)) { throw new Error(`Export with name ${name} is already exported by stack ${owner.name}`); }
      if (owner !== stack || wanted.get(name) === value || this.importers(name).length === 0) { continue; }
      throw new Error(`Export ${name} cannot be ${wanted.has(name) ? 'updated' : 'deleted'} as it is in use by ${this.importers(name).join(', ')}`);
    }
    [...this.exports].filter(([, { stack: owner }]) => owner === stack).forEach(([name]) => this.exports.delete(name));
    wanted.forEach((value, name) => this.exports.set(name, { value, stack }));
  }

  private importers(name: string): string[] {
    return this.stacks.filter(({ imports, status }) => imports.has(name) && status !== 'DELETE_COMPLETE').map(stack => stack.name);
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
