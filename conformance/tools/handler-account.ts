import { EBSClient } from '@aws-sdk/client-ebs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { SFNClient } from '@aws-sdk/client-sfn';
import { ebsHandlers } from '../../lambda/ebs/handlers';
import { ebsClients } from '../../lambda/ebs/services';
import { clientConfig } from '../../lambda/shared/client-config';
import type { EventHandlers } from '../../lambda/shared/resource-event';
import { exportClients } from '../../lambda/transfer/export/clients';
import { exportCopy } from '../../lambda/transfer/export/copy';
import { exportFinish } from '../../lambda/transfer/export/finish';
import { exportPlan } from '../../lambda/transfer/export/plan';
import { cleanUp } from '../../lambda/transfer/import/clean-up';
import { importClients } from '../../lambda/transfer/import/clients';
import { copy } from '../../lambda/transfer/import/copy';
import { step } from '../../lambda/transfer/import/steps';
import { BlockReader } from '../../lambda/transfer/snapshot/block-reader';
import { BlockWriter } from '../../lambda/transfer/snapshot/block-writer';
import { Snapshots } from '../../lambda/transfer/snapshot/snapshots';
import { TRANSFER_ENVIRONMENT } from '../../src/contract/transfer';
import { EXPORT_DEFINITION, IMPORT_DEFINITION } from '../../test/harness/ebs/state-machines';
import { withPlaces } from '../../test/harness/ebs/transfer-place';
import { Stack } from '../../test/harness/stack';
import { Stacks } from '../../test/harness/stacks';
import { Clock } from '../../world/emulator/clock';
import { REGION } from '../../world/emulator/environment';
import { Principal } from '../../world/emulator/iam';
import type { Lambda } from '../../world/emulator/lambda';
import { virtualTime } from '../../world/emulator/lambda/in-process-clock';
import { EmulatorServer } from '../../world/emulator/server';
import { StepFunctions } from '../../world/emulator/states';

/** Factor by which waits are shortened, because judges answer in real time. */
const HASTE = 50;
/** Blocks of a range; the product's own least is 1 GiB. */
const RANGE_BLOCKS = 4;
/** Parts of 5 MiB, the least that S3 takes. */
const SMALL_EXPORT = { partBlocks: 10, rangeParts: 2, blocks: 12 };

type Function = (input: any) => Promise<unknown>;

export interface HandlerAccountOptions {
  readonly transferBucket: string;
  /** Whether `Date` shows real time, because a judge checks signatures. @default - it shows the time of the clock, which goes by faster */
  readonly realDate?: boolean;
}

/**
 * Our handlers and transfer functions of EBS in this process, with an AWS that a judge brings. Only Step Functions and the status of
 * stacks are ours.
 */
export abstract class HandlerAccount {
  public readonly clock = new Clock(Date.now());
  public ebsHandlers!: EventHandlers;
  protected readonly server = new EmulatorServer(this.clock);
  private readonly stacks = new Stacks();
  private readonly states: StepFunctions;
  private readonly functions: Record<string, Function> = {};
  private readonly environment = { ...process.env };
  private readonly ticker: NodeJS.Timeout;
  private readonly restoreTime: () => void;
  private readonly log = console.log;

  protected constructor(private readonly options: HandlerAccountOptions) {
    this.states = new StepFunctions(this.clock, {
      authorizeInvoke: () => {}, invoke: (functionArn: string, payload: unknown) => this.invoke(functionArn, payload),
    } as unknown as Lambda);
    [this.states, this.stacks].forEach(service => this.server.add(service));
    // Time goes by itself, and does not jump: nobody here knows when a judge works.
    this.clock.work();
    this.ticker = setInterval(() => this.clock.advance(10 * HASTE), 10);
    const realNow = Date.now;
    this.restoreTime = virtualTime.install({
      now: options.realDate ? () => realNow() : () => this.clock.now(), sleep: (milliseconds, signal) => this.clock.sleep(milliseconds, signal),
    }, globalThis);
    // What the handlers log is no verdict.
    console.log = (...said) => { if (!String(said[0]).startsWith('{"event"')) { this.log(...said); } };
  }

  public stack(type: string, logicalId: string): Stack {
    const stack = new Stack(this.clock, this.handlersOf(type), `Custom::${type}`, logicalId);
    stack.onStatus = status => this.stacks.statuses.set(stack.stackId, status);
    this.stacks.statuses.set(stack.stackId, 'CREATE_IN_PROGRESS');
    return stack;
  }

  public async stop(): Promise<void> {
    this.states.close();
    this.restoreTime();
    clearInterval(this.ticker);
    console.log = this.log;
    process.env = this.environment;
    await this.server.close();
  }

  /** Returns the account once it is set up; stops it if that fails. */
  protected async prepared(): Promise<this> {
    try {
      await this.prepare();
    } catch (error) {
      await this.stop();
      throw error;
    }
    return this;
  }

  /** Sets up what the handlers need. */
  protected abstract prepare(): Promise<void>;

  protected handlersOf(_type: string): EventHandlers {
    return this.ebsHandlers;
  }

  /** Makes handlers and functions whose calls go where these variables say. The others of this process lead nowhere else. */
  protected async begin(endpoints: Record<string, string>): Promise<void> {
    const machine = (name: string, definition: object) => this.states.create({ name, definition, role: Principal.ADMIN });
    Object.assign(process.env, {
      AWS_LAMBDA_FUNCTION_NAME: 'handler',
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: EmulatorServer.ADMIN.accessKeyId,
      AWS_SECRET_ACCESS_KEY: EmulatorServer.ADMIN.secretAccessKey,
      AWS_ENDPOINT_URL_SFN: this.server.url,
      AWS_ENDPOINT_URL_CLOUDFORMATION: this.server.url,
      ...endpoints,
      [TRANSFER_ENVIRONMENT.bucket]: this.options.transferBucket,
    });
    this.ebsHandlers = withPlaces(ebsHandlers(ebsClients()), {
      bucket: this.options.transferBucket, importMachine: machine('transfer', IMPORT_DEFINITION), exportMachine: machine('export', EXPORT_DEFINITION),
    });
    this.makeFunctions();
  }

  private makeFunctions(): void {
    const services = {
      ...importClients(),
      writer: new BlockWriter(new EBSClient(clientConfig())),
      snapshots: new Snapshots(new EC2Client(clientConfig())),
      sfn: new SFNClient(clientConfig()),
      reader: new BlockReader(new EBSClient(clientConfig())),
    };
    const exportServices = { ...exportClients(), reader: services.reader };
    const deadline = () => ({ getRemainingTimeInMillis: () => 900_000 });
    Object.assign(this.functions, {
      steps: input => step(services, input, deadline(), RANGE_BLOCKS),
      copy: input => copy(services, input, deadline()),
      cleanUp: input => cleanUp(services, input),
      exportPlan: input => exportPlan(exportServices, input, deadline(), SMALL_EXPORT),
      exportCopy: input => exportCopy(exportServices, input, deadline()),
      exportFinish: input => exportFinish(exportServices, input),
    } satisfies Record<string, Function>);
  }

  private async invoke(functionArn: string, payload: unknown): Promise<object> {
    const answer = { executedVersion: '$LATEST', requestId: '0' };
    try {
      const result = await this.functions[functionArn.split(':').at(-1)!](JSON.parse(JSON.stringify(payload)));
      return { ...answer, payload: JSON.parse(JSON.stringify(result ?? null)) };
    } catch (error) {
      const { name: errorType, message: errorMessage } = error as Error;
      return { ...answer, functionError: 'Unhandled', payload: { errorType, errorMessage, trace: [] } };
    }
  }
}
