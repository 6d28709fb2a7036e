import {
  DeleteFileSystemCommand, DeleteFileSystemPolicyCommand, DescribeFileSystemPolicyCommand, DescribeFileSystemsCommand, PutFileSystemPolicyCommand,
  type EFSClient,
} from '@aws-sdk/client-efs';
import { as, client, emulated, fileSystem, principals, refusal, refused, restart } from './testing';
import { ACCOUNT, arn } from '../../../../world/emulator/environment';

const ROLE = `arn:aws:iam::${ACCOUNT}:role/app/Reader`;
const HANDLER = `arn:aws:iam::${ACCOUNT}:role/handler`;
const MOUNT = { Effect: 'Allow', Principal: { AWS: '*' }, Action: 'elasticfilesystem:ClientMount' };
const DENY = { Effect: 'Deny', Principal: '*', Action: 'elasticfilesystem:*' };
const EVERYTHING = { Effect: 'Allow' as const, Action: '*', Resource: '*' };

let id: string;
beforeEach(async () => { id = await fileSystem(); });

const put = (Statement: object, { by = client, bypass }: { by?: EFSClient; bypass?: boolean } = {}) => by.send(new PutFileSystemPolicyCommand({
  FileSystemId: id, Policy: JSON.stringify({ Version: '2012-10-17', Statement }), BypassPolicyLockoutSafetyCheck: bypass,
}));
const described = async () => JSON.parse((await client.send(new DescribeFileSystemPolicyCommand({ FileSystemId: id }))).Policy!);
const describe_ = (by: EFSClient) => by.send(new DescribeFileSystemsCommand({ FileSystemId: id }));
const invalid = (message: string) => expect.objectContaining({ name: 'InvalidPolicyException', status: 400, message: expect.stringContaining(message) });

describe('a policy is refused', () => {
  test('that names a role that EFS does not know yet, and taken once it does', async () => {
    principals.forget(ROLE);
    expect(await refusal(put({ ...MOUNT, Principal: { AWS: [ROLE, ACCOUNT] } }))).toEqual(invalid('Policy contains invalid Principal block'));
    expect(emulated.fileSystems[0].policy).toBeUndefined();
    principals.remember(ROLE);
    await put({ ...MOUNT, Principal: { AWS: [ROLE, ACCOUNT] } });
  });

  test('that names the id of a deleted role', async () => {
    expect(await refusal(put({ ...MOUNT, Principal: { AWS: 'AROAABCDEFGHIJKLMNOPQ' } }))).toEqual(invalid('invalid Principal'));
  });

  test('under which its caller could not put another one, unless the caller bypasses the check', async () => {
    const handler = as(EVERYTHING);
    const message = 'This policy would prevent future FileSystemPolicy updates';
    for (const lockout of [DENY, { ...DENY, Principal: { AWS: HANDLER } }, { ...DENY, Principal: undefined, NotPrincipal: { AWS: ROLE } }]) {
      expect(await refusal(put(lockout, { by: handler }))).toEqual(invalid(message));
    }
    for (const other of [{ ...DENY, Principal: { AWS: ROLE } }, { ...DENY, Principal: undefined, NotPrincipal: { AWS: HANDLER } },
      { ...DENY, Condition: { ArnNotEquals: { 'aws:PrincipalArn': HANDLER } } }, { ...DENY, Action: 'elasticfilesystem:Client*' }]) {
      await put(other, { by: handler, bypass: false });
      await handler.send(new DeleteFileSystemPolicyCommand({ FileSystemId: id }));
    }
    await put(DENY, { by: handler, bypass: true });
    expect(await refusal(put(MOUNT, { by: handler }))).toEqual(refused('AccessDeniedException', 403));
  });

  test('that takes away the right by which its caller put it', async () => {
    const handler = as();
    await put([MOUNT, { ...MOUNT, Principal: { AWS: HANDLER }, Action: 'elasticfilesystem:PutFileSystemPolicy' }]);
    expect(await refusal(put(MOUNT, { by: handler }))).toEqual(invalid('would prevent future'));
  });
});

describe('a policy in force', () => {
  test('denies calls of the API that identity policies allow', async () => {
    const handler = as(EVERYTHING);
    await put({ ...DENY, Principal: { AWS: HANDLER }, Action: ['elasticfilesystem:DeleteFileSystem', 'elasticfilesystem:DeleteFileSystemPolicy'] });
    const denied = expect.objectContaining({
      name: 'AccessDeniedException', status: 403, message: expect.stringContaining('with an explicit deny in a resource-based policy'),
    });
    expect(await refusal(handler.send(new DeleteFileSystemCommand({ FileSystemId: id })))).toEqual(denied);
    expect(await refusal(handler.send(new DeleteFileSystemPolicyCommand({ FileSystemId: id })))).toEqual(denied);
    await describe_(handler);
    await client.send(new DeleteFileSystemCommand({ FileSystemId: id }));
  });

  test('allows calls that identity policies do not mention, to whom it names', async () => {
    const handler = as();
    const allow = { ...MOUNT, Action: 'elasticfilesystem:DescribeFileSystems' };
    expect(await refusal(describe_(handler))).toEqual(refused('AccessDeniedException', 403));
    await put({ ...allow, Principal: { AWS: HANDLER } });
    await describe_(handler);
    expect(await refusal(describe_(as({ ...EVERYTHING, Effect: 'Deny' })))).toEqual(refused('AccessDeniedException', 403));
    // The account's root stands for the account, whose identity policies decide.
    await put({ ...allow, Principal: { AWS: ACCOUNT } });
    expect(await refusal(describe_(handler))).toEqual(refused('AccessDeniedException', 403));
  });

  test('means a role, not its name: another role of the same name is another principal', async () => {
    let generation = 1;
    principals.lookUpIn({ sees: () => generation > 0, generation: () => generation });
    await put({ ...MOUNT, Principal: { AWS: HANDLER }, Action: 'elasticfilesystem:DescribeFileSystems' });
    await describe_(as());
    expect(JSON.stringify(await described())).toContain(HANDLER);
    for (generation of [0, 2]) {
      expect(JSON.stringify(await described())).toMatch(/"AWS":\[?"AROA[0-9A-F]{17}"/);
      expect(await refusal(describe_(as()))).toEqual(refused('AccessDeniedException', 403));
    }
  });
});

describe('a policy is described', () => {
  const statement = { ...MOUNT, Principal: { AWS: [ACCOUNT] }, Condition: { Bool: { 'aws:SecureTransport': true } } };

  test('with the ARN of the root, the resource, and in a spelling that depends on the seed', async () => {
    const spellings = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) {
      await restart({ seed });
      id = await fileSystem();
      await put(statement);
      const { Policy: text } = await client.send(new DescribeFileSystemPolicyCommand({ FileSystemId: id }));
      const one = [JSON.parse(text!).Statement].flat()[0];
      expect([one.Principal.AWS].flat()).toEqual([`arn:aws:iam::${ACCOUNT}:root`]);
      expect([one.Resource].flat()).toEqual([arn('elasticfilesystem', `file-system/${id}`)]);
      expect([one.Condition.Bool['aws:SecureTransport']].flat()).toEqual(['true']);
      spellings.add(text!);
    }
    expect(spellings.size).toBeGreaterThan(10);
  });

  test('as it was put, if a test wants that', async () => {
    await restart({ policySpelling: 'as put' });
    id = await fileSystem();
    await put(statement);
    expect(await described()).toEqual({ Version: '2012-10-17', Statement: statement });
  });
});
