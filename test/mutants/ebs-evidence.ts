import type { Mutant } from './mutant';

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
];
