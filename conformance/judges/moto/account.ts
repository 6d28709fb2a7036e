import { join } from 'node:path';
import { EBSClient } from '@aws-sdk/client-ebs';
import { CreateSecurityGroupCommand, CreateSubnetCommand, CreateVpcCommand, EC2Client } from '@aws-sdk/client-ec2';
import { EFSClient } from '@aws-sdk/client-efs';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { Front } from './front';
import { efsHandlers } from '../../../lambda/efs/handlers';
import { efsClients } from '../../../lambda/efs/services';
import type { EventHandlers } from '../../../lambda/shared/resource-event';
import { REGION } from '../../../world/emulator/environment';
import { EmulatorServer } from '../../../world/emulator/server';
import { environment } from '../../tools/folders';
import { HandlerAccount } from '../../tools/handler-account';
import { Background, freePort } from '../../tools/processes';

export const IMAGES = 'moto-images';
export const EXPORTS = 'moto-exports';
const TRANSFERS = 'moto-transfers';

/** Our handlers in this process, all of whose AWS is moto, except what `HandlerAccount` has. */
export class MotoAccount extends HandlerAccount {
  public static async start(bin: string, folder: string): Promise<MotoAccount> {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const moto = await Background.start(join(bin, 'moto_server'), ['-H', '127.0.0.1', '-p', `${port}`], {
      url: `${url}/moto-api/`, env: environment(), log: join(folder, 'moto.log'),
    });
    return new MotoAccount(moto, await new Front(url).listen()).prepared();
  }

  public efsHandlers!: EventHandlers;
  public readonly efs: EFSClient;
  public readonly ec2: EC2Client;
  public readonly ebs: EBSClient;
  public readonly s3: S3Client;
  /** `a`, `b` and another one in zone a. */
  public readonly subnet: Record<string, string> = {};
  public readonly group: Record<string, string> = {};

  private constructor(private readonly moto: Background, public readonly front: Front) {
    super({ transferBucket: TRANSFERS });
    const config = { endpoint: front.url, region: REGION, credentials: EmulatorServer.ADMIN };
    this.efs = new EFSClient(config);
    this.ec2 = new EC2Client(config);
    this.ebs = new EBSClient(config);
    this.s3 = new S3Client(config);
  }

  public async stop(): Promise<void> {
    await super.stop();
    await this.front.close();
    await this.moto.stop();
  }

  protected handlersOf(type: string): EventHandlers {
    return /Snapshot|MachineImage/.test(type) ? this.ebsHandlers : this.efsHandlers;
  }

  protected async prepare(): Promise<void> {
    await this.server.listen();
    await this.begin({ AWS_ENDPOINT_URL: this.front.url });
    this.efsHandlers = efsHandlers(efsClients());
    for (const Bucket of [IMAGES, EXPORTS, TRANSFERS]) {
      await this.s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: REGION } }));
    }
    await this.makeNetwork();
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
}
