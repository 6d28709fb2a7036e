import { hasArchiveTransition, isSameTransitions } from '../../../../../lambda/efs/settings/lifecycle-configuration';
import { isReplicationInForce } from '../../../../../lambda/efs/settings/replication';

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
