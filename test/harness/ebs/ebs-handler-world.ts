import { AsyncLocalStorage } from 'async_hooks';
import { createHash } from 'crypto';
import { CompleteSnapshotCommand, EBSClient, PutSnapshotBlockCommand, StartSnapshotCommand, type StartSnapshotCommandInput } from '@aws-sdk/client-ebs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { SFNClient } from '@aws-sdk/client-sfn';
import { IMAGES, TRANSFERS } from './disk-images';
import { KILLED } from './mortality';
import { EXPORT_DEFINITION, IMPORT_DEFINITION } from './state-machines';
import { withPlaces } from './transfer-place';
import { ebsHandlers } from '../../../lambda/ebs/handlers';
import { ebsClients } from '../../../lambda/ebs/services';
import { clientConfig } from '../../../lambda/shared/client-config';
import type { EventHandlers } from '../../../lambda/shared/resource-event';
import { creationKeyOf, type CreationRecord } from '../../../lambda/transfer/bucket/creation-record';
import { exportCleanUp } from '../../../lambda/transfer/export/clean-up';
import { exportClients } from '../../../lambda/transfer/export/clients';
import { exportCopy } from '../../../lambda/transfer/export/copy';
import { exportFinish } from '../../../lambda/transfer/export/finish';
import type { SmallExport } from '../../../lambda/transfer/export/layout';
import { exportPlan } from '../../../lambda/transfer/export/plan';
import { cleanUp } from '../../../lambda/transfer/import/clean-up';
import { importClients } from '../../../lambda/transfer/import/clients';
import { copy } from '../../../lambda/transfer/import/copy';
import { step } from '../../../lambda/transfer/import/steps';
import { BlockReader } from '../../../lambda/transfer/snapshot/block-reader';
import { BlockWriter } from '../../../lambda/transfer/snapshot/block-writer';
import { Snapshots } from '../../../lambda/transfer/snapshot/snapshots';
import type { ExportCopyInput, ExportIdInput, ExportPlanInput } from '../../../src/contract/export';
import { TRANSFER_ENVIRONMENT, type CopyInput, type ReleaseInput, type StepInput } from '../../../src/contract/transfer';
import { Clock } from '../../../world/emulator/clock';
import { BLOCK_SIZE, EbsDirect, type EbsOptions } from '../../../world/emulator/ebs';
import { Ec2, type Ec2Options } from '../../../world/emulator/ec2';
import { REGION } from '../../../world/emulator/environment';
import { Principal } from '../../../world/emulator/iam';
import { Kms } from '../../../world/emulator/kms';
import type { Lambda } from '../../../world/emulator/lambda';
import { installClock } from '../../../world/emulator/lambda/in-process-clock';
import { FunctionNetwork, type FunctionNetworkOptions } from '../../../world/emulator/lambda/network';
import { Lateness } from '../../../world/emulator/lateness';
import { S3, type S3Options } from '../../../world/emulator/s3';
import { EmulatorServer } from '../../../world/emulator/server';
import { AccessDenied } from '../../../world/emulator/service';
import { StepFunctions } from '../../../world/emulator/states';
import { Stack } from '../stack';
import { Stacks } from '../stacks';

export interface EbsHandlerWorldOptions {
  readonly ebs?: EbsOptions;
  readonly ec2?: Ec2Options;
  readonly s3?: S3Options;
  /** Blocks of a range; the product's own least is 1 GiB. */
  readonly rangeBlocks?: number;
  /** Parts and ranges of exports, and the blocks of their volume; the product's own least is 1 GiB. */
  readonly smallExport?: SmallExport & { readonly blocks?: number };
  /** Blocks that a page of a listing may have. */
  readonly pageBlocks?: number;
  /** Whether the rule on the end of executions exists. */
  readonly rule?: boolean;
  /** The network of functions that a test calls directly, all together. One that `run` runs may not wait for it. */
  readonly network?: FunctionNetworkOptions;
  /** What a copying function's context says, per invocation. */
  readonly remaining?: () => () => number;
  /** Of the whole execution. @default - none */
  readonly timeoutSeconds?: number;
  /** Sleepers wake at multiples of so many milliseconds only: fewer moments make a faster test. @default 1 */
  readonly tick?: number;
  /** Runs an invocation of a function by `run`, or throws `KILLED`: `Runtime.ExitError` to the state machine, which repeats it. */
  readonly around?: (name: string, work: () => Promise<unknown>) => Promise<unknown>;
}

const ZEROS = Buffer.alloc(BLOCK_SIZE);

type Function = (input: any) => Promise<unknown>;

/** Handler, transfer functions and state machine in this process, and the emulated services behind HTTP. */
export class EbsHandlerWorld {
  public static async start(options: EbsHandlerWorldOptions = {}): Promise<EbsHandlerWorld> {
    const world = new EbsHandlerWorld(options);
    await world.server.listen();
    world.s3.createBucket(IMAGES);
    world.s3.createBucket(TRANSFERS);
    world.begin();
    return world;
  }

  public readonly clock = new Clock();
  public readonly server = new EmulatorServer(this.clock);
  public readonly kms = new Kms(this.clock);
  public readonly ec2: Ec2;
  public readonly s3: S3;
  public readonly ebs: EbsDirect;
  public readonly states: StepFunctions;
  public readonly stacks = new Stacks();
  /** Actions that are denied from now on. */
  public readonly denied: string[] = [];
  /** In whose name the handler, the transfer functions and the state machines call. */
  public readonly principal = new Principal('arn:aws:sts::111122223333:assumed-role/handler/handler', () => [
    { Effect: 'Allow', Action: '*', Resource: '*' },
    ...this.denied.map(Action => ({ Effect: 'Deny' as const, Action, Resource: '*' })),
  ]);
  public handlers!: EventHandlers;
  /** The ARN of the state machine of imports. */
  public importMachine!: string;
  /** How often each transfer function was invoked; the one of several steps, for each of them. */
  public readonly invocations: Record<string, number> = {};
  private readonly functions: Record<string, Function> = {};
  /** Runs a function as if nothing had been called before: functions are processes of their own. */
  private readonly apart = AsyncLocalStorage.snapshot();
  /** For every function that runs: how many of its tasks are asleep. */
  private readonly running = new AsyncLocalStorage<{ asleep: number; ended: boolean; done: () => void }>();
  private readonly environment = { ...process.env };
  private restoreTime: (() => void) | undefined;

  private constructor(private readonly options: EbsHandlerWorldOptions) {
    this.ec2 = new Ec2(this.clock, this.kms, { lateness: new Lateness(Number(process.env.WORLD_SEED ?? 1)), ...options.ec2 });
    this.s3 = new S3(this.clock, this.kms, options.s3);
    this.ebs = new EbsDirect(this.clock, this.ec2, this.kms, options.ebs);
    this.states = new StepFunctions(this.clock, {
      authorizeInvoke: (role: Principal, functionArn: string) => {
        if (!role.allows('lambda:InvokeFunction', functionArn, {})) { throw new AccessDenied(role.arn, 'lambda:InvokeFunction', functionArn); }
      },
      invoke: (name: string, payload: unknown) => this.invoke(name.split(':').at(-1)!, payload),
    } as unknown as Lambda);
    [this.kms, this.s3, this.ec2, this.ebs, this.states, this.stacks].forEach(service => this.server.add(service));
  }

  public async close(): Promise<void> {
    this.states.close();
    this.restoreTime?.();
    process.env = this.environment;
    jest.restoreAllMocks();
    await this.server.close();
  }

  public stack(name = 'Stack'): Stack {
    return this.told(new Stack(this.clock, this.handlers, 'Custom::SnapshotImport', 'Image', name));
  }

  /** As `stack`, for one export. */
  public exports(name = 'Stack'): Stack {
    return this.told(new Stack(this.clock, this.handlers, 'Custom::SnapshotExport', 'Export', name));
  }

  /** A stack whose status CloudFormation returns. */
  public told(stack: Stack): Stack {
    stack.onStatus = status => { this.stacks.statuses.set(stack.stackId, status); };
    return stack;
  }

  /** What is left in the account. */
  public get snapshotIds(): string[] {
    return this.ec2.snapshots.all.map(snapshot => snapshot.snapshotId);
  }

  public get transferObjects(): string[] {
    return this.s3.buckets.get(TRANSFERS)!.versions().map(version => version.key);
  }

  public expectNothingLeft(): void {
    expect(this.snapshotIds).toEqual([]);
    expect(this.transferObjects).toEqual([]);
  }

  /** The snapshot holds the image, then zeros, and every block of the image was written, here or in a parent. */
  public expectContent(snapshotId: string, image: Buffer, { omitted = [] as number[] } = {}): void {
    const view = this.ebs.snapshot(snapshotId)!;
    expect(view.state).toBe('completed');
    const blocks = Math.ceil(image.length / BLOCK_SIZE);
    expect(view.presentIndexes.filter(index => index < blocks))
      .toEqual(Array.from({ length: blocks }, (_, i) => i).filter(i => !omitted.includes(i)));
    const padded = Buffer.alloc(blocks * BLOCK_SIZE);
    image.copy(padded);
    expect(this.ebs.sha256(snapshotId, padded.length)).toBe(createHash('sha256').update(padded).digest('hex'));
    // What an older and larger image left there would show.
    for (const index of view.presentIndexes.filter(each => each >= blocks)) { expect(this.ebs.blockAt(snapshotId, index).equals(ZEROS)).toBe(true); }
  }

  /** A snapshot that somebody else made, of these blocks. */
  public async givenSnapshot(blocks: Record<number, Buffer>, more: Partial<StartSnapshotCommandInput> = {}, complete = true): Promise<string> {
    const ebs = new EBSClient({ endpoint: this.server.url, region: REGION, credentials: EmulatorServer.ADMIN });
    const { SnapshotId } = await ebs.send(new StartSnapshotCommand({ VolumeSize: 1, ...more }));
    // EBS may not find at first what it has just started.
    this.clock.advance(150_000);
    for (const [index, BlockData] of Object.entries(blocks)) {
      const Checksum = createHash('sha256').update(BlockData).digest('base64');
      await ebs.send(new PutSnapshotBlockCommand({
        SnapshotId, BlockIndex: Number(index), BlockData, DataLength: BLOCK_SIZE, ChecksumAlgorithm: 'SHA256', Checksum,
      }));
    }
    if (complete) {
      await ebs.send(new CompleteSnapshotCommand({ SnapshotId, ChangedBlocksCount: Object.keys(blocks).length }));
      this.clock.advance(10_000);
    }
    ebs.destroy();
    return SnapshotId!;
  }

  /** An AMI that somebody else made, of one snapshot. */
  public givenImage(name: string, snapshotId: string, tags: Record<string, string> = {}): string {
    return this.ec2.images.register({
      name,
      description: '',
      architecture: 'x86_64',
      virtualizationType: 'hvm',
      rootDeviceName: '/dev/xvda',
      enaSupport: true,
      mappings: [{ deviceName: '/dev/xvda', snapshotId, volumeType: 'gp3', deleteOnTermination: true }],
      tags,
    }).imageId;
  }

  /** Records that a stack has made a snapshot that a test puts there. */
  public async recordSnapshot(id: string, stackId: string, logicalId: string, identity: string, call = ''): Promise<void> {
    const record: CreationRecord = { id, stackId, logicalId, identity, call, sent: 0 };
    await this.s3.put(TRANSFERS, creationKeyOf(id), JSON.stringify(record));
  }

  /** Bytes that are read of an object from now on. */
  public readsOf(bucket: string, key: string): { bytes: number } {
    const { content } = this.s3.object(bucket, key)!;
    const read = content.read.bind(content);
    const seen = { bytes: 0 };
    content.read = (from, to) => {
      seen.bytes += to - from;
      return read(from, to);
    };
    return seen;
  }

  /** Puts another block into a snapshot, behind the service's back, or takes it away. */
  public tamper(snapshotId: string, index: number, data: Buffer | undefined): void {
    const { content } = (this.ebs as any).find(snapshotId);
    content.sorted = undefined;
    if (data) {
      content.written.set(index, { data, digest: createHash('sha256').update(data).digest() });
    } else {
      content.written.delete(index);
    }
  }

  /** Runs a function as Lambda does: time stands still while it works, and goes on while all of it sleeps. */
  public run<T>(work: () => Promise<T>): Promise<T> {
    const state = { asleep: 0, ended: false, done: this.clock.work() };
    return this.apart(() => this.running.run(state, work)).finally(() => {
      state.ended = true;
      state.done();
    });
  }

  private begin(): void {
    const { network } = this.options;
    const credentials = this.server.issue(this.principal, { network: network && new FunctionNetwork(this.clock, network) });
    this.importMachine = this.states.create({ name: 'transfer', definition: { ...IMPORT_DEFINITION, TimeoutSeconds: this.options.timeoutSeconds }, role: this.principal });
    const exportMachine = this.states.create({ name: 'export', definition: EXPORT_DEFINITION, role: this.principal });
    Object.assign(process.env, {
      AWS_LAMBDA_FUNCTION_NAME: 'handler',
      AWS_ENDPOINT_URL: this.server.url,
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      [TRANSFER_ENVIRONMENT.bucket]: TRANSFERS,
    });
    jest.spyOn(console, 'log').mockImplementation(() => {});
    this.restoreTime = installClock({ now: () => this.clock.now(), sleep: (ms: number, signal?: AbortSignal) => this.sleep(ms, signal) } as Clock);

    const { act, poll, ...others } = withPlaces(ebsHandlers(ebsClients()), { bucket: TRANSFERS, importMachine: this.importMachine, exportMachine });
    this.handlers = {
      ...others, act: event => this.perform('act', () => act(event)), poll: event => this.perform('poll', () => poll(event)),
    };
    const services = {
      ...importClients(),
      writer: new BlockWriter(new EBSClient(clientConfig())),
      snapshots: new Snapshots(new EC2Client(clientConfig())),
      sfn: new SFNClient(clientConfig()),
      reader: new BlockReader(new EBSClient(clientConfig()), this.options.pageBlocks),
    };
    const exportServices = { ...exportClients(), reader: services.reader };
    const { reader } = services;
    const changed = reader.changed.bind(reader);
    reader.changed = (...pages) => this.options.ebs?.listingTime ? this.waiting(() => changed(...pages)) : changed(...pages);
    const { target } = exportServices;
    const [uploadPart, putManifest, complete] = [target.uploadPart.bind(target), target.putManifest.bind(target), target.complete.bind(target)];
    target.complete = (...upload) => this.s3.completionDelay > 0 ? this.waiting(() => complete(...upload)) : complete(...upload);
    target.uploadPart = (upload, part, size, body, giveUp) => uploadPart(upload, part, size, inThisName(body), giveUp);
    target.putManifest = (place, size, body) => putManifest(place, size, inThisName(body));
    // A connection tells of what arrives in the name of the function that opened it: the wrong one, if another one uses it since.
    const read = services.source.read.bind(services.source);
    services.source.read = (image, from, into, giveUp, arrived) => read(image, from, into, giveUp, arrived && AsyncLocalStorage.bind(arrived));
    const deadline = () => ({ getRemainingTimeInMillis: this.options.remaining?.() ?? (() => 900_000) });
    // Only the step that reads blocks back asks for its time.
    const whenAsked = () => {
      let begun: ReturnType<typeof deadline> | undefined;
      return { getRemainingTimeInMillis: () => (begun ??= deadline()).getRemainingTimeInMillis() };
    };
    Object.assign(this.functions, {
      steps: (input: StepInput) => step(services, input, whenAsked(), this.options.rangeBlocks),
      copy: (input: CopyInput) => copy(services, input, deadline()),
      cleanUp: (input: ReleaseInput) => cleanUp(services, input),
      exportPlan: (input: ExportPlanInput) => exportPlan(exportServices, input, deadline(), this.options.smallExport),
      exportCopy: (input: ExportCopyInput) => exportCopy(exportServices, input, deadline()),
      exportFinish: (input: ExportIdInput) => exportFinish(exportServices, input),
    } satisfies Record<string, Function>);
    if (this.options.rule) {
      this.states.onStatusChange(event => {
        const work = () => 'exportId' in JSON.parse(event.detail.input) ? exportCleanUp(exportServices, event) : cleanUp(services, event);
        if (event.detail.status !== 'RUNNING') { void this.perform('ended', work).catch(() => {}); }
      });
    }
  }

  private async invoke(functionName: string, payload: unknown): Promise<object> {
    const name = functionName === 'steps' ? Object.keys(payload as StepInput)[0] : functionName;
    this.invocations[name] = (this.invocations[name] ?? 0) + 1;
    try {
      const work = () => this.functions[functionName](JSON.parse(JSON.stringify(payload)));
      const result = await this.perform(name, work);
      return { payload: JSON.parse(JSON.stringify(result ?? null)), executedVersion: '$LATEST', requestId: '0' };
    } catch (error) {
      const { name: errorType, message: errorMessage } = error === KILLED
        ? { name: 'Runtime.ExitError', message: 'RequestId: 0 Error: Runtime exited with error: signal: killed' }
        : error as Error;
      return { functionError: 'Unhandled', payload: { errorType, errorMessage, trace: [] }, executedVersion: '$LATEST', requestId: '0' };
    }
  }

  private perform<T>(name: string, work: () => Promise<T>): Promise<T> {
    return (this.options.around?.(name, work) ?? this.run(work)) as Promise<T>;
  }

  private sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    const { tick = 1 } = this.options;
    const now = this.clock.now();
    return this.waiting(() => this.clock.sleep(Math.ceil((now + milliseconds) / tick) * tick - now, signal));
  }

  /** Lets time go by for the function that makes a call which the service takes its time for. */
  private async waiting<T>(call: () => Promise<T>): Promise<T> {
    const state = this.running.getStore();
    if (state && state.asleep++ === 0) { state.done(); }
    try {
      return await call();
    } finally {
      // What goes on after the function's end does not hold up the time.
      if (state && --state.asleep === 0 && !state.ended) { state.done = this.clock.work(); }
    }
  }
}

/** A connection asks for the next piece of a body in the name of the function that opened it: the wrong one, if another one uses it since. */
function inThisName(body: () => AsyncIterable<Buffer>): () => AsyncIterable<Buffer> {
  const here = AsyncLocalStorage.snapshot();
  return () => {
    const pieces = here(() => body()[Symbol.asyncIterator]());
    return { [Symbol.asyncIterator]: () => ({ next: () => here(() => pieces.next()), return: async () => here(() => pieces.return!()) }) };
  };
}
