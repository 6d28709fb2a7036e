import { candidate, other, situation, target } from './given';
import { targetsToTakeOver } from '../../../../../lambda/efs/mount-targets/takeover';
import { stateTag } from '../../../../../lambda/shared/state-tag';

const [A1, A2, B1] = ['subnet-a1', 'subnet-a2', 'subnet-b1'];
const ADOPTED = { Tags: [stateTag('adopted')] };
const taken = (...given: Parameters<typeof situation>) => targetsToTakeOver(situation(...given)).map(({ SubnetId }) => SubnetId);

test('takes over mount targets of an adopted file system that are as wanted', () => {
  expect(taken([candidate(A1), candidate(B1)], [target(A1), target(B1)], [], ADOPTED)).toEqual([A1, B1]);
});

test('takes over none of a file system that was not adopted', () => {
  expect(taken([candidate(A1)], [target(A1)])).toEqual([]);
});

test('takes over none in another subnet, with another address, or that is being deleted', () => {
  expect(taken([candidate(A2)], [target(A1)], [], ADOPTED)).toEqual([]);
  expect(taken([candidate(A1, { ipAddress: '10.0.0.9' })], [target(A1)], [], ADOPTED)).toEqual([]);
  expect(taken([candidate(A1)], [target(A1, { LifeCycleState: 'deleting' })], [], ADOPTED)).toEqual([]);
});

test('takes over none that another set has', () => {
  expect(taken([candidate(A1)], [target(A1)], [], ADOPTED, [other([A1])])).toEqual([]);
  expect(taken([candidate(A1)], [target(A1)], [], ADOPTED, [other([A1], { state: 'deleting' })])).toEqual([A1]);
});
