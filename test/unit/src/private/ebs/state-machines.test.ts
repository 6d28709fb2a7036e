import { EXPORT_DEFINITION, IMPORT_DEFINITION } from '../../../../harness/ebs/state-machines';
import { synthesizedMachines } from '../../../../harness/ebs/synthesized-machines';

test.each([
  ['imports', IMPORT_DEFINITION],
  ['exports', EXPORT_DEFINITION],
] as const)('the tests of handlers run %s by the state machine that the constructs define', (which, definition) => {
  const { Comment, TimeoutSeconds, ...synthesized } = synthesizedMachines()[which];
  expect(definition).toEqual(synthesized);
});
