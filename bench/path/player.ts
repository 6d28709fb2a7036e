import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, RemovalPolicy, Stack, Tags } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { BLOCK_BYTES, type Model } from './model';
import { imageOfZeros } from './simulation/image-of-zeros';
import { timeline, type Crew, type ServiceSpan, type Step } from './timeline';
import { divide } from '../../lambda/transfer/flow/division';
import { DiskImage, FileSystem, SnapshotImport, Verification } from '../../src';
import { CloudFormation, type StackEvent } from '../../world/cloudformation';
import { Emulator, type EmulatorOptions } from '../../world/emulator/emulator';
import { ACCOUNT, REGION } from '../../world/emulator/environment';
import type { Activity } from '../../world/emulator/latency';

const MIB = 1024 * 1024;
const STACK = 'Path';
const IMAGES = 'images';
const COPYING = /TransferCopy/;

/** Returns the options of a world with the latencies of the model. What AWS propagates with time is there at once. */
export function worldOf(model: Model): EmulatorOptions {
  const { request, response, queue, transition, mapRun, mapChild, eventDelivery, completion, readDelay } = model;
  const { fileSystemCreating, fileSystemDeleting, mountTargetCreating, mountTargetDeleting } = model;
  return {
    latency: {
      request,
      response,
      queue,
      transition,
      mapRun,
      mapChild,
      eventDelivery,
      call: operation => {
        if (operation === 'ebs:PutSnapshotBlock') { return model.put; }
        if (operation === 'ebs:GetSnapshotBlock') { return model.get; }
        return /^s3:(Get|Head)Object$/.test(operation) ? model.s3FirstByte : model.call;
      },
    },
    lambda: {
      coldStart: model.coldStart - model.warmStart,
      invocation: model.warmStart,
      network: { megabitsPerSecond: model.network * 8 / 1e6, shared: model.networkShared },
    },
    lateness: { iam: 0, snapshotListing: 0, imageListing: 0, stackStatus: 0 },
    ebs: {
      startWindow: 0,
      completionDelay: completion,
      readDelay,
      quotas: { putPerAccount: model.putQuota, putPerSnapshot: model.putQuota },
      quotaSeconds: model.putBurst / model.putQuota,
    },
    efs: { durations: { fileSystemCreating, fileSystemDeleting, mountTargetCreating, mountTargetDeleting } },
  };
}

export interface ImportCase {
  readonly mebibytes: number;
  readonly verify: boolean;
}

export interface PlayedImport {
  readonly steps: Step[];
  /** Puts that EBS took, over the time from the start of the first worker to the end of the last. */
  readonly putsPerSecond: number;
  /** The part of all puts that EBS refused. */
  readonly refused: number;
}

/** Plays the creation of a `SnapshotImport`. @param how Options of a simulation. */
export async function playImport(model: Model, { mebibytes, verify }: ImportCase, how: EmulatorOptions = {}): Promise<PlayedImport> {
  const world = await PlayedWorld.start(model, how);
  try {
    await world.giveImage(mebibytes * MIB);
    const steps = await world.deploy(stack => {
      new SnapshotImport(stack, 'Image', {
        image: DiskImage.fromBucket(Bucket.fromBucketName(stack, 'Images', IMAGES), 'disk.img'), verify: verify ? Verification.SAMPLE : Verification.NONE,
      });
    }, copyingOf(mebibytes * MIB / BLOCK_BYTES, model));
    return { steps, ...world.puts() };
  } finally {
    await world.close();
  }
}

/** Plays the life of a `FileSystem` with three mount targets. Each operation finds no process of an earlier one. */
export async function playFileSystem(model: Model, how: EmulatorOptions = {}): Promise<Record<'create' | 'update' | 'delete', Step[]>> {
  const world = await PlayedWorld.start(model, how);
  const build = (tag: string) => (stack: Stack) => {
    const vpc = new ec2.Vpc(stack, 'Vpc', {
      availabilityZones: ['a', 'b', 'c'].map(zone => `${REGION}${zone}`),
      subnetConfiguration: [{ name: 'Storage', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 24 }],
      restrictDefaultSecurityGroup: false,
    });
    const files = new FileSystem(stack, 'Files', { vpc, removalPolicy: RemovalPolicy.DESTROY });
    Tags.of(files).add('tag', tag);
  };
  try {
    return { create: await world.deploy(build('one')), update: await world.deploy(build('two')), delete: await world.destroy() };
  } finally {
    await world.close();
  }
}

/** The workers of an import, and the time that EBS's quota and their network take at least. */
function copyingOf(blocks: number, { network, networkShared }: Model): Crew[] {
  const { workers, putsPerSecond } = divide(blocks, {});
  const rate = Math.round(workers * Math.min(putsPerSecond, network / (networkShared ? 2 : 1) / BLOCK_BYTES));
  return [
    {
      functionName: COPYING,
      name: `copying: starts, calls and gaps of ${workers} ${workers === 1 ? 'worker' : 'workers'}`,
      least: { seconds: blocks / rate, name: `copying: ${blocks} puts at ${rate}/s` },
    },
  ];
}

/** An account in which one stack is deployed, and the activities in it. */
class PlayedWorld {
  public static async start(model: Model, how: EmulatorOptions): Promise<PlayedWorld> {
    const { lambda, ebs, ...options } = worldOf(model);
    return new PlayedWorld(model, await Emulator.start({ ...options, ...how, lambda: { ...lambda, ...how.lambda }, ebs: { ...ebs, ...how.ebs } }));
  }

  private readonly cloudFormation: CloudFormation;
  private readonly folder = mkdtempSync(join(tmpdir(), 'path-'));
  private readonly functions: string[] = [];
  private activities: Activity[] = [];
  private services: ServiceSpan[] = [];
  /** Times in which an execution of a transfer ran. */
  private transfers: { readonly began: number; ended: number }[] = [];

  private constructor(private readonly model: Model, public readonly emulator: Emulator) {
    const { clock, lambda, latency, states } = emulator;
    const create = lambda.create.bind(lambda);
    lambda.create = props => {
      this.functions.push(props.functionName);
      return create(props);
    };
    latency.listener = activity => {
      this.activities.push(activity);
      this.noteService(activity);
    };
    states.onStatusChange(({ detail: { stateMachineArn, status } }) => {
      if (!/Transfer/.test(stateMachineArn)) { return; }
      if (status === 'RUNNING') { this.transfers.push({ began: clock.now(), ended: Infinity }); } else { this.transfers.at(-1)!.ended = clock.now(); }
    });
    this.cloudFormation = new CloudFormation(emulator);
  }

  /** Puts an image into the bucket of images. */
  public async giveImage(size: number): Promise<void> {
    const { s3 } = this.emulator;
    s3.createBucket(IMAGES);
    const object = await s3.put(IMAGES, 'disk.img', 'in place of the image');
    Object.assign(object, { content: imageOfZeros(size), checksum: undefined });
  }

  public async deploy(build: (stack: Stack) => void, crews: readonly Crew[] = []): Promise<Step[]> {
    const app = new App({ outdir: mkdtempSync(join(this.folder, 'out-')), analyticsReporting: false });
    build(new Stack(app, STACK, { env: { account: ACCOUNT, region: REGION } }));
    const { directory } = app.synth();
    return this.watch(onEvent => this.cloudFormation.deploy(directory, STACK, { onEvent }), crews);
  }

  public async destroy(): Promise<Step[]> {
    return this.watch(onEvent => this.cloudFormation.destroy(STACK, { onEvent }), []);
  }

  public puts(): Omit<PlayedImport, 'steps'> {
    const puts = this.emulator.server.calls.filter(({ operation }) => operation === 'ebs:PutSnapshotBlock');
    const taken = puts.filter(({ status }) => status < 300).length;
    const work = this.activities.filter(({ name, by = name }) => COPYING.test(by));
    const began = work.reduce((first, activity) => Math.min(first, activity.began), Infinity);
    const ended = work.reduce((last, activity) => Math.max(last, activity.ended), 0);
    return { putsPerSecond: taken / (ended - began) * 1000, refused: (puts.length - taken) / puts.length };
  }

  public async close(): Promise<void> {
    await this.emulator.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Returns the path from the first status of a resource of this library to the last. */
  private async watch(
    operation: (onEvent: (event: StackEvent) => void) => Promise<{ readonly status: string; readonly reason?: string }>, crews: readonly Crew[],
  ): Promise<Step[]> {
    this.functions.forEach(name => this.emulator.lambda.update(name, {}));
    [this.activities, this.services, this.transfers] = [[], [], []];
    const times: number[] = [];
    const failures: string[] = [];
    const { status } = await operation(({ type, timestamp, status: reached, logicalId, reason }) => {
      if (/^Custom::(SnapshotImport|FileSystem|MountTargets)$/.test(type)) { times.push(timestamp); }
      if (reached.endsWith('_FAILED')) { failures.push(`${logicalId}: ${reason}`); }
    });
    if (!/^(CREATE|UPDATE|DELETE)_COMPLETE$/.test(status)) { throw new Error(`the stack ended as ${status}: ${failures.join('; ')}`); }
    return timeline({
      activities: this.activities,
      from: Math.min(...times),
      to: Math.max(...times),
      services: this.services,
      crews,
      // Until the transfer has ended, the function and the state machine that answer CloudFormation only look after it.
      isAside: ({ kind, name, by, ended }) => !/Transfer/.test(by ?? name) && !['eventDelivery', 'queue', 'response'].includes(kind)
        && this.transfers.some(transfer => ended > transfer.began && ended <= transfer.ended),
    });
  }

  private noteService({ kind, name, ended: began }: Activity): void {
    if (kind !== 'call') { return; }
    const { completion, fileSystemCreating, fileSystemDeleting, mountTargetCreating, mountTargetDeleting } = this.model;
    const work = ({
      'ebs:CompleteSnapshot': ['EBS: completes the snapshot', completion],
      'efs:CreateFileSystem': ['EFS: creates the file system', fileSystemCreating],
      'efs:CreateMountTarget': ['EFS: creates mount targets', mountTargetCreating],
      'efs:DeleteMountTarget': ['EFS: deletes mount targets', mountTargetDeleting],
      'efs:DeleteFileSystem': ['EFS: deletes the file system', fileSystemDeleting],
    } as Record<string, [string, number] | undefined>)[name];
    if (!work) { return; }
    const [service, duration] = work;
    // What waits for several of a kind waits for the last.
    this.services = [...this.services.filter(other => other.name !== service), { name: service, began, ended: began + duration }];
  }
}
