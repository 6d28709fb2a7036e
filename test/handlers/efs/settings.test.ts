import {
  CreateFileSystemCommand, CreateReplicationConfigurationCommand, DeleteFileSystemCommand, DeleteReplicationConfigurationCommand,
  PutBackupPolicyCommand, PutFileSystemPolicyCommand, PutLifecycleConfigurationCommand,
} from '@aws-sdk/client-efs';
import { ownerDigest } from '../../../lambda/shared/ownership';
import { REGION } from '../../../world/emulator/environment';
import { EfsHandlerWorld } from '../../harness/efs/efs-handler-world';

const SETTING = { Owner: 'Stack/Setting', RemovalPolicy: 'Delete' };
const FAR = 'eu-central-1';

let world: EfsHandlerWorld;
/** Two file systems that nobody's stack knows. */
let id: string;
let other: string;
beforeEach(async () => {
  world = await EfsHandlerWorld.start();
  const create = async (CreationToken: string) => (await world.client.send(new CreateFileSystemCommand({ CreationToken }))).FileSystemId!;
  [id, other] = [await create('one'), await create('other')];
  world.clock.advance(10_000);
});
afterEach(() => world.close());

const of = (fileSystemId: string) => world.efs.fileSystems.find(one => one.id === fileSystemId)!;
const failing = { failAfter: true };
const FAILED = 'another resource failed';

test.each(['FileSystemPolicy', 'BackupPolicy', 'LifecycleConfiguration', 'ReplicationConfiguration'] as const)(
  '%s of a file system that does not exist is refused, and its deletion succeeds', async type => {
    const properties = {
      ...SETTING,
      FileSystemPolicy: {},
      BackupPolicy: { Status: 'ENABLED' },
      LifecyclePolicies: [{ TransitionToIA: 'AFTER_7_DAYS' }],
      ReplicationConfiguration: { Destinations: [{ Region: FAR }] },
    };
    const stack = world.stack(`Custom::${type}`);
    await expect(stack.deploy({ ...properties, FileSystemId: 'fs-01234567' })).rejects.toThrow("'fileSystem' is fs-01234567, which does not exist");

    await stack.deploy({ ...properties, FileSystemPolicy: policy('a'), FileSystemId: other });
    if (type === 'ReplicationConfiguration') {
      await world.client.send(new DeleteReplicationConfigurationCommand({ SourceFileSystemId: other }));
      world.clock.advance(60_000);
    }
    await world.client.send(new DeleteFileSystemCommand({ FileSystemId: other }));
    await stack.destroy();
  });

function policy(...sids: string[]) {
  return {
    Version: '2012-10-17',
    Statement: sids.map(Sid => ({ Sid, Effect: 'Allow', Principal: { AWS: '*' }, Action: 'elasticfilesystem:ClientMount' })),
  };
}

describe('a policy', () => {
  const wanted = (...sids: string[]) => ({ ...SETTING, FileSystemId: id, FileSystemPolicy: policy(...sids) });
  const sids = (fileSystemId = id) => JSON.parse(of(fileSystemId).policy ?? '{"Statement":[]}').Statement.map(({ Sid }: { Sid: string }) => Sid);
  const put = (...some: string[]) => world.client.send(new PutFileSystemPolicyCommand({ FileSystemId: id, Policy: JSON.stringify(policy(...some)) }));

  test('is put, changed, and deleted; another file system takes it over', async () => {
    const stack = world.stack('Custom::FileSystemPolicy');
    expect(await stack.deploy(wanted('a'))).toEqual({ FileSystemId: id });
    expect([stack.physicalId, sids()]).toEqual([`${id}/${ownerDigest(SETTING)}`, ['a']]);
    await stack.deploy(wanted('a', 'b'));
    expect(sids()).toEqual(['a', 'b']);
    await stack.deploy({ ...wanted('a'), FileSystemId: other });
    expect([stack.physicalId, sids(), sids(other)]).toEqual([`${other}/${ownerDigest(SETTING)}`, [], ['a']]);
    await stack.destroy();
    expect([of(id).policy, of(other).policy]).toEqual([undefined, undefined]);
  });

  test('of somebody else is replaced only if so wanted', async () => {
    await put('theirs');
    const stack = world.stack('Custom::FileSystemPolicy');
    await expect(stack.deploy(wanted('a'))).rejects.toThrow(`file system ${id} has another policy already`);
    expect(sids()).toEqual(['theirs']);
    await stack.deploy({ ...wanted('a'), Overwrite: true });
    expect(sids()).toEqual(['a']);
  });

  test('that somebody else changed since is not deleted', async () => {
    const stack = world.stack('Custom::FileSystemPolicy');
    await stack.deploy(wanted('a'));
    await put('theirs');
    await stack.destroy();
    expect(sids()).toEqual(['theirs']);
  });

  test('is as before after a rollback', async () => {
    const stack = world.stack('Custom::FileSystemPolicy');
    await expect(stack.deploy(wanted('a'), failing)).rejects.toThrow(FAILED);
    expect(sids()).toEqual([]);
    await stack.deploy(wanted('a'));
    await expect(stack.deploy(wanted('b'), failing)).rejects.toThrow(FAILED);
    expect(sids()).toEqual(['a']);
    for (const rollbackWith of ['old', 'new'] as const) {
      await expect(stack.deploy({ ...wanted('b'), FileSystemId: other }, { ...failing, rollbackWith })).rejects.toThrow(FAILED);
      expect(sids()).toEqual(['a']);
    }
  });

  test('that EFS refuses leaves nothing behind', async () => {
    const stack = world.stack('Custom::FileSystemPolicy');
    await expect(stack.deploy({ ...wanted(), FileSystemPolicy: { Statement: [] } })).rejects.toThrow(/InvalidPolicyException: 'document' of file system fs-\w+ is refused \(EFS: The policy is not valid: it has no statement/);
    expect(of(id).policy).toBeUndefined();
  });

  describe('that names a role', () => {
    const ROLE = 'arn:aws:iam::111122223333:role/Reader';
    const naming = (role: string) => ({ ...wanted(), FileSystemPolicy: { Statement: { ...policy('a').Statement[0], Principal: { AWS: role } } } });

    test('made a moment ago is put as soon as EFS knows the role', async () => {
      const known = world.clock.now() + 25_000;
      world.principals.lookUpIn({ sees: () => world.clock.now() >= known });
      await world.stack('Custom::FileSystemPolicy').deploy(naming(ROLE));
      expect(of(id).policy).toContain(ROLE);
    });

    test('that does not exist fails after a minute, and says for how long it was tried, and which roles it names', async () => {
      world.principals.forget(ROLE);
      const begin = world.clock.now();
      await expect(world.stack('Custom::FileSystemPolicy').deploy(naming(ROLE))).rejects.toThrow(new RegExp(
        `^InvalidPolicyException: 'document' of file system ${id} names a principal that EFS did not know for (5\\d|60) seconds: correct or remove it `
        + `\\(${ROLE}\\) \\(EFS: Policy contains invalid Principal block\\)$`));
      expect(world.clock.now() - begin).toBeLessThan(90_000);
      expect(of(id).policy).toBeUndefined();
    });

    test('is deleted with the resource even if the role is gone, and EFS shows its id instead', async () => {
      let generation = 1;
      world.principals.lookUpIn({ sees: () => true, generation: () => generation });
      const stack = world.stack('Custom::FileSystemPolicy');
      await stack.deploy(naming(ROLE));
      generation = 0;
      await stack.destroy();
      expect(of(id).policy).toBeUndefined();
    });

    test('is put anew if a new role has the name of the old one', async () => {
      let generation = 1;
      world.principals.lookUpIn({ sees: () => true, generation: () => generation });
      const stack = world.stack('Custom::FileSystemPolicy');
      await stack.deploy(naming(ROLE));
      await stack.deploy({ ...naming(ROLE), Overwrite: true });
      expect(world.server.count('efs:PutFileSystemPolicy')).toBe(1);
      generation = 2;
      await stack.deploy(naming(ROLE));
      expect(world.server.count('efs:PutFileSystemPolicy')).toBe(2);
    });
  });

  test('that would lock out the handler is refused with the remedy, and leaves nothing behind', async () => {
    const lockout = { Statement: [{ Effect: 'Deny', Principal: '*', Action: 'elasticfilesystem:*' }] };
    await expect(world.stack('Custom::FileSystemPolicy').deploy({ ...wanted(), FileSystemPolicy: lockout })).rejects.toThrow(
      `'document' of file system ${id} would keep this stack's function from ever changing it: `
      + "let its Deny statements leave out elasticfilesystem:PutFileSystemPolicy, or that function's role");
    expect(of(id).policy).toBeUndefined();
  });

  test.each([1, 2, 3, 4, 5, 6])('is the same in every spelling, with seed %i', async seed => {
    await world.close();
    world = await EfsHandlerWorld.start({ seed });
    id = (await world.client.send(new CreateFileSystemCommand({ CreationToken: 'one' }))).FileSystemId!;
    world.clock.advance(10_000);
    const stack = world.stack('Custom::FileSystemPolicy');
    const statement = {
      Sid: 'a',
      Effect: 'Allow',
      Principal: { AWS: ['111122223333', '444455556666'] },
      Action: ['elasticfilesystem:ClientMount'],
      Condition: { Bool: { 'elasticfilesystem:AccessedViaMountTarget': true } },
    };
    const properties = { ...wanted(), FileSystemId: id, FileSystemPolicy: { Version: '2012-10-17', Statement: [statement, policy('b').Statement[0]] } };
    await stack.deploy(properties);
    await stack.deploy({ ...properties, Overwrite: true });
    expect(world.server.count('efs:PutFileSystemPolicy')).toBe(1);
    await stack.destroy();
    expect(of(id).policy).toBeUndefined();
  });

  test('of a creation that was cancelled is deleted, also when the creation comes after its deletion', async () => {
    const stack = world.stack('Custom::FileSystemPolicy');
    await stack.play(stack.event('Create', wanted('a')));
    await stack.cancel(wanted('a'));
    expect(of(id).policy).toBeUndefined();

    const { handlers } = world;
    const deletion = stack.event('Delete', wanted('a'), { PhysicalResourceId: 'Stack-Thing-1ABC' });
    const started = { ...deletion, ...await handlers.act(deletion) };
    await stack.play(stack.event('Create', wanted('a')));
    while (!(await handlers.poll(started)).IsComplete) { world.clock.advance(5_000); }
    expect(of(id).policy).toBeUndefined();
  });
});

describe('a backup policy', () => {
  const wanted = (Status: string) => ({ ...SETTING, FileSystemId: id, BackupPolicy: { Status } });

  test('turns backups on and off, and leaves them as they are when it goes', async () => {
    const stack = world.stack('Custom::BackupPolicy');
    await stack.deploy(wanted('ENABLED'));
    expect(of(id).backupPolicy).toBe('ENABLED');
    await stack.deploy(wanted('DISABLED'));
    expect(of(id).backupPolicy).toBe('DISABLED');
    await stack.deploy(wanted('ENABLED'));
    await stack.destroy();
    expect(of(id).backupPolicy).toBe('ENABLED');
  });

  test('turns off what somebody else turned on', async () => {
    await world.client.send(new PutBackupPolicyCommand({ FileSystemId: id, BackupPolicy: { Status: 'ENABLED' } }));
    await world.stack('Custom::BackupPolicy').deploy(wanted('DISABLED'));
    expect(of(id).backupPolicy).toBe('DISABLED');
  });

  test('is as before after the rollback of an update', async () => {
    const stack = world.stack('Custom::BackupPolicy');
    await stack.deploy(wanted('ENABLED'));
    await expect(stack.deploy(wanted('DISABLED'), failing)).rejects.toThrow(FAILED);
    expect(of(id).backupPolicy).toBe('ENABLED');
    await stack.cancel(wanted('ENABLED'));
  });
});

describe('a life-cycle configuration', () => {
  const wanted = (...days: number[]) => ({ ...SETTING, FileSystemId: id, LifecyclePolicies: days.map(some => ({ TransitionToIA: `AFTER_${some}_DAYS` })) });

  test('is put, changed, and cleared', async () => {
    const stack = world.stack('Custom::LifecycleConfiguration');
    await stack.deploy(wanted(7));
    await stack.deploy(wanted(14));
    expect(of(id).lifecyclePolicies).toEqual([{ TransitionToIA: 'AFTER_14_DAYS' }]);
    await stack.deploy(wanted());
    expect(of(id).lifecyclePolicies).toEqual([]);
    await stack.deploy(wanted(7));
    await stack.destroy();
    expect(of(id).lifecyclePolicies).toEqual([]);
  });

  test('without transitions goes although there is nothing to remove', async () => {
    const stack = world.stack('Custom::LifecycleConfiguration');
    await stack.deploy(wanted(7));
    await stack.deploy(wanted());
    await stack.destroy();
    expect(world.tags(id)).toEqual({});
  });

  test('of somebody else is replaced only if so wanted', async () => {
    const theirs = [{ TransitionToIA: 'AFTER_90_DAYS' }];
    await world.client.send(new PutLifecycleConfigurationCommand({ FileSystemId: id, LifecyclePolicies: theirs as any }));
    const stack = world.stack('Custom::LifecycleConfiguration');
    await expect(stack.deploy(wanted(7))).rejects.toThrow(
      `file system ${id} has other life-cycle transitions already, which are not this resource's: remove them, or set 'overwrite'`);
    expect(of(id).lifecyclePolicies).toEqual(theirs);
    await stack.deploy({ ...wanted(7), Overwrite: true });
    expect(of(id).lifecyclePolicies).toEqual([{ TransitionToIA: 'AFTER_7_DAYS' }]);
  });

  test('is as before after a rollback, and not cleared if it is somebody else\'s by now', async () => {
    const stack = world.stack('Custom::LifecycleConfiguration');
    await stack.deploy(wanted(7));
    await expect(stack.deploy(wanted(14), failing)).rejects.toThrow(FAILED);
    expect(of(id).lifecyclePolicies).toEqual([{ TransitionToIA: 'AFTER_7_DAYS' }]);
    await world.client.send(new PutLifecycleConfigurationCommand({ FileSystemId: id, LifecyclePolicies: [{ TransitionToIA: 'AFTER_90_DAYS' }] }));
    await stack.destroy();
    expect(of(id).lifecyclePolicies).toEqual([{ TransitionToIA: 'AFTER_90_DAYS' }]);
  });
});

describe('a replication', () => {
  const wanted = (destination: object, FileSystemId = id) => ({
    ...SETTING, FileSystemId, ReplicationConfiguration: { Destinations: [destination] },
  });
  const replications = () => world.efs.replications.map(({ source, destination, phase }) => [source.id, destination.region, phase.state]);

  test('is made, made anew to another destination, moved to another file system, and deleted', async () => {
    const stack = world.stack('Custom::ReplicationConfiguration');
    await stack.deploy(wanted({ Region: FAR }));
    expect(replications()).toEqual([[id, FAR, 'ENABLED']]);
    await stack.deploy(wanted({ Region: 'us-east-1' }));
    expect(replications()).toEqual([[id, 'us-east-1', 'ENABLED']]);
    await stack.deploy(wanted({ Region: 'us-east-1' }, other));
    expect(replications()).toEqual([[other, 'us-east-1', 'ENABLED']]);
    await stack.destroy();
    expect([replications(), world.efs.replicas.length, world.efs.fileSystems.length]).toEqual([[], 3, 2]);
  });

  test('is made once, however often the event is delivered', async () => {
    const stack = world.stack('Custom::ReplicationConfiguration');
    stack.deliveries = 3;
    await stack.deploy(wanted({ Region: FAR }));
    expect([replications().length, world.efs.replicas.length]).toEqual([1, 1]);
  });

  test('is as before after a rollback', async () => {
    const stack = world.stack('Custom::ReplicationConfiguration');
    await expect(stack.deploy(wanted({ Region: FAR }), failing)).rejects.toThrow(FAILED);
    expect(replications()).toEqual([]);
    await stack.deploy(wanted({ Region: FAR }));
    await expect(stack.deploy(wanted({ Region: 'us-east-1' }), failing)).rejects.toThrow(FAILED);
    expect(replications()).toEqual([[id, FAR, 'ENABLED']]);
  });

  test('that a later request made is not deleted by a late poll of an earlier one', async () => {
    const stack = world.stack('Custom::ReplicationConfiguration');
    await stack.deploy(wanted({ Region: FAR }));
    const late = stack.event('Update', wanted({ Region: FAR }), {
      PhysicalResourceId: stack.physicalId, OldResourceProperties: wanted({ Region: FAR }), Since: '0',
    });
    await stack.deploy(wanted({ Region: 'us-east-1' }));
    await expect(world.handlers.poll(late)).rejects.toThrow('was changed or removed by a later call');
    expect(replications()).toEqual([[id, 'us-east-1', 'ENABLED']]);
  });

  test('that somebody else has made meanwhile is not deleted', async () => {
    const stack = world.stack('Custom::ReplicationConfiguration');
    const creation = stack.event('Create', wanted({ Region: FAR }));
    const begun = { ...creation, ...await world.handlers.act(creation) };
    await world.client.send(new CreateReplicationConfigurationCommand({ SourceFileSystemId: id, Destinations: [{ Region: 'us-east-1' }] }));
    await expect(world.handlers.poll(begun)).rejects.toThrow('by now, which is not as wanted');
    expect(replications()).toEqual([[id, 'us-east-1', 'ENABLING']]);
  });

  test('that somebody else has made in its place is not deleted by an update, nor by the way back', async () => {
    const stack = world.follow(world.stack('Custom::ReplicationConfiguration'));
    await stack.deploy(wanted({ Region: FAR }));
    await world.client.send(new DeleteReplicationConfigurationCommand({ SourceFileSystemId: id }));
    world.clock.advance(600_000);
    await world.client.send(new CreateReplicationConfigurationCommand({ SourceFileSystemId: id, Destinations: [{ Region: REGION }] }));
    world.clock.advance(600_000);
    await expect(stack.deploy(wanted({ Region: 'us-east-1' }))).rejects.toThrow(/by now, which is not as wanted$/);
    expect([stack.isStuck, replications()]).toEqual([false, [[id, REGION, 'ENABLED']]]);
  });

  test('of somebody else is left alone', async () => {
    await world.client.send(new CreateReplicationConfigurationCommand({ SourceFileSystemId: id, Destinations: [{ Region: REGION }] }));
    const stack = world.stack('Custom::ReplicationConfiguration');
    await expect(stack.deploy(wanted({ Region: FAR }))).rejects.toThrow(/is replicated to fs-\w+ in eu-west-1 already/);
    await expect(stack.deploy(wanted({ Region: FAR }, other), failing)).rejects.toThrow(FAILED);
    expect(replications()).toEqual([[id, REGION, 'ENABLED']]);
  });
});
