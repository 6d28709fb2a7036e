import { CreateFileSystemCommand } from '@aws-sdk/client-efs';
import type { Account, Life } from './life';
import { EFS_RESOURCE_TYPES, type EfsResourceType } from '../../../src/contract/resource-types';
import { EfsHandlerWorld } from '../../../test/harness/efs/efs-handler-world';
import type { Stack } from '../../../test/harness/stack';

type Properties = Record<string, unknown>;

const OWNED = { Owner: 'Stack/Thing', RemovalPolicy: 'Delete' };
const SETTING = { ...OWNED };
const FAR = 'eu-central-1';
const QUICK = {
  durations: {
    fileSystemCreating: 4_000, fileSystemUpdating: 4_000, fileSystemDeleting: 8_000, mountTargetCreating: 8_000, mountTargetDeleting: 12_000,
  },
};
const tags = (entries: Record<string, string>) => Object.entries(entries).map(([Key, Value]) => ({ Key, Value }));
const policy = (Sid: string) => ({
  Version: '2012-10-17', Statement: [{ Sid, Effect: 'Allow', Principal: { AWS: '*' }, Action: 'elasticfilesystem:ClientMount' }],
});

/** An account with file systems `one` and `other` of another owner, to which settings, mount targets and tags can be added. */
class EfsAccount implements Account {
  public static async start(type: EfsResourceType): Promise<EfsAccount> {
    const world = await EfsHandlerWorld.start(QUICK);
    const stack = world.stack(type);
    stack.onStatus = status => world.stacks.statuses.set(stack.stackId, status);
    const account = new EfsAccount(world, stack);
    account.key = account.world.kms.createKey().arn;
    account.one = await account.make('one', { team: 'a' });
    account.other = await account.make('other', { team: 'b' });
    return account;
  }

  public one!: string;
  public other!: string;
  public key!: string;

  private constructor(public readonly world: EfsHandlerWorld, public readonly stack: Stack) {}

  private async make(CreationToken: string, entries: Record<string, string>): Promise<string> {
    const { FileSystemId } = await this.world.client.send(new CreateFileSystemCommand({ CreationToken, Tags: tags(entries) }));
    this.world.clock.advance(10_000);
    return FileSystemId!;
  }
}

function inventory({ world: { efs, ec2, scheduler } }: EfsAccount): Record<string, number> {
  const { fileSystems } = efs;
  return {
    fileSystems: fileSystems.length,
    mountTargets: efs.mountTargets.length,
    interfaces: ec2.networkInterfaces.length,
    schedules: scheduler.schedules.length,
    policies: fileSystems.filter(one => one.policy !== undefined).length,
    lifecycles: fileSystems.filter(one => one.lifecyclePolicies.length > 0).length,
    tags: fileSystems.flatMap(one => Object.keys(one.tags)).length,
  };
}

/** Removes the service-linked role, which the first mount target or replication of an account makes. */
const roleLost = ({ world }: EfsAccount) => { world.efs.serviceLinkedRoleExists = false; };

const DEFERRAL = { FunctionArn: 'arn:aws:lambda:eu-west-1:111122223333:function:later', RoleArn: 'arn:aws:iam::111122223333:role/r', GroupName: 'default' };
const PROVISIONED = { ThroughputMode: 'provisioned', ProvisionedThroughputInMibps: 10 };

const settings = (KmsKeyId: string, ThroughputMode: string, Status: string, TransitionToIA: string, named: Record<string, string>) => ({
  ...OWNED,
  Encrypted: true,
  KmsKeyId,
  ThroughputMode,
  FileSystemTags: tags(named),
  FileSystemPolicy: policy(Object.values(named)[0]),
  LifecyclePolicies: [{ TransitionToIA }],
  BackupPolicy: { Status },
  FileSystemProtection: { ReplicationOverwriteProtection: Status },
});

type Play = Pick<Life<EfsAccount>, 'name' | 'deployments' | 'again'>;

/** Lives of a setting that belongs to a file system of another owner. */
const settingLives = (first: Properties, second: Properties): Play[] => [{
  name: 'of a file system of others',
  deployments: {
    create: ({ one }) => ({ ...SETTING, FileSystemId: one, ...first }),
    update: ({ one }) => ({ ...SETTING, FileSystemId: one, ...second }),
    replace: ({ other }) => ({ ...SETTING, FileSystemId: other, ...second }),
  },
  again: roleLost,
}];

const PLAYS: Record<EfsResourceType, Play[]> = {
  'Custom::FileSystem': [
    {
      name: 'with all its settings',
      deployments: {
        'create': ({ key }) => settings(key, 'elastic', 'ENABLED', 'AFTER_7_DAYS', { Name: 'a' }),
        'update': ({ key }) => settings(key, 'bursting', 'DISABLED', 'AFTER_14_DAYS', { Title: 'b' }),
        'update that removes settings': ({ key }) => ({ ...OWNED, Encrypted: true, KmsKeyId: key, ThroughputMode: 'bursting' }),
        'replace': () => ({ ...OWNED, AllowReplacement: true, BackupPolicy: { Status: 'ENABLED' } }),
      },
      // EFS allows one change of the throughput a day, so a rollback leaves the new one.
      again: ({ world }, step) => {
        world.clock.advance(25 * 3_600_000);
        if (step === 'update') { world.efs.fileSystems.filter(({ encrypted }) => encrypted).forEach(one => { one.throughputMode = 'elastic'; }); }
      },
    },
    {
      name: 'replicated',
      deployments: {
        create: () => ({ ...OWNED, ReplicationConfiguration: { Destinations: [{ Region: FAR }] } }),
        update: () => OWNED,
      },
      again: roleLost,
    },
    {
      name: 'of others, adopted',
      deployments: {
        create: ({ one }) => ({ ...OWNED, RemovalPolicy: 'Retain', AdoptFileSystemId: one, FileSystemTags: tags({ Name: 'mine' }) }),
        update: ({ one }) => ({ ...OWNED, RemovalPolicy: 'Retain', AdoptFileSystemId: one, FileSystemTags: tags({ Title: 'mine' }) }),
      },
    },
    {
      name: 'whose throughput changes later',
      deployments: {
        'create': () => ({ ...OWNED, Deferral: DEFERRAL }),
        'update': () => ({ ...OWNED, Deferral: DEFERRAL, ThroughputMode: 'elastic' }),
        'update that is deferred': () => ({ ...OWNED, Deferral: DEFERRAL, ...PROVISIONED }),
        'update that calls it off': () => ({ ...OWNED, Deferral: DEFERRAL, ThroughputMode: 'elastic' }),
        'update that is deferred again': () => ({ ...OWNED, Deferral: DEFERRAL, ...PROVISIONED }),
      },
    },
  ],
  'Custom::MountTargets': [{
    name: 'a set',
    deployments: {
      'create': ({ one, world: { subnet, group } }) => ({ ...SETTING, FileSystemId: one, SubnetIds: [subnet.a1, subnet.b1], SecurityGroups: [group.one] }),
      'update in place': ({ one, world: { subnet, group } }) => ({
        ...SETTING, FileSystemId: one, SubnetIds: [subnet.a1, subnet.b1, subnet.c1], SecurityGroups: [group.one, group.two],
      }),
      'update that moves and removes': ({ one, world: { subnet, group } }) => ({
        ...SETTING, FileSystemId: one, SubnetIds: [subnet.a2, subnet.b1], SecurityGroups: [group.one], ReplaceMountTargets: true,
      }),
      'replace': ({ other, world: { subnet, group } }) => ({ ...SETTING, FileSystemId: other, SubnetIds: [subnet.a1], SecurityGroups: [group.one] }),
    },
    again: roleLost,
  }],
  'Custom::TagSet': [{
    name: 'a set',
    deployments: {
      create: ({ one }) => ({ ...SETTING, ResourceId: one, Tags: tags({ a: '1', b: '1' }) }),
      update: ({ one }) => ({ ...SETTING, ResourceId: one, Tags: tags({ a: '2', c: '1' }) }),
      replace: ({ other }) => ({ ...SETTING, ResourceId: other, Tags: tags({ a: '2' }) }),
    },
  }],
  'Custom::FileSystemPolicy': settingLives({ FileSystemPolicy: policy('a') }, { FileSystemPolicy: policy('b') }),
  'Custom::BackupPolicy': settingLives({ BackupPolicy: { Status: 'ENABLED' } }, { BackupPolicy: { Status: 'DISABLED' } }),
  'Custom::LifecycleConfiguration': settingLives(
    { LifecyclePolicies: [{ TransitionToIA: 'AFTER_7_DAYS' }] }, { LifecyclePolicies: [{ TransitionToIA: 'AFTER_14_DAYS' }] },
  ),
  'Custom::ReplicationConfiguration': settingLives(
    { ReplicationConfiguration: { Destinations: [{ Region: FAR }] } }, { ReplicationConfiguration: { Destinations: [{ Region: 'eu-west-3' }] } },
  ),
  'Custom::FileSystemLookup': [{
    name: 'a look-up',
    deployments: {
      create: () => ({ ...OWNED, Tags: tags({ team: 'a' }) }),
      replace: () => ({ ...OWNED, Tags: tags({ team: 'b' }) }),
    },
  }],
};

export const EFS_LIVES: Life<EfsAccount>[] = EFS_RESOURCE_TYPES.flatMap(type =>
  PLAYS[type].map(play => ({ ...play, name: `${type.replace('Custom::', '')}: ${play.name}`, start: () => EfsAccount.start(type), inventory })));
