import { EBSClient } from '@aws-sdk/client-ebs';
import { KMSClient } from '@aws-sdk/client-kms';
import { requestDigest } from '../../../../lambda/ebs/idempotency';
import { ParentRefused, SnapshotStarter, type NewSnapshot } from '../../../../lambda/ebs/snapshot-starter';
import { clientConfig } from '../../../../lambda/shared/client-config';
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
    starter = new SnapshotStarter(new EBSClient(clientConfig()), new KMSClient(clientConfig()));
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

  test('whose parent EBS refuses throws an error that allows a start without it', async () => {
    world.server.faults.inject('ebs:StartSnapshot', {
      kind: 'error', code: 'ValidationException', status: 400, message: 'no such parent', members: { Reason: 'INVALID_SNAPSHOT_ID' },
    });
    await expect(starter.start(wanted({ parentId: 'snap-0123456789abcdef0' }))).rejects.toThrow(ParentRefused);
    expect(world.server.count('ebs:StartSnapshot')).toBe(1);
    expect(world.snapshotIds).toEqual([]);
  });
});
