import { candidate, situation, target } from './given';
import { planOf, swapIn } from '../../../../../lambda/efs/mount-targets/plan';

/** The plan by the ids of subnets. */
function planned(...[candidates, targets, recorded]: Parameters<typeof situation>) {
  const { kept, obsolete, missing, waiting } = planOf(situation(candidates, targets, recorded));
  return {
    kept: [...kept.values()].map(({ SubnetId }) => SubnetId),
    obsolete: obsolete.map(({ SubnetId }) => SubnetId),
    missing: missing.map(({ subnetId }) => subnetId),
    waiting,
  };
}

const [A1, A2, B1] = ['subnet-a1', 'subnet-a2', 'subnet-b1'];
const NOTHING = { kept: [], obsolete: [], missing: [], waiting: false };

test('makes one mount target per Availability Zone, in its first subnet', () => {
  expect(planned([candidate(A2), candidate(B1), candidate(A1)], [])).toEqual({ ...NOTHING, missing: [A2, B1] });
});

test('keeps a mount target in any of the subnets of its zone', () => {
  expect(planned([candidate(A2), candidate(A1)], [target(A1)], [A1])).toEqual({ ...NOTHING, kept: [A1] });
});

test('deletes a mount target of the set that is no longer wanted, and waits until it is gone', () => {
  expect(planned([candidate(A2)], [target(A1)], [A1])).toEqual({ ...NOTHING, obsolete: [A1], waiting: true });
  expect(planned([candidate(A2)], [target(A1, { LifeCycleState: 'deleting' })], [A1])).toEqual({ ...NOTHING, waiting: true });
});

test('never deletes a mount target that is not of the set', () => {
  expect(planned([candidate(B1)], [target(A1)])).toEqual({ ...NOTHING, missing: [B1] });
});

test('makes nothing in another VPC before the last mount target of the old one is gone', () => {
  const there = candidate(B1, { vpcId: 'vpc-2' });
  expect(planned([there], [target(A1)], [A1])).toEqual({ ...NOTHING, obsolete: [A1], waiting: true });
  expect(planned([there], [target(A1, { LifeCycleState: 'deleting' })], [A1])).toEqual({ ...NOTHING, waiting: true });
  expect(planned([there], [], [A1])).toEqual({ ...NOTHING, missing: [B1] });
});

test('replaces a mount target whose address or kind of addresses is to change', () => {
  expect(planned([candidate(A1, { ipAddress: '10.0.0.2' })], [target(A1)], [A1]).obsolete).toEqual([A1]);
  expect(planned([candidate(A1, { addressType: 'DUAL_STACK' })], [target(A1)], [A1]).obsolete).toEqual([A1]);
  expect(planned([candidate(A1, { ipAddress: '10.0.0.1' })], [target(A1)], [A1]).obsolete).toEqual([]);
});

describe('a swap', () => {
  test('is described with the subnets and addresses', () => {
    expect(swapIn(situation([candidate(A2)], [target(A1)], [A1]))).toBe(
      'mount target fsmt-subnet-a1 in eu-west-1a would be deleted and made anew, from subnet-a1 (10.0.0.1) to subnet-a2 (any IPv4 address)');
    expect(swapIn(situation([candidate(A1, { ipAddress: '10.0.0.2' })], [target(A1)], [A1]))).toContain('to subnet-a1 (10.0.0.2)');
    expect(swapIn(situation([candidate(B1, { vpcId: 'vpc-2' })], [target(A1)], [A1]))).toContain('from subnet-a1 of vpc-1 to subnet-b1 of vpc-2');
  });

  test('is not the removal of an Availability Zone', () => {
    expect(swapIn(situation([candidate(B1)], [target(A1)], [A1]))).toBeUndefined();
  });
});
