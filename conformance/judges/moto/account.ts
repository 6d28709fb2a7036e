import { join } from 'node:path';
import { EBSClient } from '@aws-sdk/client-ebs';
import { CreateSecurityGroupCommand, CreateSubnetCommand, CreateVpcCommand, EC2Client } from '@aws-sdk/client-ec2';
import { EFSClient } from '@aws-sdk/client-efs';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { Front } from './front';
import type * as ebsFunctions from '../../../lambda/ebs';
import type * as efsFunctions from '../../../lambda/efs';
import { clientConfig } from '../../../lambda/shared/client-config';
import type { EventHandlers } from '../../../lambda/shared/provider-event';
import { exportClients } from '../../../lambda/transfer/export/clients';
import { exportCopy } from '../../../lambda/transfer/export/copy';
import { exportFinish } from '../../../lambda/transfer/export/finish';
import { exportPlan } from '../../../lambda/transfer/export/plan';
import { cleanUp } from '../../../lambda/transfer/import/clean-up';
import { importClients } from '../../../lambda/transfer/import/clients';
import { copy } from '../../../lambda/transfer/import/copy';
import { step } from '../../../lambda/transfer/import/steps';
import { verify } from '../../../lambda/transfer/import/verify';
import { BlockReader } from '../../../lambda/transfer/snapshot/block-reader';
import { BlockWriter } from '../../../lambda/transfer/snapshot/block-writer';
import { Snapshots } from '../../../lambda/transfer/snapshot/snapshots';
import { TRANSFER_ENVIRONMENT } from '../../../src/contract/transfer';
import { IMPORT_DEFINITION, EXPORT_DEFINITION } from '../../../test/harness/ebs/state-machines';
import { Stack } from '../../../test/harness/stack';
import { Stacks } from '../../../test/harness/stacks';
import { Clock } from '../../../world/emulator/clock';
import { REGION } from '../../../world/emulator/environment';
import { Principal } from '../../../world/emulator/iam';
import type { Lambda } from '../../../world/emulator/lambda';
import { installClock } from '../../../world/emulator/lambda/in-process-clock';
import { EmulatorServer } from '../../../world/emulator/server';
import { StepFunctions } from '../../../world/emulator/states';
import { environment } from '../../tools/folders';
import { Background, freePort } from '../../tools/processes';

export const IMAGES = 'moto-images';
export const EXPORTS = 'moto-exports';
const TRANSFERS = 'moto-transfers';
/** Waits are shortened so much; moto answers in real time. */
const HASTE = 50;
/** Blocks of a range; the product's own least is 1 GiB. */
const RANGE_BLOCKS = 4;
/** Parts of 5 MiB, the least that S3 takes. */
const SMALL_EXPORT = { partBlocks: 10, rangeParts: 2, blocks: 12 };

type Function = (input: any) => Promise<unknown>;

/**
 * Our handlers and transfer functions in this process, all of whose AWS is
 * moto. What moto does not run is ours: Step Functions, and the answers of CloudFormation.
 */
export class MotoAccount {
  public static async start(bin: string, folder: string): Promise<MotoAccount> {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const moto = await Background.start(join(bin, 'moto_server'), ['-H', '127.0.0.1', '-p', `${port}`], {
      url: `${url}/moto-api/`, env: environment(), log: join(folder, 'moto.log'),
    });
    const account = new MotoAccount(moto, await new Front(url).listen());
    try {
      await account.begin();
    } catch (error) {
      await account.stop();
      throw error;
    }
    return account;
  }

  public readonly clock = new Clock(Date.now());
  public efsHandlers!: EventHandlers;
  public ebsHandlers!: EventHandlers;
  public readonly efs: EFSClient;
  public readonly ec2: EC2Client;
  public readonly ebs: EBSClient;
  public readonly s3: S3Client;
  /** `a`, `b` and another one in zone a. */
  public readonly subnet: Record<string, string> = {};
  public readonly group: Record<string, string> = {};
  private readonly server = new EmulatorServer(this.clock);
  private readonly stacks = new Stacks();
  private readonly states: StepFunctions;
  private readonly functions: Record<string, Function> = {};
  private readonly environment = { ...process.env };
  private readonly ticker: NodeJS.Timeout;
  private readonly restoreTime: () => void;
  private readonly log = console.log;

  private constructor(private readonly moto: Background, public readonly front: Front) {
    const config = { endpoint: front.url, region: REGION, credentials: EmulatorServer.ADMIN };
    this.efs = new EFSClient(config);
    this.ec2 = new EC2Client(config);
    this.ebs = new EBSClient(config);
    this.s3 = new S3Client(config);
    this.states = new StepFunctions(this.clock, {
      authorizeInvoke: () => {}, invoke: (functionArn: string, payload: unknown) => this.invoke(functionArn, payload),
    } as unknown as Lambda);
    [this.states, this.stacks].forEach(service => this.server.add(service));
    // Time goes by itself, and does not jump: nobody here knows when moto works.
    this.clock.work();
    this.ticker = setInterval(() => this.clock.advance(10 * HASTE), 10);
    this.restoreTime = installClock(this.clock);
    // What the handlers log is no verdict.
    console.log = (...said) => { if (!String(said[0]).startsWith('{"event"')) { this.log(...said); } };
  }

  public stack(type: string, logicalId: string): Stack {
    const handlers = /Snapshot|MachineImage/.test(type) ? this.ebsHandlers : this.efsHandlers;
    const stack = new Stack(this.clock, handlers, `Custom::${type}`, logicalId);
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
    await this.front.close();
    await this.moto.stop();
  }

  private async begin(): Promise<void> {
    await this.server.listen();
    const machine = (name: string, definition: object) => this.states.create({ name, definition, role: Principal.ADMIN });
    Object.assign(process.env, {
      AWS_LAMBDA_FUNCTION_NAME: 'handler',
      AWS_ENDPOINT_URL: this.front.url,
      AWS_ENDPOINT_URL_SFN: this.server.url,
      AWS_ENDPOINT_URL_CLOUDFORMATION: this.server.url,
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: EmulatorServer.ADMIN.accessKeyId,
      AWS_SECRET_ACCESS_KEY: EmulatorServer.ADMIN.secretAccessKey,
      [TRANSFER_ENVIRONMENT.bucket]: TRANSFERS,
      [TRANSFER_ENVIRONMENT.stateMachineArn]: machine('transfer', IMPORT_DEFINITION),
      [TRANSFER_ENVIRONMENT.exportStateMachineArn]: machine('export', EXPORT_DEFINITION),
      [TRANSFER_ENVIRONMENT.creationTimeout]: '120',
    });
    // They read the environment when they are loaded.
    this.efsHandlers = await import('../../../lambda/efs/index.js') as typeof efsFunctions;
    this.ebsHandlers = await import('../../../lambda/ebs/index.js') as typeof ebsFunctions;
    for (const Bucket of [IMAGES, EXPORTS, TRANSFERS]) {
      await this.s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: REGION } }));
    }
    await this.makeNetwork();
    this.makeFunctions();
  }

  private async makeNetwork(): Promise<void> {
    const { Vpc } = await this.ec2.send(new CreateVpcCommand({ CidrBlock: '10.1.0.0/16' }));
    const VpcId = Vpc!.VpcId!;
    for (const [position, name] of ['a', 'b', 'a2'].entries()) {
      const { Subnet } = await this.ec2.send(new CreateSubnetCommand({ VpcId, CidrBlock: `10.1.${position}.0/24`, AvailabilityZone: `${REGION}${name[0]}` }));
      this.subnet[name] = Subnet!.SubnetId!;
    }
    for (const name of ['one', 'two']) {
      this.group[name] = (await this.ec2.send(new CreateSecurityGroupCommand({ VpcId, GroupName: name, Description: name }))).GroupId!;
    }
  }

  private makeFunctions(): void {
    const services = {
      ...importClients(),
      writer: new BlockWriter(new EBSClient(clientConfig())),
      snapshots: new Snapshots(new EC2Client(clientConfig())),
      reader: new BlockReader(new EBSClient(clientConfig())),
    };
    const exportServices = { ...exportClients(), reader: services.reader };
    const deadline = () => ({ getRemainingTimeInMillis: () => 900_000 });
    Object.assign(this.functions, {
      steps: input => step(services, input, RANGE_BLOCKS),
      copy: input => copy(services, input, deadline()),
      cleanUp: input => cleanUp(services, input),
      verify: input => verify(services, input, deadline()),
      exportPlan: input => exportPlan(exportServices, input, SMALL_EXPORT),
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
