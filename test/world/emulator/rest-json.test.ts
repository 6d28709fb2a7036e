import { Principal } from '../../../world/emulator/iam';
import { RestJsonModel } from '../../../world/emulator/rest-json';
import { ServiceError, type Call } from '../../../world/emulator/service';

const efs = RestJsonModel.load('efs-2015-02-01');
const ebs = RestJsonModel.load('ebs-2019-11-02');

function call(method: string, url: string, body: unknown = '', headers: Record<string, string> = {}): Call {
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const caller = Principal.ADMIN;
  return { method, path: pathname, query: searchParams, headers, body: bytes, caller, authorize: () => {}, allows: () => true, work: async () => {} };
}

function refusal(act: () => unknown): ServiceError {
  try {
    act();
  } catch (error) {
    if (error instanceof ServiceError) { return error; }
    throw error;
  }
  throw new Error('it was not refused');
}

const createFileSystem = (body: unknown) => efs.input(call('POST', '/2015-02-01/file-systems', body));
const createMountTarget = (body: unknown) => efs.input(call('POST', '/2015-02-01/mount-targets', body));

describe('operation', () => {
  test('is found by method and path', () => {
    expect(efs.operation(call('POST', '/2015-02-01/file-systems'))).toEqual('CreateFileSystem');
    expect(efs.operation(call('GET', '/2015-02-01/file-systems?FileSystemId=fs-01234567'))).toEqual('DescribeFileSystems');
    expect(efs.operation(call('DELETE', '/2015-02-01/file-systems/fs-01234567'))).toEqual('DeleteFileSystem');
    expect(efs.operation(call('PUT', '/2015-02-01/file-systems/fs-01234567/policy'))).toEqual('PutFileSystemPolicy');
    expect(efs.operation(call('GET', '/2015-02-01/file-systems/replication-configurations'))).toEqual('DescribeReplicationConfigurations');
    expect(ebs.operation(call('POST', '/snapshots'))).toEqual('StartSnapshot');
    expect(ebs.operation(call('POST', '/snapshots/completion/snap-1'))).toEqual('CompleteSnapshot');
    expect(ebs.operation(call('PUT', '/snapshots/snap-1/blocks/7'))).toEqual('PutSnapshotBlock');
  });

  test('is empty if the model has none', () => {
    expect(efs.operation(call('PATCH', '/2015-02-01/file-systems'))).toEqual('');
    expect(efs.operation(call('GET', '/2015x02-01/file-systems'))).toEqual('');
    expect(ebs.operation(call('PUT', '/snapshots/a/b/blocks/7'))).toEqual('');
  });
});

describe('input', () => {
  test('comes from path, query, headers and body', () => {
    const arn = 'arn:aws:elasticfilesystem:eu-west-1:111122223333:file-system/fs-01234567';
    expect(efs.input(call('DELETE', `/2015-02-01/resource-tags/${encodeURIComponent(arn)}?tagKeys=a%20b&tagKeys=c%2Bd`)))
      .toEqual({ ResourceId: arn, TagKeys: ['a b', 'c+d'] });
    expect(efs.input(call('GET', '/2015-02-01/mount-targets?MaxItems=7&FileSystemId=fs-01234567'))).toEqual({ MaxItems: 7, FileSystemId: 'fs-01234567' });
    expect(efs.input(call('PUT', '/2015-02-01/file-systems/fs-01234567', { ThroughputMode: 'provisioned', ProvisionedThroughputInMibps: 1.5 })))
      .toEqual({ FileSystemId: 'fs-01234567', ThroughputMode: 'provisioned', ProvisionedThroughputInMibps: 1.5 });

    const data = Buffer.from([0, 255, 1]);
    expect(ebs.input(call('PUT', '/snapshots/snap-0a/blocks/3', data, {
      'x-amz-data-length': '524288', 'x-amz-checksum': 'ab+/=', 'x-amz-checksum-algorithm': 'SHA256',
    }))).toEqual({ SnapshotId: 'snap-0a', BlockIndex: 3, BlockData: data, DataLength: 524288, Checksum: 'ab+/=', ChecksumAlgorithm: 'SHA256' });
  });

  test('has no member that the model lacks, and takes null as absent', () => {
    expect(createFileSystem({ CreationToken: 'token', Colour: 'green', KmsKeyId: null, Tags: [{ Key: 'a', Value: 'b', Note: 1 }] }))
      .toEqual({ CreationToken: 'token', Tags: [{ Key: 'a', Value: 'b' }] });
  });

  test('is not completed: a missing idempotency token is refused where it is required', () => {
    expect(refusal(() => createFileSystem({}))).toMatchObject({
      code: 'BadRequest',
      status: 400,
      message: "1 validation error detected: Value null at 'creationToken' failed to satisfy constraint: Member must not be null",
    });
    expect(ebs.input(call('POST', '/snapshots', { VolumeSize: 1 }))).toEqual({ VolumeSize: 1 });
  });

  test.each([
    ['a length', { CreationToken: 'x'.repeat(65) }, "at 'creationToken' failed to satisfy constraint: Member must have length less than or equal to 64"],
    ['an enum', { CreationToken: 't', ThroughputMode: 'fast' }, 'Member must satisfy enum value set: [bursting, provisioned, elastic]'],
    ['a range', { CreationToken: 't', ProvisionedThroughputInMibps: 0.5 }, "Value '0.5' at 'provisionedThroughputInMibps'"],
    ['a type', { CreationToken: 't', Encrypted: 'true' }, "Value 'true' at 'encrypted' failed to satisfy constraint: Member must be a boolean"],
    ['a type within', { CreationToken: 't', Tags: 'a' }, 'Member must be a list'],
    ['a pattern within', { CreationToken: 't', Tags: [{ Key: 'ok', Value: '' }, { Key: 'AWS:x', Value: 'v' }] }, "Value 'AWS:x' at 'tags.2.member.key'"],
    ['a required member within', { CreationToken: 't', Tags: [{ Key: 'a' }] }, "Value null at 'tags.1.member.value'"],
    ['a null in a list', { CreationToken: 't', Tags: [null] }, "Value null at 'tags.1.member'"],
  ])('that breaks %s is refused', (_what, body, message) => {
    const error = refusal(() => createFileSystem(body));
    expect(error.code).toEqual('BadRequest');
    expect(error.message).toContain(message);
  });

  test('is matched against the whole of a pattern, anchored or not', () => {
    const body = { FileSystemId: 'fs-01234567', SubnetId: 'subnet-01234567' };
    expect(createMountTarget({ ...body, SecurityGroups: ['sg-01234567'] })).toMatchObject({ SecurityGroups: ['sg-01234567'] });
    expect(refusal(() => createMountTarget({ ...body, SecurityGroups: ['sg-01234567xyz'] })).message).toContain('regular expression pattern');
  });

  test('with several faults names them all', () => {
    expect(refusal(() => createMountTarget({ SecurityGroups: Array(101).fill('sg-01234567') })).message)
      .toMatch(/^3 validation errors detected: .*fileSystemId.*; .*subnetId.*; .*securityGroups.*less than or equal to 100/);
  });

  test('in numbers of path, query and header is checked like that of a body', () => {
    expect(refusal(() => efs.input(call('GET', '/2015-02-01/file-systems?MaxItems=0'))).message).toContain('greater than or equal to 1');
    expect(refusal(() => efs.input(call('GET', '/2015-02-01/file-systems?MaxItems=many'))).message).toContain('Member must be an integer');
    expect(refusal(() => ebs.input(call('POST', '/snapshots/completion/snap-0a', '', { 'x-amz-changedblockscount': '-1' })))).toMatchObject({
      code: 'ValidationException', members: { Reason: 'INVALID_PARAMETER_VALUE' },
    });
    expect(refusal(() => ebs.input(call('GET', '/snapshots/snap-0a/blocks/2147483648?blockToken=ab'))).message).toContain('32 bits');
  });

  test('that is no JSON object is refused', () => {
    expect(refusal(() => createFileSystem('{')).code).toEqual('BadRequest');
    expect(refusal(() => createFileSystem('[]')).code).toEqual('BadRequest');
    expect(refusal(() => efs.input(call('DELETE', '/2015-02-01/file-systems/%E0%A4%A'))).code).toEqual('BadRequest');
  });
});

describe('answer', () => {
  test('has the status of the model, and JSON with timestamps in seconds', () => {
    const answer = ebs.answer('StartSnapshot', { SnapshotId: 'snap-0a', StartTime: new Date(1_500), Tags: [{ Key: 'a', Value: 'b' }], OwnerId: undefined });
    expect(answer.status).toEqual(201);
    expect(JSON.parse(String(answer.body))).toEqual({ SnapshotId: 'snap-0a', StartTime: 1.5, Tags: [{ Key: 'a', Value: 'b' }] });
    expect(ebs.answer('CompleteSnapshot', { Status: 'pending' }).status).toEqual(202);
    expect(efs.answer('TagResource')).toEqual({ status: 200, headers: {} });
    expect(efs.answer('DeleteFileSystem')).toEqual({ status: 204, headers: {} });
  });

  test('puts blobs and header members where the model binds them', () => {
    const data = Buffer.from([1, 2, 3]);
    expect(ebs.answer('GetSnapshotBlock', { BlockData: data, DataLength: 3, Checksum: 'abc=' })).toEqual({
      status: 200, headers: { 'content-type': 'application/octet-stream', 'x-amz-Data-Length': '3', 'x-amz-Checksum': 'abc=' }, body: data,
    });
  });

  test('with a member that the model lacks is a mistake of the emulator', () => {
    expect(() => ebs.answer('StartSnapshot', { SnapshotID: 'snap-0a' })).toThrow('the model has no StartSnapshot.SnapshotID');
    expect(() => ebs.answer('StartSnapshot', { Tags: [{ Name: 'a' }] })).toThrow('the model has no StartSnapshot.Tags[0].Name');
    expect(() => efs.answer('DescribeMountTargets', { MountTargets: [{}] })).toThrow('the model requires DescribeMountTargets.MountTargets[0].MountTargetId');
    expect(() => ebs.answer('StartSnapshot', { StartTime: 5 })).toThrow('is not a Date');
  });
});

describe('refuse', () => {
  test('has the name in the header, the status and the members of the model', () => {
    const answer = efs.refuse(new ServiceError('FileSystemAlreadyExists', 400, 'it exists', { FileSystemId: 'fs-01234567' }));
    expect(answer).toMatchObject({ status: 409, headers: { 'x-amzn-errortype': 'FileSystemAlreadyExists' } });
    expect(JSON.parse(String(answer.body))).toEqual({ ErrorCode: 'FileSystemAlreadyExists', Message: 'it exists', FileSystemId: 'fs-01234567' });

    const other = ebs.refuse(new ServiceError('ValidationException', 400, 'no', { Reason: 'INVALID_TAG' }));
    expect(JSON.parse(String(other.body))).toEqual({ Message: 'no', Reason: 'INVALID_TAG' });
  });

  test('takes the status of the error if the model has none', () => {
    const answer = efs.refuse(new ServiceError('AccessDeniedException', 403, 'not you'));
    expect(answer).toMatchObject({ status: 403, headers: { 'x-amzn-errortype': 'AccessDeniedException' } });
    expect(JSON.parse(String(answer.body))).toEqual({ Message: 'not you' });
  });

  test('cuts a message that is longer than the model allows', () => {
    const message = (model: RestJsonModel, code: string) =>
      JSON.parse(String(model.refuse(new ServiceError(code, 400, 'x'.repeat(300))).body)).Message as string;
    expect(message(ebs, 'ValidationException')).toHaveLength(256);
    expect(message(efs, 'BadRequest')).toHaveLength(300);
  });
});

test('patterns made for Java match as they do there', () => {
  const accessPoint = (path: string) => () =>
    efs.input(call('POST', '/2015-02-01/access-points', { ClientToken: 't', FileSystemId: 'fs-01234567', RootDirectory: { Path: path } }));
  expect(accessPoint('/a/b')()).toMatchObject({ RootDirectory: { Path: '/a/b' } });
  expect(refusal(accessPoint('/../b')).code).toEqual('BadRequest');
  expect(refusal(accessPoint('/a/b/c/d/e')).code).toEqual('BadRequest');

  const tagged = (value: string) => () => createFileSystem({ CreationToken: 't', Tags: [{ Key: 'größe', Value: value }] });
  expect(tagged('日本 +-@')()).toMatchObject({ Tags: [{ Key: 'größe' }] });
  expect(refusal(tagged('a,b')).code).toEqual('BadRequest');
});
