import { EBSClient } from '@aws-sdk/client-ebs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { KMSClient } from '@aws-sdk/client-kms';
import { requestDigest } from '../../../../lambda/ebs/idempotency';
import { ParentRefused, SnapshotStarter, type NewSnapshot } from '../../../../lambda/ebs/snapshot-starter';
import { clientConfig } from '../../../../lambda/shared/client-config';
import { Snapshots } from '../../../../lambda/transfer/snapshot/snapshots';
import { EbsHandlerWorld } from '../../../harness/ebs/ebs-handler-world';

const request = { stackId: 'stack', logicalId: 'Image', requestId: 'one' };

describe('the client token', () => {
  test('follows from the request alone, so that an event that is delivered twice has the same', () => {
    expect(requestDigest({ ...request })).toBe(requestDigest(request));
    expect(requestDigest(request)).toMatch(/^[0-9a-f]{64}$/);
  });

  test.each([{ stackId: 'other' }, { logicalId: 'Other' }, { requestId: 'two' }])('is another one with %j', other => {
    expect(requestDigest({ ...request, ...other })).not.toBe(requestDigest(request));
  });

  test('is another one for a second creation by the same request', () => {
    expect(requestDigest(request, 'without parent')).not.toBe(requestDigest(request));
  });
});

describe('a start', () => {
  let world: EbsHandlerWorld;
  let starter: SnapshotStarter;
  const wanted = (more: Partial<NewSnapshot> = {}): NewSnapshot =>
    ({ token: requestDigest(request), volumeSize: 1, tags: [], encrypted: false, ...more });

  beforeEach(async () => {
    world = await EbsHandlerWorld.start();
    starter = new SnapshotStarter(new EBSClient(clientConfig()), new KMSClient(clientConfig()), new Snapshots(new EC2Client(clientConfig())));
  });
  afterEach(() => world.close());

  test('with the same token starts no second snapshot, even if the first answer is lost', async () => {
    world.server.faults.inject('ebs:StartSnapshot', { kind: 'lost-answer' });
    const first = await world.run(() => starter.start(wanted()));
    expect(world.server.count('ebs:StartSnapshot')).toBe(2);
    expect(await starter.start(wanted())).toEqual(first);
    expect(world.snapshotIds).toEqual([first!.id]);
  });

  test('with the same token and other parameters starts nothing, and returns nothing', async () => {
    await starter.start(wanted());
    expect(await starter.start(wanted({ volumeSize: 2 }))).toBeUndefined();
    expect(world.snapshotIds).toHaveLength(1);
  });

  test('says that the account encrypts, although nobody asked for it', async () => {
    expect(await starter.start(wanted())).toMatchObject({ encrypted: false });
    world.ec2.encryptionByDefault = true;
    expect(await starter.start(wanted({ token: requestDigest(request, 'again') }))).toMatchObject({ encrypted: true });
  });

  test('that may not use the default key of the account names that key and the prop', async () => {
    const { arn } = world.kms.createKey();
    world.ec2.defaultKmsKeyId = arn;
    world.denied.push('kms:CreateGrant');
    await expect(starter.start(wanted({ encrypted: true })))
      .rejects.toThrow(new RegExp(`DEPENDENCY_ACCESS_DENIED.*; the account's default key for EBS is ${arn}: give it as 'kmsKey'$`));
    world.ec2.encryptionByDefault = true;
    await expect(starter.start(wanted())).rejects.toThrow(`the account's default key for EBS is ${arn}: give it as 'kmsKey'`);
    await expect(starter.start(wanted({ kmsKeyArn: arn, encrypted: true }))).rejects.toThrow("give it as 'kmsKey', and check its key policy");
  });

  test('that may not use the key of the parent names that key and the prop', async () => {
    const { arn } = world.kms.createKey();
    const parentId = await world.givenSnapshot({}, { KmsKeyArn: arn });
    world.denied.push('kms:CreateGrant');
    await expect(starter.start(wanted({ parentId }))).rejects.toThrow(`parent ${parentId} is encrypted with ${arn}: give that key as 'kmsKey'`);
  });

  test('refuses a key of another Region before it asks for it', async () => {
    const { arn } = world.kms.createKey({ region: 'eu-central-1' });
    await expect(starter.keyArn(arn)).rejects.toThrow(`'kmsKey' must be a key of eu-west-1, got ${arn}, which is in eu-central-1`);
    expect(world.server.count('kms:DescribeKey')).toBe(0);
  });

  test('whose parent EBS refuses throws an error that allows a start without it', async () => {
    world.server.faults.inject('ebs:StartSnapshot', {
      kind: 'error', code: 'ValidationException', status: 400, message: 'no such parent', members: { Reason: 'INVALID_SNAPSHOT_ID' },
    });
    await expect(starter.start(wanted({ parentId: 'snap-0123456789abcdef0' }))).rejects.toThrow(ParentRefused);
    expect(world.server.count('ebs:StartSnapshot')).toBe(1);
    expect(world.snapshotIds).toEqual([]);
  });
});
