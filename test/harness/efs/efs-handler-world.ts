import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { EC2Client } from '@aws-sdk/client-ec2';
import {
  CreateMountTargetCommand, DescribeFileSystemsCommand, EFSClient, TagResourceCommand, UntagResourceCommand,
} from '@aws-sdk/client-efs';
import { KMSClient } from '@aws-sdk/client-kms';
import { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { Efs as EfsService } from '../../../lambda/efs/efs';
import { deferredThroughput } from '../../../lambda/efs/file-system/deferred-throughput';
import { Schedules } from '../../../lambda/efs/file-system/schedules';
import { efsHandlers } from '../../../lambda/efs/handlers';
import { clientConfig } from '../../../lambda/shared/client-config';
import type { EventHandlers } from '../../../lambda/shared/resource-event';
import type { EfsResourceType } from '../../../src/contract/resource-types';
import { Clock } from '../../../world/emulator/clock';
import { Ec2 } from '../../../world/emulator/ec2';
import { Efs, type EfsOptions } from '../../../world/emulator/efs';
import { REGION } from '../../../world/emulator/environment';
import type { Fault } from '../../../world/emulator/faults';
import { Principal } from '../../../world/emulator/iam';
import { Kms } from '../../../world/emulator/kms';
import { installClock } from '../../../world/emulator/lambda/in-process-clock';
import { Principals } from '../../../world/emulator/principals';
import { Scheduler } from '../../../world/emulator/scheduler';
import { EmulatorServer } from '../../../world/emulator/server';
import { Tagging } from '../../../world/emulator/tagging';
import { Stack } from '../stack';
import { Stacks } from '../stacks';

export const CREATION_TIMEOUT_SECONDS = 120;

/** The emulated services that EFS resources need, and their handlers, in one process and in emulated time. */
export class EfsHandlerWorld {
  public static async start(options?: EfsOptions): Promise<EfsHandlerWorld> {
    const world = new EfsHandlerWorld(options);
    await world.server.listen();
    world.connect();
    world.makeNetwork();
    return world;
  }

  public readonly clock = new Clock();
  public readonly server = new EmulatorServer(this.clock);
  public readonly kms = new Kms(this.clock);
  public readonly ec2 = new Ec2(this.clock, this.kms);
  public readonly principals = new Principals();
  public readonly efs: Efs;
  public readonly stacks = new Stacks();
  public readonly tagging: Tagging;
  public readonly scheduler: Scheduler;
  /** What schedules have started. */
  public readonly deferred: Promise<void>[] = [];
  /** Actions that are denied to the handlers from now on. */
  public readonly denied: string[] = [];
  /** In whose name they call. */
  public readonly principal = new Principal('arn:aws:sts::111122223333:assumed-role/handler/handler', () => [
    { Effect: 'Allow', Action: '*', Resource: '*' },
    ...this.denied.map(Action => ({ Effect: 'Deny' as const, Action, Resource: '*' })),
  ]);
  public handlers!: EventHandlers;
  /** Of the test itself; calls of its own do not count as calls of handlers. */
  public client!: EFSClient;
  /** `a1`, `a2`: two subnets of zone a; `b1`, `c1`; `x1` and `y1`, of zones a and b in another VPC. All but `c1` and those have IPv6 ranges. */
  public subnet!: Record<'a1' | 'a2' | 'b1' | 'c1' | 'x1' | 'y1', string>;
  /** Two of the first VPC, one of the other. */
  public group!: Record<'one' | 'two' | 'other', string>;
  private runDeferred!: ReturnType<typeof deferredThroughput>;
  private readonly undo: () => void;
  private readonly clients: { destroy(): void }[] = [];

  private constructor(options?: EfsOptions) {
    this.efs = new Efs(this.clock, this.ec2, this.kms, options, this.principals);
    this.tagging = new Tagging(this.clock, () => this.efs.fileSystems, { pageSize: 2 });
    this.scheduler = new Scheduler(this.clock, (_arn, payload) => this.deferred.push(this.runDeferred(payload as any)));
    [this.kms, this.ec2, this.efs, this.stacks, this.tagging, this.scheduler].forEach(service => this.server.add(service));
    this.undo = installClock(this.clock);
    jest.spyOn(console, 'log').mockImplementation(() => {});
  }

  /** @param stackId of an existing stack, for another resource of it */
  public stack(type: EfsResourceType, logicalId = 'Thing', name = 'Stack', stackId?: string): Stack {
    const stack = new Stack(this.clock, this.handlers, type, logicalId, name, stackId);
    this.stacks.statuses.set(stack.stackId, 'UPDATE_IN_PROGRESS');
    stack.onAnswer = physicalId => { this.stacks.remembered.push({ stackId: stack.stackId, logicalId, type, physicalId }); };
    return stack;
  }

  /** Lets CloudFormation tell the status of the stack as the operations of `stack` go. */
  public follow(stack: Stack): Stack {
    stack.onStatus = status => { this.stacks.statuses.set(stack.stackId, status); };
    return stack;
  }

  /** Lets CloudFormation tell this status for 50 seconds, as from before the operation. */
  public lag(status: string): void {
    const end = this.clock.now() + 50_000;
    this.stacks.stale = { status, isOver: () => this.clock.now() >= end };
  }

  /** What CloudFormation remembers of the stack's resource without an answer to it. */
  public remember({ stackId }: Stack, physicalId: string, logicalId = 'Thing'): void {
    this.stacks.remembered.push({ stackId, logicalId, type: 'Custom::FileSystem', physicalId });
  }

  /** Lines of the handlers' log that tell of this event. */
  public logged(event: string | RegExp): Record<string, unknown>[] {
    return (console.log as jest.Mock).mock.calls.map(([line]) => JSON.parse(line)).filter(line => line.event.match(event));
  }

  public tags(id: string): Record<string, string> {
    return this.efs.fileSystems.find(one => one.id === id)!.tags;
  }

  /** By somebody who knows nothing of stacks. */
  public async tag(id: string, tags: Record<string, string>): Promise<void> {
    await this.client.send(new TagResourceCommand({ ResourceId: id, Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) }));
  }

  /** The ids of all file systems. */
  public get ids(): string[] {
    return this.efs.fileSystems.map(({ id }) => id);
  }

  public async untag(id: string, ...keys: string[]): Promise<void> {
    await this.client.send(new UntagResourceCommand({ ResourceId: id, TagKeys: keys }));
  }

  public async foreignTarget(FileSystemId: string, SubnetId: string): Promise<string> {
    const { MountTargetId } = await this.client.send(new CreateMountTargetCommand({ FileSystemId, SubnetId }));
    this.clock.advance(100_000);
    return MountTargetId!;
  }

  public async describe(id: string) {
    return (await this.client.send(new DescribeFileSystemsCommand({ FileSystemId: id }))).FileSystems![0];
  }

  public async close(): Promise<void> {
    this.clients.forEach(client => client.destroy());
    this.undo();
    await this.server.close();
    (console.log as jest.Mock).mockRestore();
  }

  private connect(): void {
    const admin = { ...clientConfig(), endpoint: this.server.url, region: REGION, credentials: EmulatorServer.ADMIN };
    const config = { ...admin, credentials: this.server.issue(this.principal) };
    const clients = {
      efs: new EFSClient(config),
      ec2: new EC2Client(config),
      kms: new KMSClient(config),
      cloudFormation: new CloudFormationClient(config),
      tagging: new ResourceGroupsTaggingAPIClient(config),
      scheduler: new SchedulerClient(config),
    };
    const efsIn = (region: string) => new EFSClient({ ...config, region });
    this.client = new EFSClient(admin);
    this.clients.push(this.client, ...Object.values(clients));
    this.runDeferred = deferredThroughput({ efs: new EfsService(clients.efs), schedules: new Schedules(clients.scheduler) });
    this.handlers = efsHandlers({ ...clients, efsIn });
  }

  private makeNetwork(): void {
    const first = this.ec2.createVpc({ cidrBlock: '10.1.0.0/16', ipv6CidrBlock: '2001:db8:1::/56' }).vpcId;
    const second = this.ec2.createVpc({ cidrBlock: '10.2.0.0/16' }).vpcId;
    const subnet = (vpcId: string, cidrBlock: string, zone: string, ipv6CidrBlock?: string) =>
      this.ec2.createSubnet({ vpcId, cidrBlock, ipv6CidrBlock, availabilityZone: `${REGION}${zone}` }).subnetId;
    const group = (vpcId: string, groupName: string) => this.ec2.createSecurityGroup({ vpcId, groupName, description: groupName }).groupId;
    this.subnet = {
      a1: subnet(first, '10.1.1.0/24', 'a', '2001:db8:1:1::/64'),
      a2: subnet(first, '10.1.2.0/24', 'a', '2001:db8:1:2::/64'),
      b1: subnet(first, '10.1.3.0/24', 'b', '2001:db8:1:3::/64'),
      c1: subnet(first, '10.1.4.0/24', 'c'),
      x1: subnet(second, '10.2.1.0/24', 'a'),
      y1: subnet(second, '10.2.2.0/24', 'b'),
    };
    this.group = { one: group(first, 'one'), two: group(first, 'two'), other: group(second, 'other') };
  }
}

/** Plays the same thing again and again, each time with another one of its calls failing, until every call has failed once. */
export async function withEachCallFailing(
  play: (world: EfsHandlerWorld, arm: () => void) => Promise<void>, faults: readonly Fault[], options?: EfsOptions,
): Promise<number> {
  for (let position = 0; ; position++) {
    const world = await EfsHandlerWorld.start(options);
    const fault = faults[position % faults.length];
    let calls = 0;
    let failed: string | undefined;
    try {
      await play(world, () => world.server.faults.choose(operation => {
        if (calls++ !== position) { return undefined; }
        failed = operation;
        return fault;
      // The last round is the one in which there are fewer calls, so none fails.
      }, { byChance: true }));
    } catch (error) {
      throw new Error(`with call ${position} (${failed}) failing: ${(error as Error).stack}`);
    } finally {
      await world.close();
    }
    if (failed === undefined) { return position; }
  }
}

/** A new world for each test of a file, and a stack in it with one resource. */
export function inEachTest(type: EfsResourceType, started: (world: EfsHandlerWorld, stack: Stack) => void): void {
  let world: EfsHandlerWorld;
  beforeEach(async () => {
    world = await EfsHandlerWorld.start();
    started(world, world.stack(type));
  });
  afterEach(() => world.close());
}
