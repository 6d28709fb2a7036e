import { arn } from '../../emulator/environment';
import type { Handler } from '../handler';
import type { Properties } from '../stack';
import { isTrue, listOf, nameOf, recorded, type Context } from './context';
import { checkPlace, hasTargets, mayMount, reachesTargets } from './mounts';

const START_SECONDS = 30;
const GIVE_UP_MINUTES = 30;

/** ECS on Fargate. No container runs; but a service is steady only when its tasks could start, which need what they mount. */
export function containerHandlers({ emulator, iam }: Context): Record<string, Handler> {
  const { clock } = emulator;
  const clusters = new Set<string>();
  const tasks = new Map<string, Properties>();
  let revision = 0;

  /** Why a task would stop at once. */
  const obstacle = ({ NetworkConfiguration, TaskDefinition }: Properties): string | undefined => {
    const { Subnets, SecurityGroups } = NetworkConfiguration.AwsvpcConfiguration;
    const client = { subnetIds: Subnets, groups: SecurityGroups };
    const { Volumes, TaskRoleArn } = tasks.get(TaskDefinition)!;
    for (const { EFSVolumeConfiguration: volume } of listOf<Properties>(Volumes)) {
      const { FilesystemId: id, AuthorizationConfig: access } = volume;
      if (!hasTargets(emulator, id, client)) { return `Failed to resolve "${id}": ensure that the VPC has an EFS mount target for this file system`; }
      if (!reachesTargets(emulator, id, client)) { return `mount of "${id}" timed out`; }
      if (access?.IAM === 'ENABLED' && !mayMount(emulator, iam.role(TaskRoleArn).session('task'), id, access.AccessPointId)) {
        return `mount.nfs4: access denied by server while mounting ${id}`;
      }
    }
    return undefined;
  };

  const steady = async (properties: Properties, signal: AbortSignal) => {
    const { Subnets, SecurityGroups } = properties.NetworkConfiguration.AwsvpcConfiguration;
    if (!clusters.has(properties.Cluster)) { throw new Error(`Cluster ${properties.Cluster} not found.`); }
    if (!tasks.has(properties.TaskDefinition)) { throw new Error(`Unable to describe task definition ${properties.TaskDefinition}.`); }
    checkPlace(emulator, { subnetIds: Subnets, groups: SecurityGroups });
    // A task that stops is started again and again.
    const end = clock.now() + GIVE_UP_MINUTES * 60_000;
    do {
      await clock.sleep(START_SECONDS * 1000, signal);
      if (clock.now() > end) { throw new Error(`Service did not stabilize: ResourceInitializationError: ${obstacle(properties)}`); }
    } while (obstacle(properties) !== undefined);
  };

  return {
    'AWS::ECS::Cluster': {
      ...recorded(request => {
        const name = nameOf(request, request.properties.ClusterName);
        clusters.add(name);
        return name;
      }, name => ({ Arn: arn('ecs', `cluster/${name}`) }), ['ClusterName']),
      delete: ({ physicalId }) => void clusters.delete(physicalId!),
    },
    'AWS::ECS::TaskDefinition': {
      ...recorded(({ properties }) => {
        const { Family, TaskRoleArn, ExecutionRoleArn, Volumes } = properties;
        for (const role of [TaskRoleArn, ExecutionRoleArn]) { if (role) { iam.assumable(role, 'ecs-tasks.amazonaws.com'); } }
        for (const { EFSVolumeConfiguration: volume } of listOf<Properties>(Volumes)) {
          if (!volume) { throw new Error('the player knows volumes of EFS only'); }
          // As ECS says: IAM and access points need TLS.
          if (volume.AuthorizationConfig && volume.TransitEncryption !== 'ENABLED') { throw new Error('Invalid TransitEncryption of an EFS volume with authorization'); }
        }
        const id = arn('ecs', `task-definition/${Family}:${++revision}`);
        tasks.set(id, properties);
        return id;
      }, physicalId => ({ TaskDefinitionArn: physicalId }), ['ContainerDefinitions', 'Volumes', 'Family', 'TaskRoleArn', 'ExecutionRoleArn', 'Cpu', 'Memory']),
      delete: ({ physicalId }) => void tasks.delete(physicalId!),
    },
    'AWS::ECS::Service': {
      waits: true,
      immutable: ['Cluster', 'ServiceName', 'LaunchType'],
      create: async request => {
        if (isTrue(request.properties.EnableExecuteCommand)) { throw new Error('the player knows no ECS Exec'); }
        await steady(request.properties, request.signal);
        const name = nameOf(request, request.properties.ServiceName);
        const serviceArn = arn('ecs', `service/${request.properties.Cluster}/${name}`);
        return { physicalId: serviceArn, attributes: { Name: name, ServiceArn: serviceArn } };
      },
      update: async ({ properties, signal }, before) => {
        await steady(properties, signal);
        return { physicalId: before.physicalId!, attributes: before.attributes };
      },
      delete: () => {},
    },
  };
}
