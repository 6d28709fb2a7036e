import { isSamePolicy } from '../../../../../lambda/efs/settings/file-system-policy';
import { hasArchiveTransition, isSameTransitions } from '../../../../../lambda/efs/settings/lifecycle-configuration';
import { isReplicationInForce } from '../../../../../lambda/efs/settings/replication';

test('policies are the same whatever the order of members, the type of scalars, and whether a list of one is a list', () => {
  const present = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["a"],"Condition":{"Bool":{"x":"true"}}}]}';
  expect(isSamePolicy(present, { Statement: { Action: 'a', Condition: { Bool: { x: true } }, Effect: 'Allow' }, Version: '2012-10-17' })).toBe(true);
  expect(isSamePolicy(present, { Statement: { Action: 'b', Condition: { Bool: { x: true } }, Effect: 'Allow' }, Version: '2012-10-17' })).toBe(false);
});

test('transitions are the same in whatever order', () => {
  const [ia, archive] = [{ TransitionToIA: 'AFTER_7_DAYS' }, { TransitionToArchive: 'AFTER_90_DAYS' }];
  expect(isSameTransitions([ia, archive], [archive, { ...ia, TransitionToArchive: undefined }])).toBe(true);
  expect(isSameTransitions([ia], [{ TransitionToIA: 'AFTER_14_DAYS' }])).toBe(false);
  expect([hasArchiveTransition([ia]), hasArchiveTransition([ia, archive]), hasArchiveTransition(undefined)]).toEqual([false, true, false]);
});

test('a replication in an error state fails the request that made it, and no other', () => {
  const replication = (Status: string) => ({ sourceId: 'fs-1', destination: { Status, FileSystemId: 'fs-2', Region: 'eu-central-1' } }) as any;
  jest.spyOn(console, 'log').mockImplementation(() => {});
  expect([isReplicationInForce(replication('ENABLED'), false), isReplicationInForce(replication('ENABLING'), false)]).toEqual([true, false]);
  expect(() => isReplicationInForce(replication('ERROR'), false)).toThrow('the replication of fs-1 to fs-2 is in state ERROR');
  expect(isReplicationInForce(replication('ERROR'), true)).toBe(true);
  (console.log as jest.Mock).mockRestore();
});
