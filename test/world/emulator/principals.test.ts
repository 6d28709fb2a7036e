import { ACCOUNT } from '../../../world/emulator/environment';
import { Principals } from '../../../world/emulator/principals';

const role = (name: string, account = ACCOUNT) => `arn:aws:iam::${account}:role/${name}`;

test('every principal is known without a directory, but for those that a test forgets', () => {
  const principals = new Principals();
  expect(principals.isKnown(role('any'))).toBe(true);
  principals.forget(role('any'));
  expect(principals.isKnown(role('any'))).toBe(false);
});

test('a directory decides about roles and users of the account, and about sessions by their role', () => {
  const principals = new Principals();
  principals.lookUpIn({ sees: arn => arn === role('made') });
  expect([role('made'), `arn:aws:sts::${ACCOUNT}:assumed-role/made/session`].map(arn => principals.isKnown(arn))).toEqual([true, true]);
  expect([role('other'), `arn:aws:sts::${ACCOUNT}:assumed-role/other/session`, `arn:aws:iam::${ACCOUNT}:user/other`].map(arn => principals.isKnown(arn)))
    .toEqual([false, false, false]);
  principals.remember(role('other'));
  expect(principals.isKnown(role('other'))).toBe(true);
});

test.each([
  '*', ACCOUNT, `arn:aws:iam::${ACCOUNT}:root`, 'elasticfilesystem.amazonaws.com', role('theirs', '444455556666'),
  role('aws-service-role/elasticfilesystem.amazonaws.com/AWSServiceRoleForAmazonElasticFileSystem'),
])('a directory is not asked about %s', principal => {
  const principals = new Principals();
  principals.lookUpIn({ sees: () => false });
  expect(principals.isKnown(principal)).toBe(true);
});
