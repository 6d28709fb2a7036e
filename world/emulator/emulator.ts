import { Clock } from './clock';
import { EbsDirect } from './ebs';
import { Ec2, type Ec2Options } from './ec2';
import { Efs } from './efs';
import { REGION } from './environment';
import { Kms } from './kms';
import { Lambda } from './lambda';
import { Latency, type LatencyOptions } from './latency';
import { Lateness, type LatenessOptions } from './lateness';
import { Principals } from './principals';
import { S3, type S3Options } from './s3';
import { Scheduler } from './scheduler';
import { EmulatorServer } from './server';
import { StepFunctions } from './states';
import { Tagging, type TaggingOptions } from './tagging';

export interface EmulatorOptions {
  /** Emulated time at the start, in milliseconds since 1970. */
  readonly start?: number;
  /** @default - a clock for processes and sockets */
  readonly clock?: Clock;
  readonly efs?: ConstructorParameters<typeof Efs>[3];
  readonly ebs?: ConstructorParameters<typeof EbsDirect>[3];
  readonly ec2?: Ec2Options;
  readonly s3?: S3Options;
  readonly lambda?: ConstructorParameters<typeof Lambda>[2];
  readonly tagging?: TaggingOptions;
  /** Chooses the delays of what AWS propagates with time. @default - WORLD_SEED of the environment, else 1 */
  readonly seed?: number;
  readonly lateness?: LatenessOptions;
  /** @default - calls, states and events take no time */
  readonly latency?: LatencyOptions;
}

/** About what functions of Node.js take on Lambda. Always the same, so that a deployment takes the same course again. */
const DURATIONS = { coldStart: 500, invocation: 10 };

/** All emulated services behind one loopback port, in one time. */
export class Emulator {
  public static async start(options: EmulatorOptions = {}): Promise<Emulator> {
    const emulator = new Emulator(options);
    await emulator.server.listen();
    return emulator;
  }

  public readonly clock: Clock;
  public readonly lateness: Lateness;
  public readonly latency: Latency;
  /** The principals that policies of resources may name. */
  public readonly principals = new Principals();
  public readonly server: EmulatorServer;
  public readonly kms: Kms;
  public readonly s3: S3;
  public readonly ec2: Ec2;
  public readonly ebs: EbsDirect;
  public readonly efs: Efs;
  public readonly lambda: Lambda;
  public readonly states: StepFunctions;
  public readonly tagging: Tagging;
  public readonly scheduler: Scheduler;
  private readonly closing: (() => void | Promise<void>)[] = [];

  private constructor(options: EmulatorOptions) {
    this.clock = options.clock ?? new Clock(options.start);
    const seed = options.seed ?? Number(process.env.WORLD_SEED ?? 1);
    this.lateness = new Lateness(seed, options.lateness);
    this.latency = new Latency(this.clock, options.latency);
    this.server = new EmulatorServer(this.clock, this.latency);
    this.kms = new Kms(this.clock);
    this.ec2 = new Ec2(this.clock, this.kms, { lateness: this.lateness, ...options.ec2 });
    this.s3 = new S3(this.clock, this.kms, options.s3);
    this.ebs = new EbsDirect(this.clock, this.ec2, this.kms, options.ebs);
    this.efs = new Efs(this.clock, this.ec2, this.kms, options.efs, this.principals);
    this.lambda = new Lambda(this.clock, this.server, { ...DURATIONS, ...options.lambda }, this.latency);
    this.states = new StepFunctions(this.clock, this.lambda, seed, this.kms, this.latency);
    this.tagging = new Tagging(this.clock, () => this.efs.fileSystems, options.tagging);
    this.scheduler = new Scheduler(this.clock, (functionArn, payload, as) => {
      this.lambda.authorizeInvoke(as, functionArn);
      void this.lambda.enqueue(functionArn, payload);
    });
    [this.kms, this.s3, this.ec2, this.ebs, this.efs, this.lambda, this.states, this.tagging, this.scheduler]
      .forEach(service => this.server.add(service));
  }

  /** For clients of the test's own, which may do everything. */
  public get config() {
    return {
      endpoint: this.server.url,
      region: REGION,
      credentials: EmulatorServer.ADMIN,
      maxAttempts: 1,
      forcePathStyle: true,
    };
  }

  /** Runs at the end, before the services stop. */
  public onClose(action: () => void | Promise<void>): void {
    this.closing.push(action);
  }

  public async close(): Promise<void> {
    for (const action of this.closing) { await action(); }
    this.states.close();
    await this.lambda.close();
    await this.server.close();
  }
}
