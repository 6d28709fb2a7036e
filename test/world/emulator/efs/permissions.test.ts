import {
  DeleteFileSystemCommand, DeleteMountTargetCommand, DescribeFileSystemsCommand, DescribeMountTargetSecurityGroupsCommand,
  DescribeMountTargetsCommand, ModifyMountTargetSecurityGroupsCommand, TagResourceCommand, UntagResourceCommand,
} from '@aws-sdk/client-efs';
import { KEY_ARN, as, createFileSystem, createMountTarget, describeFileSystem, emulated, fileSystem, group, mountTarget, refusal } from './testing';
import { ACCOUNT, REGION, arn } from '../../../../world/emulator/environment';
import type { Statement } from '../../../../world/emulator/iam';

describe('permissions', () => {
  const OWNER = { Key: 'owner', Value: 'stack' };
  const FILE_SYSTEMS = arn('elasticfilesystem', 'file-system/*');
  const create: Statement = {
    Effect: 'Allow', Action: 'elasticfilesystem:CreateFileSystem', Resource: '*', Condition: { StringEquals: { 'aws:RequestTag/owner': 'stack' } },
  };
  const tagOnCreate: Statement = {
    Effect: 'Allow',
    Action: 'elasticfilesystem:TagResource',
    Resource: FILE_SYSTEMS,
    Condition: { StringEquals: { 'elasticfilesystem:CreateAction': 'CreateFileSystem' } },
  };
  const own = (...actions: string[]): Statement => ({
    Effect: 'Allow',
    Action: actions.map(action => `elasticfilesystem:${action}`),
    Resource: FILE_SYSTEMS,
    Condition: { StringEquals: { 'aws:ResourceTag/owner': 'stack' } },
  });
  const allow = (...Action: string[]): Statement => ({ Effect: 'Allow', Action, Resource: '*' });
  const denied = (action: string) => expect.objectContaining({
    name: 'AccessDeniedException', status: 403, message: expect.stringContaining(`is not authorized to perform: ${action} on resource: `),
  });

  test('to create by request tag, and to tag only what one creates', async () => {
    const handler = as(create, tagOnCreate);
    expect(await refusal(createFileSystem({}, handler))).toEqual(denied('elasticfilesystem:CreateFileSystem'));
    expect(await refusal(createFileSystem({ Tags: [{ Key: 'owner', Value: 'other' }] }, handler))).toEqual(denied('elasticfilesystem:CreateFileSystem'));
    expect(await refusal(createFileSystem({ Tags: [OWNER] }, as(create)))).toEqual(denied('elasticfilesystem:TagResource'));
    expect(emulated.fileSystems).toEqual([]);
    const { FileSystemId } = await createFileSystem({ Tags: [OWNER] }, handler);
    expect(await refusal(handler.send(new TagResourceCommand({ ResourceId: FileSystemId, Tags: [OWNER] })))).toEqual(denied('elasticfilesystem:TagResource'));
  });

  test('without tags need no right to tag', async () => {
    await createFileSystem({}, as(allow('elasticfilesystem:CreateFileSystem')));
  });

  test('to see that a file system is encrypted before it is made', async () => {
    const encryptedOnly = as({ ...allow('elasticfilesystem:CreateFileSystem'), Condition: { Bool: { 'elasticfilesystem:Encrypted': 'true' } } });
    expect(await refusal(createFileSystem({}, encryptedOnly))).toEqual(denied('elasticfilesystem:CreateFileSystem'));
    await createFileSystem({ Encrypted: true }, encryptedOnly);
  });

  test('by resource tag reach what has the tag, and nothing else, not even what does not exist', async () => {
    const mine = await fileSystem({ CreationToken: 'mine', Tags: [OWNER] });
    const foreign = await fileSystem({ CreationToken: 'foreign', Tags: [{ Key: 'owner', Value: 'other' }] });
    const handler = as(own('DescribeFileSystems', 'UpdateFileSystem', 'DeleteFileSystem', 'UntagResource'));

    expect((await describeFileSystem(mine, handler)).FileSystemId).toEqual(mine);
    expect(await refusal(describeFileSystem(foreign, handler))).toEqual(denied('elasticfilesystem:DescribeFileSystems'));
    expect(await refusal(describeFileSystem('fs-01234567', handler))).toEqual(denied('elasticfilesystem:DescribeFileSystems'));
    expect(await refusal(handler.send(new DescribeFileSystemsCommand({ CreationToken: 'mine' })))).toEqual(denied('elasticfilesystem:DescribeFileSystems'));
    expect(await refusal(handler.send(new DeleteFileSystemCommand({ FileSystemId: foreign })))).toEqual(denied('elasticfilesystem:DeleteFileSystem'));
    await handler.send(new UntagResourceCommand({ ResourceId: mine, TagKeys: ['owner'] }));
    expect(await refusal(handler.send(new DeleteFileSystemCommand({ FileSystemId: mine })))).toEqual(denied('elasticfilesystem:DeleteFileSystem'));
    expect(emulated.fileSystems).toHaveLength(2);
  });

  test('to tag and untag can be limited to some keys', async () => {
    const id = await fileSystem();
    const handler = as({
      ...allow('elasticfilesystem:TagResource', 'elasticfilesystem:UntagResource'),
      Condition: { 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a', 'b'] } },
    });
    await handler.send(new TagResourceCommand({ ResourceId: id, Tags: [{ Key: 'a', Value: '' }] }));
    expect(await refusal(handler.send(new TagResourceCommand({ ResourceId: id, Tags: [{ Key: 'a', Value: '' }, { Key: 'c', Value: '' }] }))))
      .toEqual(denied('elasticfilesystem:TagResource'));
    expect(await refusal(handler.send(new UntagResourceCommand({ ResourceId: id, TagKeys: ['a', 'c'] })))).toEqual(denied('elasticfilesystem:UntagResource'));
    await handler.send(new UntagResourceCommand({ ResourceId: id, TagKeys: ['a'] }));
    expect(emulated.fileSystems[0].tags).toEqual({});
  });

  test('to make a mount target take EC2, and the service-linked role as long as it does not exist', async () => {
    const id = await fileSystem({ Tags: [OWNER] });
    const ec2 = ['ec2:DescribeSubnets', 'ec2:DescribeNetworkInterfaces', 'ec2:CreateNetworkInterface'];
    const role: Statement = {
      Effect: 'Allow',
      Action: 'iam:CreateServiceLinkedRole',
      Resource: `arn:aws:iam::${ACCOUNT}:role/aws-service-role/elasticfilesystem.amazonaws.com/AWSServiceRoleForAmazonElasticFileSystem`,
      Condition: { StringEquals: { 'iam:AWSServiceName': 'elasticfilesystem.amazonaws.com' } },
    };
    const targets = own('CreateMountTarget');

    for (const missing of ec2) {
      expect(await refusal(createMountTarget(id, '1a', {}, as(targets, role, allow(...ec2.filter(one => one !== missing)))))).toEqual(denied(missing));
    }
    expect(await refusal(createMountTarget(id, '1a', {}, as(role, allow(...ec2))))).toEqual(denied('elasticfilesystem:CreateMountTarget'));
    expect(await refusal(createMountTarget(id, '1a', {}, as(targets, allow(...ec2))))).toEqual(denied('iam:CreateServiceLinkedRole'));
    expect([emulated.serviceLinkedRoleExists, emulated.mountTargets.length]).toEqual([false, 0]);
    await createMountTarget(id, '1a', {}, as(targets, role, allow(...ec2)));
    expect(emulated.serviceLinkedRoleExists).toEqual(true);
    await createMountTarget(id, '1b', {}, as(targets, allow(...ec2)));
  });

  test('for a mount target are those for its file system, and for its interface', async () => {
    const MountTargetId = await mountTarget(await fileSystem({ Tags: [OWNER] }), '1a');
    const foreign = await mountTarget(await fileSystem({ CreationToken: 'foreign' }), '1a');
    const mine = own('DeleteMountTarget', 'DescribeMountTargetSecurityGroups', 'ModifyMountTargetSecurityGroups', 'DescribeMountTargets');
    const withEc2 = as(mine, allow('ec2:DescribeNetworkInterfaceAttribute', 'ec2:ModifyNetworkInterfaceAttribute', 'ec2:DeleteNetworkInterface'));
    const without = as(mine);
    const check = async (action: string, command: (id: string) => any) => {
      expect(await refusal(without.send(command(MountTargetId)))).toEqual(denied(action));
      expect((await refusal(withEc2.send(command(foreign)))).name).toEqual('AccessDeniedException');
      await withEc2.send(command(MountTargetId));
    };
    await check('ec2:DescribeNetworkInterfaceAttribute', id => new DescribeMountTargetSecurityGroupsCommand({ MountTargetId: id }));
    await check('ec2:ModifyNetworkInterfaceAttribute', id => new ModifyMountTargetSecurityGroupsCommand({ MountTargetId: id, SecurityGroups: [group('11')] }));
    await without.send(new DescribeMountTargetsCommand({ MountTargetId }));
    await check('ec2:DeleteNetworkInterface', id => new DeleteMountTargetCommand({ MountTargetId: id }));
    expect(emulated.mountTargets.map(({ lifeCycleState }) => lifeCycleState)).toEqual(['deleting', 'available']);
  });

  test('for a key are the caller\'s, through EFS, and for a grant to AWS only', async () => {
    const efs = allow('elasticfilesystem:CreateFileSystem');
    const key = (...actions: string[]): Statement => ({
      Effect: 'Allow',
      Action: actions.map(action => `kms:${action}`),
      Resource: KEY_ARN,
      Condition: { StringEquals: { 'kms:ViaService': `elasticfilesystem.${REGION}.amazonaws.com` } },
    });
    const grant: Statement = { Effect: 'Allow', Action: 'kms:CreateGrant', Resource: KEY_ARN, Condition: { Bool: { 'kms:GrantIsForAWSResource': 'true' } } };
    const use = ['DescribeKey', 'GenerateDataKeyWithoutPlaintext', 'Decrypt'];
    const encrypted = { Encrypted: true, KmsKeyId: 'alias/mine' };

    for (const missing of use) {
      expect(await refusal(createFileSystem(encrypted, as(efs, grant, key(...use.filter(one => one !== missing)))))).toEqual(denied(`kms:${missing}`));
    }
    expect(await refusal(createFileSystem(encrypted, as(efs, key(...use))))).toEqual(denied('kms:CreateGrant'));
    expect(emulated.fileSystems).toEqual([]);
    await createFileSystem(encrypted, as(efs, grant, key(...use)));
    await createFileSystem({ CreationToken: 'managed key', Encrypted: true }, as(efs));
  });
});
