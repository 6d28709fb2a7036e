import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join, relative } from 'path';
import { App, Duration, Stack, type CfnElement } from 'aws-cdk-lib';
import { Code, Function, Runtime } from 'aws-cdk-lib/aws-lambda';
import { Provider } from 'aws-cdk-lib/custom-resources';
import type { IConstruct } from 'constructs';
import { CloudFormation, type DeployOptions, type DestroyOptions, type StackOutcome } from '../../../world/cloudformation';
import type { TemplateBody } from '../../../world/cloudformation/template';
import { Emulator, type EmulatorOptions } from '../../../world/emulator/emulator';

/**
 * Answers CloudFormation as its properties say: `Id` is the physical id, `Data`
 * the attributes; `Seconds` (or `CreateSeconds` …) is how long it takes;
 * `Fail`, `Silent`, `Raw` and `Call` name the request type in which it fails,
 * says nothing, answers with `Body`, or first asks EC2 for something.
 */
const HANDLER = `
const https = require('node:https');
const { setTimeout: sleep } = require('node:timers/promises');

function put(event, body) {
  const { hostname, pathname, search } = new URL(event.ResponseURL);
  return new Promise((resolve, reject) => {
    const request = https.request({ hostname, path: pathname + search, method: 'PUT', headers: { 'content-type': '' } }, response => {
      response.resume();
      response.on('end', resolve);
    });
    request.on('error', reject);
    request.end(body);
  });
}

exports.handler = async event => {
  const { RequestType: type, ResourceProperties: properties, StackId, RequestId, LogicalResourceId } = event;
  const seconds = Number(properties[type + 'Seconds'] ?? properties.Seconds ?? 0);
  if (seconds > 0) { await sleep(seconds * 1000); }
  if (properties.Silent === type) { return; }
  if (properties.Throw === type) { throw new Error('crashed'); }

  const PhysicalResourceId = type === 'Delete' ? event.PhysicalResourceId : properties.Id ?? event.PhysicalResourceId ?? LogicalResourceId.toLowerCase();
  const answer = { Status: 'SUCCESS', PhysicalResourceId, StackId, RequestId, LogicalResourceId, Data: type === 'Delete' ? undefined : properties.Data };
  if (properties.Fail === type) { Object.assign(answer, { Status: 'FAILED', Reason: 'told to fail' }); }
  if (properties.Call === type) {
    const { EC2Client, DescribeSubnetsCommand } = require('@aws-sdk/client-ec2');
    await new EC2Client({}).send(new DescribeSubnetsCommand({}))
      .catch(error => Object.assign(answer, { Status: 'FAILED', Reason: error.name + ': ' + error.message }));
  }
  await put(event, properties.Raw === type ? properties.Body : JSON.stringify(answer));
};
`;

/** Handlers for aws-cdk-lib's provider framework: complete when `Seconds` have passed. */
const PROVIDER_HANDLERS = `
exports.onEvent = async event => {
  if (event.ResourceProperties.Fail === event.RequestType) { throw new Error('told to fail'); }
  return event.RequestType === 'Delete' ? {} : { PhysicalResourceId: event.ResourceProperties.Id + '|' + Date.now() };
};
exports.isComplete = async event => {
  const since = Number(event.PhysicalResourceId.split('|')[1]);
  const elapsed = Math.floor((Date.now() - since) / 1000);
  if (event.RequestType !== 'Delete' && elapsed < Number(event.ResourceProperties.Seconds)) { return { IsComplete: false }; }
  return event.RequestType === 'Delete' ? { IsComplete: true } : { IsComplete: true, Data: { Elapsed: String(elapsed) } };
};
`;

/** Templates are synthesized once and completed by hand: a synthesis takes a second. */
export class Fixture {
  /** IAM is late only where a test says so. */
  public static async start(options: EmulatorOptions = {}): Promise<Fixture> {
    Fixture.synthesized ??= synthesize();
    // Functions take no time, so that the seconds of a test are those of the player.
    return new Fixture(await Emulator.start({ lambda: { coldStart: 0, invocation: 0 }, lateness: { iam: 0 }, ...options }));
  }

  public static cleanUp(): void {
    if (Fixture.synthesized) { rmSync(Fixture.synthesized.scratch, { recursive: true, force: true }); }
    Fixture.synthesized = undefined;
  }

  private static synthesized?: { readonly directory: string; readonly scratch: string };

  public readonly cloudFormation: CloudFormation;
  /** Every event that CloudFormation delivered, with the emulated seconds since the start. */
  public readonly delivered: { readonly seconds: number; readonly event: any }[] = [];
  private readonly started: number;
  private assemblies = 0;

  private constructor(public readonly emulator: Emulator) {
    this.cloudFormation = new CloudFormation(emulator);
    this.started = emulator.clock.now();
    const enqueue = emulator.lambda.enqueue.bind(emulator.lambda);
    jest.spyOn(emulator.lambda, 'enqueue').mockImplementation((name, event) => {
      this.delivered.push({ seconds: this.seconds, event });
      return enqueue(name, event);
    });
  }

  /** Emulated seconds since the start. */
  public get seconds(): number {
    return Math.round((this.emulator.clock.now() - this.started) / 1000);
  }

  /** What was delivered, in a few words: `Update A a1`. */
  public get story(): string[] {
    return this.delivered.map(({ event }) => [event.RequestType, event.LogicalResourceId, event.PhysicalResourceId].filter(Boolean).join(' '));
  }

  /** Deploys the stack S: the handler, and these resources, which may be custom resources (see `custom`). */
  public deploy(resources: TemplateBody['Resources'], options: DeployOptions & { body?: TemplateBody; base?: 'Direct' | 'Framework'; name?: string } = {}) {
    const { body = {}, base = 'Direct', name = 'S', ...rest } = options;
    return this.cloudFormation.deploy(this.assembly(resources, body, base, name), name, rest);
  }

  public destroy(options: DestroyOptions = {}, name = 'S'): Promise<StackOutcome> {
    return this.cloudFormation.destroy(name, options);
  }

  public close(): Promise<void> {
    return this.emulator.close();
  }

  private assembly(resources: TemplateBody['Resources'], body: TemplateBody, base: string, name: string): string {
    const { directory, scratch } = Fixture.synthesized!;
    const target = join(mkdtempSync(join(scratch, 'assembly-')), String(this.assemblies++));
    mkdirSync(target);
    const read = (file: string) => JSON.parse(readFileSync(join(directory, file), 'utf8'));
    const write = (file: string, content: object) => writeFileSync(join(target, file), JSON.stringify(content));

    const template = read(`${base}.template.json`) as TemplateBody;
    write('template.json', { ...template, ...body, Resources: { ...template.Resources, ...body.Resources, ...resources } });
    const assets = read(`${base}.assets.json`);
    for (const { source } of Object.values<any>(assets.files)) { source.path = relative(target, join(directory, source.path)); }
    write('assets.json', assets);
    write('manifest.json', {
      artifacts: {
        'A.assets': { type: 'cdk:asset-manifest', properties: { file: 'assets.json' } },
        'A': { type: 'aws:cloudformation:stack', properties: { stackName: name, templateFile: 'template.json' }, dependencies: ['A.assets'] },
      },
    });
    return target;
  }
}

/** A custom resource whose handler answers at once and directly. */
export function custom(properties: object = {}, more: object = {}) {
  return { Type: 'Custom::Thing', Properties: { ServiceToken: { 'Fn::GetAtt': ['Handler', 'Arn'] }, ...properties }, ...more };
}

function synthesize(): { directory: string; scratch: string } {
  const scratch = mkdtempSync(join(tmpdir(), 'player-test-'));
  const source = (name: string, code: string) => {
    mkdirSync(join(scratch, name));
    writeFileSync(join(scratch, name, 'index.js'), code);
    return Code.fromAsset(join(scratch, name));
  };
  const app = new App({ outdir: join(scratch, 'cdk.out') });
  const rename = (construct: IConstruct, logicalId: string) => (construct.node.defaultChild as CfnElement).overrideLogicalId(logicalId);

  const direct = new Stack(app, 'Direct');
  const handler = new Function(direct, 'Handler', {
    runtime: Runtime.NODEJS_24_X, code: source('direct', HANDLER), handler: 'index.handler', timeout: Duration.minutes(15),
  });
  rename(handler, 'Handler');
  rename(handler.role!, 'HandlerRole');

  const framework = new Stack(app, 'Framework');
  const shared = { runtime: Runtime.NODEJS_24_X, code: source('framework', PROVIDER_HANDLERS) };
  const provider = new Provider(framework, 'Provider', {
    onEventHandler: new Function(framework, 'OnEvent', { ...shared, handler: 'index.onEvent' }),
    isCompleteHandler: new Function(framework, 'IsComplete', { ...shared, handler: 'index.isComplete' }),
  });
  rename(provider.node.findChild('framework-onEvent'), 'Handler');
  app.synth();
  return { directory: join(scratch, 'cdk.out'), scratch };
}
