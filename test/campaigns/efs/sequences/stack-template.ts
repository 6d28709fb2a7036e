import type { Scene } from './scene';
import type { Files, Setting, Tags, Targets, Template } from './template';
import type { TemplateBody } from '../../../../world/cloudformation/template';

/** Settings that are resources of their own. */
export const SETTINGS = ['Policy', 'Transitions', 'Backup'] as const;
export type SettingId = typeof SETTINGS[number];
export const LOGICAL_IDS = ['Files', 'Targets', 'Tags', ...SETTINGS] as const;
export type LogicalId = typeof LOGICAL_IDS[number];

export function isSetting(logicalId: LogicalId): logicalId is SettingId {
  return (SETTINGS as readonly LogicalId[]).includes(logicalId);
}

/** A resource that fails when all others are there. */
export const OTHER = { id: 'Other', type: 'Test::Other' };

const POLICY = [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'elasticfilesystem:ClientMount' }];
const POLICIES = {
  one: { Version: '2012-10-17', Statement: [{ Sid: 'One', ...POLICY[0] }] },
  two: { Version: '2012-10-17', Statement: [{ Sid: 'Two', ...POLICY[0] }] },
};
const TRANSITIONS = { one: 'AFTER_7_DAYS', two: 'AFTER_30_DAYS' };
const BACKUP = { one: 'ENABLED', two: 'DISABLED' };
const NETWORKS = { a1: '10.1.1', a2: '10.1.2', b1: '10.1.3', c1: '10.1.4', x1: '10.2.1', y1: '10.2.2' };

/** Returns the template as CloudFormation gets it. */
export function stackTemplate(template: Template, failAfter: boolean, scene: Scene): TemplateBody {
  const { files, targets, tags, policy, transitions, backup } = template;
  const target = (own: boolean) => (own && files ? { Ref: 'Files' } : scene.foreignId);
  const resources: Record<string, any> = {
    ...files && {
      Files: {
        Type: 'Custom::FileSystem',
        Properties: filesProperties(files),
        DeletionPolicy: files.removal,
        UpdateReplacePolicy: files.removal === 'Delete' ? 'Delete' : 'Retain',
      },
    },
    ...targets && { Targets: { Type: 'Custom::MountTargets', Properties: targetsProperties(targets, target(targets.own), scene) } },
    ...tags && { Tags: { Type: 'Custom::TagSet', Properties: tagsProperties(tags, target(tags.own)) } },
    ...policy && { Policy: setting('FileSystemPolicy', policy, target, policyProperties(policy)) },
    ...transitions && {
      Transitions: setting('LifecycleConfiguration', transitions, target, {
        LifecyclePolicies: [{ TransitionToIA: TRANSITIONS[transitions.value] }], Overwrite: true,
      }),
    },
    ...backup && { Backup: setting('BackupPolicy', backup, target, { BackupPolicy: { Status: BACKUP[backup.value] } }) },
  };
  return { Resources: { ...resources, ...failAfter && { [OTHER.id]: { Type: OTHER.type, DependsOn: Object.keys(resources) } } } };
}

function filesProperties(files: Files) {
  return {
    Owner: 'Stack/Files',
    RemovalPolicy: files.removal === 'Delete' ? 'Delete' : 'Retain',
    AllowReplacement: 'true',
    Encrypted: `${files.encrypted}`,
    PerformanceMode: files.maxIo ? 'maxIO' : 'generalPurpose',
    ThroughputMode: files.elastic ? 'elastic' : 'bursting',
    FileSystemTags: list(files.tags),
    ...files.token !== undefined && { CreationToken: files.token },
    ...files.policy !== 'none' && { FileSystemPolicy: { Statement: files.policy === 'bad' ? [] : POLICY } },
  };
}

function targetsProperties({ subnets, groups, host, addresses, fixed, patient }: Targets, fileSystem: unknown, { world }: Scene) {
  return {
    Owner: 'Stack/Targets',
    RemovalPolicy: 'Delete',
    FileSystemId: fileSystem,
    SubnetIds: subnets.map(subnet => world.subnet[subnet]),
    SecurityGroups: groups.map(group => world.group[group]),
    ...host !== undefined && addresses !== 'IPV6_ONLY' && { IpAddresses: subnets.map(subnet => `${NETWORKS[subnet]}.${host}`) },
    ...host !== undefined && addresses !== undefined
      && { Ipv6Addresses: subnets.map(subnet => `2001:db8:1:${NETWORKS[subnet].split('.')[2]}::${host}`) },
    ...addresses !== undefined && { IpAddressType: addresses },
    ...fixed && { ReplaceMountTargets: 'false' },
    ...patient && { DnsPropagationDelay: '10' },
  };
}

function tagsProperties({ tags, overwrite }: Tags, fileSystem: unknown) {
  return {
    Owner: 'Stack/Tags',
    RemovalPolicy: 'Delete',
    ResourceId: fileSystem,
    Tags: list(tags),
    ...overwrite && { Overwrite: 'true' },
  };
}

function setting(type: string, { own }: Setting, target: (own: boolean) => unknown, properties: object) {
  return { Type: `Custom::${type}`, Properties: { Owner: `Stack/${type}`, RemovalPolicy: 'Delete', FileSystemId: target(own), ...properties } };
}

function policyProperties({ value, overwrite }: Setting) {
  return { FileSystemPolicy: POLICIES[value], ...overwrite && { Overwrite: 'true' } };
}

function list(plain: Readonly<Record<string, string>>) {
  return Object.entries(plain).map(([Key, Value]) => ({ Key, Value }));
}
