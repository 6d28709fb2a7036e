import {
  CreateAccessPointCommand, DeleteAccessPointCommand, DescribeAccessPointsCommand, EFSClient, TagResourceCommand, UntagResourceCommand,
} from '@aws-sdk/client-efs';
import type { Handler } from '../handler';
import type { Properties } from '../stack';
import { numberOf, tagsOf, type Context } from './context';

/** CloudFormation's own EFS resources are made by the API, as the administrator. */
export function efsHandlers({ emulator: { clock, config } }: Context): Record<string, Handler> {
  const efs = new EFSClient(config);
  const tagList = (tags: Record<string, string>) =>
    Object.entries(tags).filter(([key]) => !key.startsWith('aws:')).map(([Key, Value]) => ({ Key, Value }));
  const state = async (AccessPointId: string) => {
    try {
      return (await efs.send(new DescribeAccessPointsCommand({ AccessPointId }))).AccessPoints?.[0]?.LifeCycleState;
    } catch (error) {
      if ((error as Error).name === 'AccessPointNotFound') { return undefined; }
      throw error;
    }
  };
  const until = async (id: string, wanted: string | undefined) => {
    while (await state(id) !== wanted) { await clock.sleep(1000); }
  };

  return {
    'AWS::EFS::AccessPoint': {
      waits: true,
      immutable: ['FileSystemId', 'PosixUser', 'RootDirectory', 'ClientToken'],
      create: async request => {
        const { properties: { FileSystemId, ClientToken, PosixUser, RootDirectory, AccessPointTags }, stack } = request;
        const { AccessPointId, AccessPointArn } = await efs.send(new CreateAccessPointCommand({
          ClientToken: ClientToken ?? stack.ids.hex(32),
          FileSystemId,
          PosixUser: PosixUser && userOf(PosixUser),
          RootDirectory: RootDirectory && {
            Path: RootDirectory.Path,
            CreationInfo: RootDirectory.CreationInfo && {
              OwnerUid: numberOf(RootDirectory.CreationInfo.OwnerUid)!,
              OwnerGid: numberOf(RootDirectory.CreationInfo.OwnerGid)!,
              Permissions: String(RootDirectory.CreationInfo.Permissions),
            },
          },
          Tags: tagList(tagsOf({ ...request, properties: { Tags: AccessPointTags } })),
        }));
        await until(AccessPointId!, 'available');
        return { physicalId: AccessPointId!, attributes: { AccessPointId, Arn: AccessPointArn } };
      },
      update: async (request, before) => {
        const tags = tagsOf({ ...request, properties: { Tags: request.properties.AccessPointTags } });
        const old = tagsOf({ ...request, properties: { Tags: before.properties.AccessPointTags } });
        const gone = Object.keys(old).filter(key => !(key in tags));
        const ResourceId = before.physicalId!;
        if (gone.length > 0) { await efs.send(new UntagResourceCommand({ ResourceId, TagKeys: gone })); }
        if (tagList(tags).length > 0) { await efs.send(new TagResourceCommand({ ResourceId, Tags: tagList(tags) })); }
        return { physicalId: ResourceId, attributes: before.attributes };
      },
      delete: async ({ physicalId }) => {
        if (await state(physicalId!) === undefined) { return; }
        await efs.send(new DeleteAccessPointCommand({ AccessPointId: physicalId }));
        await until(physicalId!, undefined);
      },
    },
  };
}

function userOf({ Uid, Gid, SecondaryGids }: Properties) {
  return { Uid: numberOf(Uid)!, Gid: numberOf(Gid)!, SecondaryGids: SecondaryGids?.map(Number) };
}
