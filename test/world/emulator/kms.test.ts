import { DescribeKeyCommand, KMSClient, paginateListAliases } from '@aws-sdk/client-kms';
import { Clock } from '../../../world/emulator/clock';
import { ACCOUNT, arn } from '../../../world/emulator/environment';
import { Principal, type Statement } from '../../../world/emulator/iam';
import { Kms } from '../../../world/emulator/kms';
import { EmulatorServer } from '../../../world/emulator/server';

const ROLE = `arn:aws:iam::${ACCOUNT}:role/handler`;

describe('the emulated KMS', () => {
  let clock: Clock;
  let server: EmulatorServer;
  let kms: Kms;
  const clients: KMSClient[] = [];

  beforeEach(async () => {
    clock = new Clock();
    server = new EmulatorServer(clock);
    kms = new Kms(clock);
    server.add(kms);
    await server.listen();
  });

  afterEach(async () => {
    clients.splice(0).forEach(client => client.destroy());
    await server.close();
  });

  const client = (statements?: Statement[]) => {
    const credentials = server.issue(new Principal(ROLE, () => statements));
    const made = new KMSClient({ endpoint: server.url, region: 'eu-west-1', credentials, maxAttempts: 1 });
    clients.push(made);
    return made;
  };
  const describeKey = async (KeyId: string, statements?: Statement[]) =>
    (await client(statements).send(new DescribeKeyCommand({ KeyId }))).KeyMetadata;

  test('finds a key by id, ARN, alias and alias ARN', async () => {
    const key = kms.createKey({ description: 'images' });
    kms.createAlias('alias/images', key.keyId);

    for (const name of [key.keyId, key.arn, 'alias/images', arn('kms', 'alias/images')]) {
      expect(await describeKey(name)).toMatchObject({
        Arn: key.arn,
        KeyId: key.keyId,
        Description: 'images',
        KeyState: 'Enabled',
        Enabled: true,
        KeyManager: 'CUSTOMER',
        CreationDate: new Date(clock.now()),
      });
      expect(kms.resolve(name)).toBe(key.arn);
    }
  });

  test('does not know keys and aliases that nobody made', async () => {
    const missing = '00000000-0000-4000-8000-000000000000';
    await expect(describeKey(missing)).rejects.toMatchObject({
      name: 'NotFoundException', message: `Key '${arn('kms', `key/${missing}`)}' does not exist`, $metadata: { httpStatusCode: 400 },
    });
    await expect(describeKey('alias/none')).rejects.toMatchObject({
      name: 'NotFoundException', message: `Alias ${arn('kms', 'alias/none')} is not found.`,
    });
    await expect(describeKey('none')).rejects.toMatchObject({ name: 'NotFoundException', message: "Invalid keyId 'none'" });
    expect(kms.resolve('alias/none')).toBeUndefined();
    expect(kms.resolve(kms.createKey().arn.replace('eu-west-1', 'eu-west-2'))).toBeUndefined();
  });

  test('has keys in other Regions, which this one does not find', async () => {
    const there = kms.createKey({ region: 'eu-central-1' });
    kms.createAlias('alias/images', there.keyId);

    expect(there.arn).toBe(arn('kms', `key/${there.keyId}`, { region: 'eu-central-1' }));
    await expect(describeKey(there.arn)).rejects.toMatchObject({ name: 'NotFoundException', message: 'Invalid arn eu-central-1' });
    await expect(describeKey(there.keyId)).rejects.toMatchObject({ name: 'NotFoundException' });
    await expect(describeKey('alias/images')).rejects.toMatchObject({ name: 'NotFoundException' });
    for (const name of [there.keyId, there.arn, 'alias/images', arn('kms', 'alias/images', { region: 'eu-central-1' })]) {
      expect([kms.resolve(name), kms.resolve(name, 'eu-central-1')]).toEqual([undefined, there.arn]);
    }
    expect(kms.stateOf(there.arn, 'eu-central-1')).toBe('Enabled');
    expect(kms.resolve('alias/aws/elasticfilesystem', 'eu-central-1')).toMatch(/^arn:aws:kms:eu-central-1:/);
  });

  test.each(['elasticfilesystem', 'ebs', 's3'])('has the key that AWS manages for %s', async service => {
    expect(await describeKey(`alias/aws/${service}`)).toMatchObject({ KeyManager: 'AWS', KeyState: 'Enabled' });
  });

  test('shows a disabled key, and one that waits for its deletion until it is gone', async () => {
    const { keyId } = kms.createKey();
    kms.setEnabled(keyId, false);
    expect(await describeKey(keyId)).toMatchObject({ KeyState: 'Disabled', Enabled: false });

    kms.scheduleDeletion(keyId, 7);
    const week = 7 * 24 * 3600 * 1000;
    expect(await describeKey(keyId)).toMatchObject({ KeyState: 'PendingDeletion', DeletionDate: new Date(clock.now() + week) });

    clock.advance(week);
    await expect(describeKey(keyId)).rejects.toMatchObject({ name: 'NotFoundException' });
  });

  test('refuses a caller whose policy does not name the key', async () => {
    const [mine, other] = [kms.createKey(), kms.createKey()];
    const policy: Statement[] = [{ Effect: 'Allow', Action: 'kms:DescribeKey', Resource: mine.arn }];

    expect(await describeKey(mine.keyId, policy)).toMatchObject({ Arn: mine.arn });
    await expect(describeKey(other.keyId, policy)).rejects.toMatchObject({ name: 'AccessDeniedException', $metadata: { httpStatusCode: 400 } });
    await expect(describeKey('00000000-0000-4000-8000-000000000000', policy)).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });

  test('lets a policy ask for the alias of the request', async () => {
    const key = kms.createKey();
    kms.createAlias('alias/images', key.keyId);
    const policy: Statement[] = [
      { Effect: 'Allow', Action: 'kms:DescribeKey', Resource: '*', Condition: { StringEquals: { 'kms:RequestAlias': 'alias/images' } } },
    ];

    expect(await describeKey('alias/images', policy)).toMatchObject({ Arn: key.arn });
    await expect(describeKey(key.keyId, policy)).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });

  test('obeys the key policy: a named role needs no identity policy, and an account that is not named has no say', async () => {
    const allow = { Effect: 'Allow', Action: 'kms:DescribeKey', Resource: '*' } as const;
    const forRole = kms.createKey({ policy: { Statement: [{ ...allow, Principal: { AWS: ROLE } }] } });
    const forNobody = kms.createKey({ policy: { Statement: [] } });

    expect(await describeKey(forRole.keyId, [])).toMatchObject({ Arn: forRole.arn });
    await expect(describeKey(forRole.keyId, [{ ...allow, Effect: 'Deny' }])).rejects.toMatchObject({ name: 'AccessDeniedException' });
    await expect(describeKey(forNobody.keyId, [allow])).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });

  test('lists aliases page by page', async () => {
    const key = kms.createKey();
    kms.createAlias('alias/images', key.keyId);

    const names: (string | undefined)[] = [];
    for await (const page of paginateListAliases({ client: client() }, { Limit: 3 })) { names.push(...page.Aliases!.map(alias => alias.AliasName)); }

    expect(names).toEqual(['alias/aws/ebs', 'alias/aws/elasticfilesystem', 'alias/aws/s3', 'alias/images']);
  });

  test('refuses a second alias of the same name, and a reserved one', () => {
    const { keyId } = kms.createKey();
    kms.createAlias('alias/images', keyId);
    expect(() => kms.createAlias('alias/images', keyId)).toThrow(expect.objectContaining({ code: 'AlreadyExistsException' }));
    expect(() => kms.createAlias('alias/aws/mine', keyId)).toThrow(expect.objectContaining({ code: 'NotAuthorizedException' }));
  });
});
