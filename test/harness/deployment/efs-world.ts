import { CreateFileSystemCommand, EFSClient } from '@aws-sdk/client-efs';
import type { Stack } from 'aws-cdk-lib';
import type { IFileSystem } from 'aws-cdk-lib/aws-efs';
import { DeploymentWorld, isOwnedBy, startEmulator } from './deployment-world';
import { Network } from './network';
import { FileSystem } from '../../../src';
import { OWNERSHIP_TAG_PREFIX, OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import type * as efs from '../../../world/emulator/efs';
import type { Emulator, EmulatorOptions } from '../../../world/emulator/emulator';

/** An account with a VPC, and what tests ask about its file systems. */
export class EfsWorld extends DeploymentWorld {
  public static override async start(options: EmulatorOptions = {}): Promise<EfsWorld> {
    return new EfsWorld(await startEmulator({ lambda: { maxProcesses: 16 }, ...options }));
  }

  public readonly network: Network;
  /** A client of somebody who uses no stacks. */
  public readonly client: EFSClient;

  protected constructor(emulator: Emulator) {
    super(emulator);
    this.network = new Network(emulator);
    this.client = new EFSClient(emulator.config);
  }

  public override async close(): Promise<void> {
    this.client.destroy();
    await super.close();
  }

  public fileSystem(id: string): efs.FileSystem {
    const found = this.emulator.efs.fileSystems.find(one => one.id === id);
    if (!found) { throw new Error(`there is no file system ${id}`); }
    return found;
  }

  public targetsOf(fileSystemId: string): efs.MountTarget[] {
    return this.emulator.efs.mountTargets.filter(target => target.fileSystemId === fileSystemId);
  }

  /** Returns the ids of the file systems that a construct made, also if its stack is gone. @param path the name of the root stack and the path below it */
  public madeBy(path: string): string[] {
    return this.emulator.efs.fileSystems.filter(({ tags }) => isOwnedBy(tags[OWNERSHIP_TAGS.owner], path)).map(({ id }) => id);
  }

  /** A file system's tags, without those of this library. */
  public tags(id: string): Record<string, string> {
    return Object.fromEntries(Object.entries(this.fileSystem(id).tags).filter(([key]) => !key.startsWith(OWNERSHIP_TAG_PREFIX)));
  }

  /** This library's tags, without their prefix. */
  public ownTags(id: string): Record<string, string> {
    return Object.fromEntries(Object.entries(this.fileSystem(id).tags)
      .filter(([key]) => key.startsWith(OWNERSHIP_TAG_PREFIX)).map(([key, value]) => [key.slice(OWNERSHIP_TAG_PREFIX.length), value]));
  }

  /** Mount targets as `subnet group`, all of them available. */
  public expectTargets(fileSystemId: string, ...wanted: string[]): void {
    const { network } = this;
    const groupName = (id: string) => Object.entries(network.groups).find(([, other]) => other === id)?.[0] ?? id;
    expect(this.targetsOf(fileSystemId).map(({ subnetId, securityGroups, lifeCycleState }) =>
      [network.nameOf(subnetId), ...securityGroups.map(groupName), ...lifeCycleState === 'available' ? [] : [lifeCycleState]].join(' ')).sort())
      .toEqual([...wanted].sort());
  }

  /** No file system of these constructs' owner, and no network interface of a mount target that is gone. */
  public expectNothingLeft(stackName: string): void {
    const { efs, ec2 } = this.emulator;
    expect(efs.fileSystems.filter(({ tags }) => tags[`${OWNERSHIP_TAG_PREFIX}owner`]?.startsWith(`${stackName}/`)).map(({ id }) => id)).toEqual([]);
    expect(ec2.networkInterfaces.length).toBe(efs.mountTargets.length);
  }

  /** A file system that no stack made. */
  public async foreignFileSystem(token: string): Promise<string> {
    const { FileSystemId } = await this.client.send(new CreateFileSystemCommand({
      CreationToken: token, Tags: [{ Key: 'team', Value: 'others' }, { Key: 'Name', Value: token }],
    }));
    await this.pass({ minutes: 3 });
    return FileSystemId!;
  }

  /** A file system of others, as a construct. */
  public imported(stack: Stack, fileSystemId: string): IFileSystem {
    return FileSystem.fromFileSystemAttributes(stack, 'Theirs', { fileSystemId, securityGroup: this.network.group(stack, 'two') });
  }

  /** All there is to know of a file system, to compare later. */
  public picture(id: string): unknown {
    const { tags, policy, throughputMode, lifeCycleState } = this.fileSystem(id);
    const targets = this.targetsOf(id).map(target => ({ id: target.id, groups: target.securityGroups }));
    return { tags, policy, throughputMode, lifeCycleState, targets };
  }
}
