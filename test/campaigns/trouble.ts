import * as fc from 'fast-check';
import type { Statuses, Trouble } from '../harness/handled-stacks';

/** The first of the choices is the one to which a failure is reduced. */
export const seldom = fc.constantFrom(false, false, false, true);

/** Random trouble in a deployment. @param ids the logical ids that a template may have */
export function trouble(ids: readonly string[]): fc.Arbitrary<Trouble> {
  return fc.record({
    failAfter: seldom,
    cancel: fc.option(fc.record({ id: fc.constantFrom(...ids), polls: fc.nat(4) }), { nil: undefined, freq: 5 }),
    duplicates: seldom,
    rollbackWith: fc.constantFrom('old' as const, 'new' as const),
    statuses: fc.constantFrom<Statuses>('present', 'present', 'present', 'late', 'denied'),
  // A handler that may not ask when the operation began leaves a creation that CloudFormation has given up.
  }).map(({ cancel, ...rest }) => ({ ...rest, ...rest.statuses !== 'denied' && { cancel } }));
}
