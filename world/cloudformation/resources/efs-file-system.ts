import {
  CreateFileSystemCommand, CreateMountTargetCommand, DeleteFileSystemCommand, DeleteMountTargetCommand, DescribeFileSystemsCommand,
  DescribeMountTargetsCommand, EFSClient, ModifyMountTargetSecurityGroupsCommand, PutBackupPolicyCommand, PutFileSystemPolicyCommand,
  PutLifecycleConfigurationCommand, TagResourceCommand, UntagResourceCommand, UpdateFileSystemCommand,
} from '@aws-sdk/client-efs';
import type { Handler, Request } from '../handler';
import type { Properties } from '../stack';
import { isTrue, numberOf, tagsOf, type Context } from './context';

/** Those of CloudFormation itself: with what `efs.FileSystem` uses of them, and without replication. */
export function efsFileSystemHandlers({ emulator: { clock, config } }: Context): Record<string, Handler> {
  const efs = new EFSClient(config);
  const state = async (id: string): Promise<string | undefined> => {
    try {
      const found = id.startsWith('fsmt-')
        ? (await efs.send(new DescribeMountTargetsCommand({ MountTargetId: id }))).MountTargets
        : (await efs.send(new DescribeFileSystemsCommand({ FileSystemId: id }))).FileSystems;
      return found?.[0]?.LifeCycleState;
    } catch (error) {
      if (/NotFound$/.test((error as Error).name)) { return undefined; }
      throw error;
    }
  };
  const until = async (id: string, wanted: string | undefined) => {
    while (await state(id) !== wanted) { await clock.sleep(1000); }
  };

  const configure = async (FileSystemId: string, { LifecyclePolicies, BackupPolicy, FileSystemPolicy }: Properties) => {
    if (LifecyclePolicies !== undefined) { await efs.send(new PutLifecycleConfigurationCommand({ FileSystemId, LifecyclePolicies })); }
    if (BackupPolicy !== undefined) { await efs.send(new PutBackupPolicyCommand({ FileSystemId, BackupPolicy: BackupPolicy as any })); }
    if (FileSystemPolicy !== undefined) {
      await efs.send(new PutFileSystemPolicyCommand({ FileSystemId, Policy: JSON.stringify(FileSystemPolicy) }));
    }
  };

  return {
    'AWS::EFS::FileSystem': {
      waits: true,
      immutable: ['AvailabilityZoneName', 'Encrypted', 'KmsKeyId', 'PerformanceMode'],
      create: async request => {
        const { stack, properties } = request;
        const { FileSystemId, FileSystemArn } = await efs.send(new CreateFileSystemCommand({
          CreationToken: stack.ids.hex(32),
          Encrypted: isTrue(properties.Encrypted),
          KmsKeyId: properties.KmsKeyId,
          PerformanceMode: properties.PerformanceMode,
          AvailabilityZoneName: properties.AvailabilityZoneName,
          ...throughputOf(properties),
          Tags: tagList(tags(request, properties)),
        }));
        const configured = ['LifecyclePolicies', 'BackupPolicy', 'FileSystemPolicy'].some(name => properties[name] !== undefined);
        if (configured || !request.delivery.express) { await until(FileSystemId!, 'available'); }
        await configure(FileSystemId!, properties);
        return { physicalId: FileSystemId!, attributes: { FileSystemId, Arn: FileSystemArn } };
      },
      update: async (request, before) => {
        const [FileSystemId, wanted, old] = [before.physicalId!, tags(request, request.properties), tags(request, before.properties)];
        const [present, next] = [throughputOf(before.properties), throughputOf(request.properties)];
        if (JSON.stringify(present) !== JSON.stringify(next)) { await efs.send(new UpdateFileSystemCommand({ FileSystemId, ...next })); }
        await until(FileSystemId, 'available');
        const gone = Object.keys(old).filter(key => !(key in wanted) && !key.startsWith('aws:'));
        if (gone.length > 0) { await efs.send(new UntagResourceCommand({ ResourceId: FileSystemId, TagKeys: gone })); }
        if (tagList(wanted).length > 0) { await efs.send(new TagResourceCommand({ ResourceId: FileSystemId, Tags: tagList(wanted) })); }
        await configure(FileSystemId, request.properties);
        return { physicalId: FileSystemId, attributes: before.attributes };
      },
      delete: async ({ physicalId }, _, { express }) => {
        if (await state(physicalId!) === undefined) { return; }
        await efs.send(new DeleteFileSystemCommand({ FileSystemId: physicalId }));
        if (!express) { await until(physicalId!, undefined); }
      },
    },
    'AWS::EFS::MountTarget': {
      waits: true,
      immutable: ['FileSystemId', 'SubnetId', 'IpAddress', 'Ipv6Address', 'IpAddressType'],
      create: async ({ properties: { FileSystemId, SubnetId, IpAddress, SecurityGroups }, delivery: { express } }) => {
        const { MountTargetId, IpAddress: address } = await efs.send(
          new CreateMountTargetCommand({ FileSystemId, SubnetId, IpAddress, SecurityGroups }));
        if (!express) { await until(MountTargetId!, 'available'); }
        return { physicalId: MountTargetId!, attributes: { Id: MountTargetId, IpAddress: address } };
      },
      update: async ({ properties: { SecurityGroups } }, before) => {
        await efs.send(new ModifyMountTargetSecurityGroupsCommand({ MountTargetId: before.physicalId, SecurityGroups }));
        return { physicalId: before.physicalId!, attributes: before.attributes };
      },
      delete: async ({ physicalId }, _, { express }) => {
        if (await state(physicalId!) === undefined) { return; }
        await efs.send(new DeleteMountTargetCommand({ MountTargetId: physicalId }));
        if (!express) { await until(physicalId!, undefined); }
      },
    },
  };
}

function tags(request: Request, { FileSystemTags }: Properties): Record<string, string> {
  return tagsOf({ ...request, properties: { Tags: FileSystemTags } });
}

function tagList(given: Record<string, string>) {
  return Object.entries(given).filter(([key]) => !key.startsWith('aws:')).map(([Key, Value]) => ({ Key, Value }));
}

function throughputOf({ ThroughputMode, ProvisionedThroughputInMibps }: Properties) {
  return { ThroughputMode, ProvisionedThroughputInMibps: numberOf(ProvisionedThroughputInMibps) };
}
