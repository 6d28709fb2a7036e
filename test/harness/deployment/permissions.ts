import { OWN_ROLE, type World } from './world';

/**
 * What the roles of this library were granted and never needed, in all
 * stacks of the world together. Grows with a needless grant, and shrinks when
 * a sequence that needs one is played.
 */
export function expectUnused(world: World, expected: Record<string, Record<string, string>>): void {
  const unused = Object.entries(world.cloudFormation.unusedActions())
    .filter(([role, actions]) => actions.length > 0 && OWN_ROLE.test(role))
    .map(([role, actions]) => [role.replace('cdkdurablestorage', '').replace(/[0-9A-F]{8}$/, ''), actions]);
  const wanted = Object.entries(expected).map(([role, reasons]) => [role, Object.keys(reasons).sort()]);
  expect(Object.fromEntries(unused)).toEqual(Object.fromEntries(wanted));
}

const MAX_RESPONSE = 4096;
const MAX_REASON = 1024;
/** The part of a ResponseURL that makes it a credential; the CDK's framework logs the rest. */
const SIGNATURE = 'X-Amz-Signature';

/** What CloudFormation heard is short enough for it, and the logs hold no credential. */
export function expectDiscreet(world: World): void {
  expect(world.responses.filter(response => Buffer.byteLength(response) >= MAX_RESPONSE)).toEqual([]);
  const reasons = world.responses.map(response => (JSON.parse(response) as { Status: string; Reason: string }))
    .filter(({ Status }) => Status === 'FAILED').map(({ Reason }) => Reason);
  expect(reasons.filter(reason => Buffer.byteLength(reason) >= MAX_REASON)).toEqual([]);
  expect(reasons.filter(reason => reason.includes(SIGNATURE))).toEqual([]);
  expect(world.logs.filter(({ line }) => line.includes(SIGNATURE)).slice(0, 10)).toEqual([]);
}
