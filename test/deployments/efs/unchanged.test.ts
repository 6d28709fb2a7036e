import { DeleteFileSystemCommand, DeleteMountTargetCommand, EFSClient, PutBackupPolicyCommand, TagResourceCommand } from '@aws-sdk/client-efs';
import { App, CfnElement, RemovalPolicy, Stack, Stage } from 'aws-cdk-lib';
import * as efs from 'aws-cdk-lib/aws-efs';
import { AccountPrincipal, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { BackupPolicy, FileSystem, FileSystemPolicy, LifecycleConfiguration, MountTargets, ReplicationConfiguration, TagSet } from '../../../src';
import { ACCOUNT } from '../../../world/emulator/environment';
import { ENV, type Options } from '../../harness/deployment/deployment-world';
import { EfsWorld } from '../../harness/deployment/efs-world';
import type { Outcome } from '../../harness/deployment/outcome';

const NAME = 'Storage';

let world: EfsWorld;
let theirs: string;
beforeEach(async () => {
  world = await EfsWorld.start();
  theirs = await world.foreignFileSystem('theirs');
});
afterEach(() => world.close());

interface Content {
  readonly removalPolicy?: RemovalPolicy;
  /** Something of each setting, and a tag. */
  readonly text?: string;
  /** @default 'data' */
  readonly fileSystemName?: string;
}

/** A file system with mount targets, and everything that a stack can do to one of others. */
function add(scope: Construct, { removalPolicy = RemovalPolicy.DESTROY, text = 'one', ...name }: Content): void {
  const stack = Stack.of(scope);
  const vpc = world.network.vpc(stack);
  const securityGroup = world.network.group(stack, 'one');
  new FileSystem(scope, 'Data', { vpc, securityGroup, removalPolicy, fileSystemName: 'data', ...name });

  const fileSystem = world.imported(stack, theirs);
  new MountTargets(scope, 'Targets', { fileSystem, vpc, securityGroups: [securityGroup] });
  new TagSet(scope, 'Tags', { fileSystem, tags: { text } });
  new BackupPolicy(scope, 'Backup', { fileSystem, enableAutomaticBackups: true });
  new LifecycleConfiguration(scope, 'Life', { fileSystem, lifecyclePolicy: efs.LifecyclePolicy.AFTER_30_DAYS });
  new ReplicationConfiguration(scope, 'Replication', { fileSystem, destination: efs.ReplicationConfiguration.regionalFileSystem('eu-central-1') });
  new FileSystemPolicy(scope, 'Policy', { fileSystem })
    .addToResourcePolicy(new PolicyStatement({ sid: text, principals: [new AccountPrincipal(ACCOUNT)], actions: ['elasticfilesystem:ClientMount'] }));
}

/** An app after a refactoring, by which no logical id changes: where its stack stands, and where the constructs do. */
interface Place {
  readonly stackIn?: (app: App) => Stack;
  /** Id of a construct that they are in. */
  readonly layer?: string;
  /** The logical ids are overridden by what they were. */
  readonly isPinned?: true;
}

const PLACES: Record<string, Place> = {
  'the stack moves into a stage and keeps its name': { stackIn: app => new Stack(new Stage(app, 'Prod', { env: ENV }), 'Storage', { stackName: NAME }) },
  'the construct id of the stack changes, and not its name': { stackIn: app => new Stack(app, 'StorageV2', { env: ENV, stackName: NAME }) },
  'the constructs move under a construct named Default': { layer: 'Default' },
  'the constructs move into another one, with their logical ids': { layer: 'Layer', isPinned: true },
};

const logicalIds = (scope: Construct): Map<string, string> => new Map(scope.node.findAll().filter(child => CfnElement.isCfnElement(child))
  .map(element => [element.node.path.slice(scope.node.path.length), Stack.of(scope).resolve((element as CfnElement).logicalId)]));

function pin(scope: Construct): void {
  const original = new Stack(new App(), NAME, { env: ENV });
  add(original, {});
  for (const [path, logicalId] of logicalIds(original)) {
    (scope.node.findAll().find(({ node }) => node.path === `${scope.node.path}${path}`) as CfnElement | undefined)?.overrideLogicalId(logicalId);
  }
}

const deploy = async (place: Place, content: Content = {}, options: Options = {}): Promise<Outcome> => world.deploy(NAME, stack => {
  const scope = place.layer === undefined ? stack : new Construct(stack, place.layer);
  add(scope, content);
  if (place.isPinned) { pin(scope); }
}, { stackIn: place.stackIn, ...options });

/** Logical ids of the resources of this library that a deployment did anything to. */
const touched = ({ events }: Outcome) => [...new Set(events.filter(({ type }) => type.startsWith('Custom::')).map(({ logicalId }) => logicalId))];
/** The template is the same, or differs in metadata and resources of aws-cdk-lib only. */
function expectUntouched(outcome: Outcome): void {
  expect([outcome.status, outcome.failures, touched(outcome)]).toEqual([expect.stringMatching(/^(CREATE|UPDATE)_COMPLETE$/), [], []]);
}
const picture = () => world.emulator.efs.fileSystems.map(({ id, lifecyclePolicies, backupPolicy }) => {
  return { id, ...world.picture(id) as object, tags: world.tags(id), lifecyclePolicies, backupPolicy };
});
const replications = () => world.emulator.efs.replications.map(({ source, destination }) => `${source.id} ${destination.id}`);

describe.each(Object.entries(PLACES))('when %s', (_, place) => {
  test('nothing changes, and what follows does what it did before', async () => {
    (await deploy({})).expectSuccess('CREATE_COMPLETE');
    const before = [picture(), replications()];
    expectUntouched(await deploy(place));
    expect([picture(), replications()]).toEqual(before);

    const failAfter = place.layer === undefined ? 'Tags' : `${place.layer}/Tags`;
    (await deploy(place, { text: 'two', fileSystemName: 'other' }, { failAfter })).expectRolledBack();
    expect([picture(), replications()]).toEqual(before);

    (await world.destroy(NAME)).expectSuccess('DELETE_COMPLETE');
    world.expectNothingLeft(NAME);
    expect(world.picture(theirs)).toMatchObject({ targets: [], policy: undefined });
    expect(world.tags(theirs)).toEqual({ team: 'others', Name: 'theirs' });
  });

  test('a retained file system is adopted by the stack that is deployed again', async () => {
    const id = (await deploy({}, { removalPolicy: RemovalPolicy.RETAIN })).expectSuccess('CREATE_COMPLETE').idsOf('Custom::FileSystem');
    expectUntouched(await deploy(place, { removalPolicy: RemovalPolicy.RETAIN }));
    (await world.destroy(NAME)).expectSuccess('DELETE_COMPLETE');
    expect((await deploy(place, { removalPolicy: RemovalPolicy.RETAIN })).expectSuccess('CREATE_COMPLETE').idsOf('Custom::FileSystem')).toEqual(id);
  });
});

test('a file system without a name of its own gets that of its new place, and nothing else changes', async () => {
  const nameless = { fileSystemName: undefined };
  const files = (await deploy({}, nameless)).expectSuccess('CREATE_COMPLETE');
  const moved = (await deploy(PLACES['the stack moves into a stage and keeps its name'], nameless)).expectSuccess('UPDATE_COMPLETE');
  expect(touched(moved)).toHaveLength(1);
  expect(moved.idsOf('Custom::FileSystem')).toEqual(files.idsOf('Custom::FileSystem'));
  expect(world.tags(moved.idsOf('Custom::FileSystem')[0])).toEqual({ Name: 'Prod/Storage/Data' });
});

// As StackSets, Service Catalog and `aws cloudformation deploy --stack-name` deploy it.
test('a template that is deployed under two names makes two stacks, and neither role reaches what the other has', async () => {
  const product = (stackName: string) => world.deploy(stackName, stack => {
    const { network } = world;
    new FileSystem(stack, 'Data', {
      vpc: network.vpc(stack), securityGroup: network.group(stack, 'one'), removalPolicy: RemovalPolicy.DESTROY, fileSystemName: 'data',
    });
  }, { stackIn: app => new Stack(app, 'Product', { env: ENV, stackName }) });
  const [first, second] = [(await product('Product')).expectSuccess('CREATE_COMPLETE'), (await product('Product-Two')).expectSuccess('CREATE_COMPLETE')];
  const [mine, other] = [first, second].map(outcome => outcome.id('Data'));
  expect(mine).not.toBe(other);

  const [roleName] = first.idsOf('AWS::IAM::Role').filter(name => /EfsRole/.test(name));
  const { cloudFormation, emulator } = world;
  const client = new EFSClient({ ...emulator.config, credentials: emulator.server.issue(cloudFormation.iam.role(roleName).session('test')) });
  const [target] = world.targetsOf(other);
  const calls = (id: string) => [
    () => client.send(new TagResourceCommand({ ResourceId: id, Tags: [{ Key: 'cdk-durable-storage:owner', Value: 'Product/Data' }] })),
    () => client.send(new PutBackupPolicyCommand({ FileSystemId: id, BackupPolicy: { Status: 'ENABLED' } })),
    () => client.send(new DeleteMountTargetCommand({ MountTargetId: target.id })),
    () => client.send(new DeleteFileSystemCommand({ FileSystemId: id })),
  ];
  for (const call of calls(other)) { await expect(call()).rejects.toThrow('is not authorized to perform'); }
  for (const call of calls(mine).slice(0, 2)) { await call(); }
  client.destroy();

  (await world.destroy('Product')).expectSuccess('DELETE_COMPLETE');
  expect(world.fileSystem(other).lifeCycleState).toBe('available');
  world.expectTargets(other, 'a one', 'b one');
  (await world.destroy('Product-Two')).expectSuccess('DELETE_COMPLETE');
  world.expectNothingLeft('Product');
});
