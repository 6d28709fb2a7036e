import type { Mutant } from './mutant';

const FORGED_TEST = 'test/handlers/ebs/forged-executions.test.ts';
const LEFTOVERS_TEST = 'test/unit/lambda/transfer/export/leftovers.test.ts';
const FOREIGN_TEST = 'test/handlers/ebs/foreign-things.test.ts';

/** Guards against things that carry the tags of a stack and are not its own. */
export const EBS_EVIDENCE_MUTANTS: readonly Mutant[] = [
  {
    guard: 'an update does not share or change a snapshot of another stack',
    file: 'lambda/ebs/snapshot-import.ts',
    find: 'if (snapshot && !isOfStack(context.stackId, snapshot)) { return this.leaveForeign(',
    replace: 'if (snapshot && false) { return this.leaveForeign(',
    test: FOREIGN_TEST,
    name: 'snapshot',
  },
  {
    guard: 'an update does not share or change an AMI of another stack',
    file: 'lambda/ebs/machine-image.ts',
    find: 'if (!isOfStack(context.stackId, image)) { return this.leaveForeign(',
    replace: 'if (false) { return this.leaveForeign(',
    test: FOREIGN_TEST,
    name: 'AMI',
  },
  {
    guard: 'no event sets a tag of this library',
    file: 'lambda/shared/event-handlers.ts',
    find: "if (RequestType !== 'Delete') { refuseReservedTags(",
    replace: "if (RequestType === 'Delete') { refuseReservedTags(",
    test: FOREIGN_TEST,
    name: 'tags with keys of this library',
  },
  {
    guard: 'no event removes a tag of this library',
    file: 'lambda/shared/ownership.ts',
    find: '!isReserved(old) && ',
    replace: '',
    test: FOREIGN_TEST,
    name: 'are not removed',
  },
  {
    guard: 'a step for another stack does nothing',
    file: 'lambda/shared/answering/handler.ts',
    find: 'if (state.event.StackId !== place.stackId) {',
    replace: 'if (false) {',
    test: 'test/unit/lambda/shared/answering/handler.test.ts',
    name: 'a step for another stack',
  },
  {
    guard: 'a transfer that somebody else starts with another id in its input does nothing',
    file: 'lambda/transfer/import/steps.ts',
    find: '    refuseOtherExecution(input.plan.snapshotId, input.execution);\n',
    replace: '',
    test: FORGED_TEST,
    name: 'for a snapshot that is being copied',
  },
  {
    guard: 'the end of an execution removes no snapshot but the one that it is named after',
    file: 'lambda/transfer/import/clean-up.ts',
    find: 'if (!isNamedAfter(snapshotId, input.detail.name)) {',
    replace: 'if (false) {',
    test: FORGED_TEST,
    name: 'for a snapshot that is being copied',
  },
  {
    guard: 'the end of an execution removes no snapshot that is complete and in use',
    file: 'lambda/transfer/import/leftovers.ts',
    find: "return state === 'completed' && stateOf(tags) !== 'creating' && await",
    replace: "return false && state === 'completed' && stateOf(tags) !== 'creating' && await",
    test: FORGED_TEST,
    name: 'by its name once that is free again',
  },
  {
    guard: 'a snapshot that was sealed is not planned again',
    file: 'lambda/transfer/import/plan.ts',
    find: 'if (await store.manifest(snapshotId)) {',
    replace: 'if (false) {',
    test: 'test/handlers/transfer/plan.test.ts',
  },
  {
    guard: 'the end of an execution removes no export but the one that it is named after',
    file: 'lambda/transfer/export/clean-up.ts',
    find: 'if (!isNamedAfter(exportId, name)) {',
    replace: 'if (false) {',
    test: LEFTOVERS_TEST,
    name: 'with another name',
  },
  {
    guard: 'the end of an execution removes no export that is complete and in use',
    file: 'lambda/transfer/export/clean-up.ts',
    find: 'if (handedOut && ',
    replace: 'if (false && ',
    test: LEFTOVERS_TEST,
    name: 'was handed out',
  },
];
