import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join, resolve } from 'path';
import { App, Stack, type CfnElement } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { Outcome } from './outcome';
import { CloudFormation, type DeployOptions } from '../../../world/cloudformation';
import { Emulator, type EmulatorOptions } from '../../../world/emulator/emulator';
import { ACCOUNT, REGION } from '../../../world/emulator/environment';
import { synthesized } from '../feature-flags';
import { policiesIn } from '../policies';

/** The bundles. */
export const ASSETS = resolve(__dirname, '..', '..', '..', 'assets');

/** The environment of all stacks. */
export const ENV = { account: ACCOUNT, region: REGION };

export type Build = (stack: Stack) => void;

/** As the player's, but resources are named by their path in the stack: `Files/MountTargets`. */
export interface Options extends DeployOptions {
  /** Tags of the stack. */
  readonly tags?: Record<string, string>;
  /** Makes the stack, in a stage or with another construct id, say. */
  readonly stackIn?: (app: App) => Stack;
  /** Context of the app: feature flags, say. */
  readonly context?: Record<string, unknown>;
  /** Takes an action out of the policies of this library's roles, as if somebody had forgotten to grant it long before. A rollback grants it late. */
  readonly without?: string;
}

/** Logical ids of this library's roles. */
export const OWN_ROLE = /^cdkdurablestorage/;

/** How long the functions of a cancelled request may still be at work. */
const AFTERMATH_MINUTES = 3;

/** Bytes of an answer, and of the reason in it, that CloudFormation takes. */
const MAX_RESPONSE = 4096;
const MAX_REASON = 1024;
/** Host and path of a ResponseURL, which is a credential. The host alone is not. */
const RESPONSE_URL = /cloudformation-custom-resource-response\S*\//;
/** A line of the function by which aws-cdk-lib empties buckets. It logs ResponseURLs without their signatures. */
const CDK_LINE = /^submit response to cloudformation .*\?\*\*\* /;

/** What one function printed. */
export interface LogLine {
  readonly functionName: string;
  readonly line: string;
}

/** An account into which synthesized stacks are deployed. Functions are the bundles of assets/, as processes under the roles of the template. */
export class DeploymentWorld {
  public static async start(options?: EmulatorOptions): Promise<DeploymentWorld> {
    return new DeploymentWorld(await startEmulator(options));
  }

  public readonly cloudFormation: CloudFormation;
  /** All lines of all functions, also of those that are gone. */
  public readonly logs: LogLine[] = [];
  /** All answers to CloudFormation, as they came. */
  public readonly responses: string[] = [];
  /** The last one of each stack. */
  private readonly synthesized = new Map<string, Stack>();
  public readonly folder = mkdtempSync(join(tmpdir(), 'deployment-'));

  protected constructor(public readonly emulator: Emulator) {
    const { lambda, server } = emulator;
    const create = lambda.create.bind(lambda);
    lambda.create = props => create({ ...props, logSink: line => this.logs.push({ functionName: props.functionName, line }) });
    const receiveAt = server.receiveAt.bind(server);
    server.receiveAt = (prefix, receiver) => receiveAt(prefix, (body, ...request) => {
      this.responses.push(body.toString());
      receiver(body, ...request);
    });
    this.cloudFormation = new CloudFormation(emulator);
  }

  /** Ends the account, and checks what holds for every deployment: CloudFormation takes the answers, and no log holds a credential. */
  public async close(): Promise<void> {
    await this.emulator.close().finally(() => rmSync(this.folder, { recursive: true, force: true }));
    this.expectAnswersFit();
    const ours = this.logs.filter(({ line }) => !CDK_LINE.test(line));
    expect(ours.filter(({ line }) => RESPONSE_URL.test(line)).slice(0, 10)).toEqual([]);
    const { tokens } = this.emulator.states;
    expect(ours.filter(({ line }) => tokens.some(token => line.includes(token))).slice(0, 10)).toEqual([]);
  }

  /** Synthesizes an app of one stack, and creates or updates that. */
  public async deploy(name: string, build: Build, options: Options = {}): Promise<Outcome> {
    const { tags, stackIn, context, without, fail, failAfter, duplicate, lateCreate, lateUpdate, lateDelete, resend, ...rest } = options;
    const app = new App({ outdir: mkdtempSync(join(this.folder, 'out-')), analyticsReporting: false, context });
    const stack = stackIn?.(app) ?? new Stack(app, name, { env: ENV, tags });
    build(stack);
    const { directory } = synthesized(app);
    if (without !== undefined) { revoke(join(directory, stack.templateFile), without); }

    const before = this.synthesized.get(name);
    this.synthesized.set(name, stack);
    // What an update removes is known by the stack before.
    const idOf = (path: string) => logicalIdAt(stack, path) ?? (before && logicalIdAt(before, path)) ?? missing(path);
    const id = (path: string | undefined) => path === undefined ? undefined : idOf(path);
    const resume = without === undefined ? undefined : this.emulator.lateness.suspend('iam');
    const outcome = await this.cloudFormation.deploy(directory, name, {
      ...rest,
      fail: id(fail),
      failAfter: id(failAfter),
      duplicate: id(duplicate),
      lateCreate: id(lateCreate),
      lateUpdate: id(lateUpdate),
      lateDelete: id(lateDelete),
      resend: id(resend),
      onEvent: event => {
        if (/ROLLBACK/.test(event.status)) { resume?.(); }
        rest.onEvent?.(event);
      },
    });
    resume?.();
    await this.pass({ minutes: AFTERMATH_MINUTES });
    return new Outcome(outcome, idOf);
  }

  public async destroy(name: string, options?: DeployOptions): Promise<Outcome> {
    const outcome = await this.cloudFormation.destroy(name, options);
    await this.pass({ minutes: AFTERMATH_MINUTES });
    return new Outcome(outcome, path => logicalIdAt(this.synthesized.get(name)!, path) ?? missing(path));
  }

  /** A file that constructs can refer to. */
  public file(name: string, content: Buffer): string {
    const path = join(this.folder, name);
    writeFileSync(path, content);
    return path;
  }

  /** Zeros that take no room. */
  public sparseFile(name: string, size: number): string {
    const path = this.file(name, Buffer.alloc(0));
    truncateSync(path, size);
    return path;
  }

  /** Lets emulated time pass, as between two deployments. */
  public async pass({ hours = 0, minutes = 0 }: { hours?: number; minutes?: number }): Promise<void> {
    await this.emulator.clock.sleep((hours * 60 + minutes) * 60_000);
  }

  private expectAnswersFit(): void {
    expect(this.responses.filter(response => Buffer.byteLength(response) >= MAX_RESPONSE)).toEqual([]);
    const reasons = this.responses.map(response => (JSON.parse(response) as { Status: string; Reason: string }))
      .filter(({ Status }) => Status === 'FAILED').map(({ Reason }) => Reason);
    expect(reasons.filter(reason => Buffer.byteLength(reason) >= MAX_REASON || RESPONSE_URL.test(reason))).toEqual([]);
  }
}

/** Starts the emulated services, if the bundles are there that the constructs deploy. */
export function startEmulator(options?: EmulatorOptions): Promise<Emulator> {
  if (!existsSync(join(ASSETS, 'efs', 'index.js'))) {
    throw new Error(`there are no bundles in ${ASSETS}: make them with 'npx projen bundle' before these tests`);
  }
  return Emulator.start(options);
}

/** Returns whether an owner tag names the construct at a path, which begins with the name of the root stack. Logical ids end with a digest. */
export function isOwnedBy(owner: string | undefined, path: string): boolean {
  const [stack, ...ids] = path.split('/');
  return new RegExp(`^${stack}/(.+/)?\\w*${ids.at(-1)}[0-9A-F]{8}$`).test(owner ?? '');
}

/** Returns the logical id of a construct's resource. */
function logicalIdAt(stack: Stack, path: string): string | undefined {
  const construct = path.split('/').reduce<IConstruct | undefined>((parent, id) => parent?.node.tryFindChild(id), stack);
  if (!construct) { return undefined; }
  return stack.resolve((construct.node.defaultChild as CfnElement ?? construct).logicalId) as string;
}

function missing(path: string): never {
  throw new Error(`there is no construct ${path}`);
}

function revoke(file: string, action: string): void {
  const template = JSON.parse(readFileSync(file, 'utf8'));
  const documents = policiesIn(template).filter(({ roles }) => roles.some(role => OWN_ROLE.test(role))).map(({ document }) => document);
  let found = false;
  for (const document of documents) {
    document.Statement = document.Statement.flatMap((statement: any) => {
      const actions = [statement.Action].flat();
      found ||= actions.includes(action);
      const left = actions.filter((other: string) => other !== action);
      return left.length > 0 ? [{ ...statement, Action: left }] : [];
    });
  }
  if (!found) { throw new Error(`the template grants no ${action}`); }
  writeFileSync(file, JSON.stringify(template));
}
