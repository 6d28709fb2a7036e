import type { Mutant } from './mutant';

const RIVALS = 'src/private/resource/rivals.ts';
const TEST = 'test/unit/src/rivals.test.ts';

/** Guards of synthesis: against templates that would lose, change or give away what they should not. */
export const SYNTHESIS_MUTANTS: readonly Mutant[] = [
  {
    guard: 'two constructs of an app that want one thing are refused',
    file: RIVALS,
    find: 'return conflicts.slice(0, 1);',
    replace: 'return [];',
    test: TEST,
  },
  {
    guard: 'two stages that deploy one stack may want one thing',
    file: RIVALS,
    find: '&& !areAlternatives(scope, rival.scope)',
    replace: '',
    test: TEST,
  },
  {
    guard: 'stacks whose account or Region is not known may want what has one name',
    file: 'src/private/resource/token-forms.ts',
    find: "token.displayName.startsWith('AWS::')) { differs = true; }",
    replace: "token.displayName.startsWith('AWS::')) { differs = false; }",
    test: TEST,
  },
  {
    guard: 'two sets of mount targets may meet in a subnet that both have',
    file: 'src/private/efs/mount-target-rivals.ts',
    find: 'if (rival && !mayShare(',
    replace: 'if (rival && mayShare(',
    test: TEST,
  },
  {
    guard: 'a copy that a deleted stack would leave unfinished is not retained',
    file: 'src/private/ebs/background.ts',
    find: 'isRetained(resource) ?',
    replace: 'false ?',
    test: 'test/unit/src/ebs/import-options.test.ts',
  },
  {
    guard: 'the EBS handlers cannot mark a snapshot of another stack as their own',
    file: 'src/private/ebs/snapshot-access.ts',
    find: "conditions: { StringEquals: madeHere, Null: { [`aws:ResourceTag/${OWNERSHIP_TAGS.stackId}`]: 'true' } },",
    replace: 'conditions: { StringEquals: madeHere },',
    test: 'test/product/iam.test.ts',
  },
  {
    guard: 'no role can make a snapshot or AMI public',
    file: 'src/private/ebs/snapshot-access.ts',
    find: "{ StringNotEquals: { 'ec2:Add/group': 'all' } }",
    replace: '{}',
    test: 'test/product/iam.test.ts',
  },
  {
    guard: 'a TagSet cannot make a foreign file system its own',
    file: 'src/private/efs/tag-access.ts',
    find: "'ForAllValues:StringNotEqualsIgnoreCase'",
    replace: "'ForAllValues:StringNotEquals'",
    test: 'test/product/iam.test.ts',
  },
  {
    guard: 'an export reaches objects under its own prefix only',
    file: 'src/private/ebs/export-access.ts',
    find: "'snap-*' : '*'",
    replace: "'*' : '*'",
    test: 'test/product/iam.test.ts',
  },
  {
    guard: "a user's key is used through the service alone that needs it",
    file: 'src/private/resource/key-access.ts',
    find: "{ ...conditions, StringLike: { 'kms:ViaService': `${service}.*.amazonaws.com*` } }",
    replace: 'conditions',
    test: 'test/product/iam.test.ts',
  },
  {
    guard: 'images are read from, and exports written to, a bucket of the expected account only',
    file: 'lambda/transfer/bucket/object-request.ts',
    find: 'ExpectedBucketOwner: bucketOwner',
    replace: 'ExpectedBucketOwner: undefined',
    test: 'test/handlers/ebs/bucket-owner.test.ts',
  },
  {
    guard: 'the roles reach a bucket of the expected account only',
    file: 'src/private/ebs/bucket-owner.ts',
    find: "{ conditions: { StringEquals: { 'aws:ResourceAccount': bucketOwner } } }",
    replace: '{}',
    test: 'test/unit/src/ebs/bucket-owner.test.ts',
  },
];
