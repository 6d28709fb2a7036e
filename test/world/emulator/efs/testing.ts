import {
  CreateFileSystemCommand, CreateMountTargetCommand, DescribeFileSystemsCommand, DescribeMountTargetsCommand, EFSClient,
  UpdateFileSystemCommand, type CreateFileSystemCommandInput,
} from '@aws-sdk/client-efs';
import { Clock } from '../../../../world/emulator/clock';
import { Efs, type EfsOptions, type Keys, type Network } from '../../../../world/emulator/efs';
import { ACCOUNT, AVAILABILITY_ZONES, REGION, arn } from '../../../../world/emulator/environment';
import { Principal, type Statement } from '../../../../world/emulator/iam';
import { Principals } from '../../../../world/emulator/principals';
import { EmulatorServer, type Credentials } from '../../../../world/emulator/server';
import { ServiceError } from '../../../../world/emulator/service';

/** Two VPCs (10.1.0.0/16, 10.2.0.0/16); subnets 1a 1b 1c 1d (a second one in zone a) and 2b, each a /24; a few security groups of each. */
class TinyNetwork implements Network {
  public readonly interfaces = new Map<string, { subnetId: string; address: string; groups: string[] }>();

  public subnet(id: string) {
    const [, vpc, letter] = /^subnet-0000000([12])([a-d])$/.exec(id) ?? [];
    if (!vpc || (vpc === '2' && letter !== 'b')) { return undefined; }
    const availabilityZone = `${REGION}${letter === 'd' ? 'a' : letter}`;
    return {
      subnetId: id,
      vpcId: `vpc-${vpc}`,
      availabilityZone,
      availabilityZoneId: AVAILABILITY_ZONES[availabilityZone],
      cidrBlock: `10.${vpc}.${letter.charCodeAt(0) - 96}.0/24`,
      ownerId: ACCOUNT,
    };
  }

  public securityGroup(id: string) {
    const vpc = /^sg-0000000([12])[0-9]$/.exec(id)?.[1];
    return vpc ? { groupId: id, vpcId: `vpc-${vpc}` } : undefined;
  }

  public createInterface(subnetId: string, { privateIpAddress, groups }: { privateIpAddress?: string; groups: string[] }) {
    const taken = [...this.interfaces.values()].map(({ address }) => address);
    const prefix = this.subnet(subnetId)!.cidrBlock.replace('.0/24', '');
    if (privateIpAddress && taken.includes(privateIpAddress)) { throw new ServiceError('IpAddressInUse', 409, `${privateIpAddress} is in use`); }
    const free = privateIpAddress ?? Array.from({ length: 250 }, (_, i) => `${prefix}.${i + 4}`).find(address => !taken.includes(address))!;
    const networkInterfaceId = `eni-${subnetId.slice(-2)}-${free}`;
    this.interfaces.set(networkInterfaceId, { subnetId, address: free, groups });
    return { networkInterfaceId, privateIpAddress: free };
  }

  public modifyInterface(id: string, { groups }: { groups: string[] }) {
    this.interfaces.get(id)!.groups = groups;
  }

  public deleteInterface(id: string) {
    if (!this.interfaces.delete(id)) { throw new Error(`there is no ${id}`); }
  }

  public defaultSecurityGroup(vpcId: string) {
    return { groupId: `sg-0000000${vpcId.slice(-1)}0` };
  }
}

export const KEY = '12345678-1234-1234-1234-123456789012';
export const KEY_ARN = arn('kms', `key/${KEY}`);
const keys: Keys = {
  resolve: id => [KEY, KEY_ARN, 'alias/mine', arn('kms', 'alias/mine')].includes(id) ? KEY_ARN : undefined,
};

export const SECOND = 1_000;
export const HOUR = 3_600 * SECOND;
export const subnet = (name: string) => `subnet-0000000${name}`;
export const group = (name: string) => `sg-0000000${name}`;

export let clock: Clock;
export let network: TinyNetwork;
export let server: EmulatorServer;
export let emulated: Efs;
export let principals: Principals;
export let client: EFSClient;
let clients: EFSClient[];

beforeEach(() => start());
afterEach(() => stop());

async function start(options?: EfsOptions): Promise<void> {
  clock = new Clock();
  network = new TinyNetwork();
  server = new EmulatorServer(clock);
  principals = new Principals();
  emulated = new Efs(clock, network, keys, options, principals);
  server.add(emulated);
  await server.listen();
  clients = [];
  client = connect(EmulatorServer.ADMIN);
}

async function stop(): Promise<void> {
  clients.forEach(one => one.destroy());
  await server.close();
}

export async function restart(options: EfsOptions): Promise<void> {
  await stop();
  await start(options);
}

function connect(credentials: Credentials): EFSClient {
  const one = new EFSClient({ endpoint: server.url, region: REGION, credentials, maxAttempts: 1 });
  clients.push(one);
  return one;
}

/** A client that may do what these statements say. */
export function as(...statements: Statement[]): EFSClient {
  return connect(server.issue(new Principal(`arn:aws:sts::${ACCOUNT}:assumed-role/handler/session`, () => statements)));
}

export function createFileSystem(input: Partial<CreateFileSystemCommandInput> = {}, by = client) {
  return by.send(new CreateFileSystemCommand({ CreationToken: 'token', ...input }));
}

/** A file system that is available. */
export async function fileSystem(input: Partial<CreateFileSystemCommandInput> = {}): Promise<string> {
  const { FileSystemId } = await createFileSystem(input);
  clock.advance(5 * SECOND);
  return FileSystemId!;
}

export function createMountTarget(FileSystemId: string, name: string, more: { IpAddress?: string; SecurityGroups?: string[] } = {}, by = client) {
  return by.send(new CreateMountTargetCommand({ FileSystemId, SubnetId: subnet(name), ...more }));
}

export async function mountTarget(FileSystemId: string, name: string, more?: { IpAddress?: string; SecurityGroups?: string[] }): Promise<string> {
  const { MountTargetId } = await createMountTarget(FileSystemId, name, more);
  clock.advance(80 * SECOND);
  return MountTargetId!;
}

export async function describeFileSystem(FileSystemId: string, by = client) {
  return (await by.send(new DescribeFileSystemsCommand({ FileSystemId }))).FileSystems![0];
}

export async function describeMountTargets(FileSystemId: string) {
  return (await client.send(new DescribeMountTargetsCommand({ FileSystemId }))).MountTargets!;
}

export const update = (FileSystemId: string, ThroughputMode?: 'bursting' | 'provisioned' | 'elastic', ProvisionedThroughputInMibps?: number) =>
  client.send(new UpdateFileSystemCommand({ FileSystemId, ThroughputMode, ProvisionedThroughputInMibps }));

/** `name` and status of what a call is refused with. */
export async function refusal(call: Promise<unknown>): Promise<any> {
  try {
    await call;
  } catch (error: any) {
    if (error.$metadata?.httpStatusCode === undefined) { throw error; }
    return { ...error, status: error.$metadata.httpStatusCode, name: error.name, message: error.message };
  }
  throw new Error('the call was not refused');
}

export const refused = (name: string, status: number) => expect.objectContaining({ name, status });
