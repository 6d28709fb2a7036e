import { isSamePolicy, rolesAndUsersIn } from '../../../../../lambda/efs/settings/policy-meaning';

const fileSystemArn = 'arn:aws:elasticfilesystem:eu-west-1:111122223333:file-system/fs-01234567';
const ROLE = 'arn:aws:iam::111122223333:role/app/Reader';
const DELETED = 'AROAABCDEFGHIJKLMNOPQ';

const statement = (changes: object = {}) => ({
  Sid: 'a',
  Effect: 'Allow',
  Principal: { AWS: [ROLE, '444455556666'] },
  Action: ['elasticfilesystem:ClientMount', 'elasticfilesystem:ClientWrite'],
  Condition: { Bool: { 'aws:SecureTransport': true }, StringEquals: { 'aws:PrincipalTag/team': ['x', 'y'] } },
  ...changes,
});
const policy = (...statements: object[]) => ({ Version: '2012-10-17', Statement: statements });
const WANTED = policy(statement());
const isSame = (present: unknown, wanted: unknown = WANTED) => isSamePolicy(JSON.stringify(present), wanted, { fileSystemArn });

test.each<[string, object, object?]>([
  ['the same text', WANTED],
  ['members in another order', { Statement: [Object.fromEntries(Object.entries(statement()).reverse())], Version: '2012-10-17' }],
  ['one statement that is no list', { ...WANTED, Statement: statement() }],
  ['a string for a list of one', policy(statement({ Action: 'elasticfilesystem:*' })), policy(statement({ Action: ['elasticfilesystem:*'] }))],
  ['actions in another order and case', policy(statement({ Action: ['elasticfilesystem:clientwrite', 'elasticfilesystem:ClientMount'] }))],
  ['principals in another order', policy(statement({ Principal: { AWS: ['444455556666', ROLE] } }))],
  ['an account as the ARN of its root', policy(statement({ Principal: { AWS: [ROLE, 'arn:aws:iam::444455556666:root'] } }))],
  ['everybody as {"AWS":"*"}', policy(statement({ Principal: { AWS: ['*'] } })), policy(statement({ Principal: '*' }))],
  ['scalars of conditions as strings, in lists, in another order', policy(statement({
    Condition: { StringEquals: { 'aws:PrincipalTag/team': ['y', 'x'] }, Bool: { 'AWS:SecureTransport': ['true'] } },
  }))],
  ['the file system as the resource', policy(statement({ Resource: fileSystemArn }))],
  ['the file system for any resource', policy(statement({ Resource: [fileSystemArn] })), policy(statement({ Resource: '*' }))],
  ['statements in another order', policy(statement({ Sid: 'b' }), statement()), policy(statement(), statement({ Sid: 'b' }))],
  ['the version that an absent one means', { Version: '2008-10-17', Statement: statement() }, { Statement: statement() }],
])('is the same policy with %s', (_what, present, wanted = WANTED) => {
  expect(isSame(present, wanted)).toBe(true);
});

test.each<[string, object, object?]>([
  ['another effect', policy(statement({ Effect: 'Deny' }))],
  ['another principal', policy(statement({ Principal: { AWS: [`${ROLE}2`, '444455556666'] } }))],
  ['fewer principals', policy(statement({ Principal: { AWS: ROLE } }))],
  ['the id of a deleted role', policy(statement({ Principal: { AWS: [DELETED, '444455556666'] } }))],
  ['principals that are meant to be left out', policy(statement({ Principal: undefined, NotPrincipal: statement().Principal }))],
  ['actions that are meant to be left out', policy(statement({ Action: undefined, NotAction: statement().Action }))],
  ['one action less', policy(statement({ Action: 'elasticfilesystem:ClientMount' }))],
  ['another value of a condition', policy(statement({ Condition: { ...statement().Condition, Bool: { 'aws:SecureTransport': 'false' } } }))],
  ['a value of a condition in another case', policy(statement({ Condition: { StringEquals: { x: 'A' } } })), policy(statement({ Condition: { StringEquals: { x: 'a' } } }))],
  ['no condition', policy(statement({ Condition: undefined }))],
  ['another file system as the resource', policy(statement({ Resource: `${fileSystemArn}8` }))],
  ['one more statement', policy(statement(), statement({ Effect: 'Deny' }))],
  ['another version', { ...WANTED, Version: '2008-10-17' }],
])('is another policy with %s', (_what, present, wanted = WANTED) => {
  expect(isSame(present, wanted)).toBe(false);
});

test('can be compared as if deleted roles still had their names', () => {
  const present = policy(statement({ Principal: { AWS: [DELETED, '444455556666'] } }));
  expect(isSamePolicy(present, WANTED, { fileSystemArn, ignoresDeletions: true })).toBe(true);
  expect(isSamePolicy(policy(statement({ Principal: { AWS: [DELETED, '777788889999'] } })), WANTED, { fileSystemArn, ignoresDeletions: true })).toBe(false);
  // Nothing was deleted, so another role is another principal.
  expect(isSamePolicy(policy(statement({ Principal: { AWS: [`${ROLE}2`, '444455556666'] } })), WANTED, { fileSystemArn, ignoresDeletions: true })).toBe(false);
});

test('names the roles and users in a policy, each once', () => {
  const user = 'arn:aws:iam::444455556666:user/me';
  expect(rolesAndUsersIn(policy(statement(), statement({ Principal: undefined, NotPrincipal: { AWS: user } }), statement({ Principal: '*' }))))
    .toEqual([ROLE, user]);
});
