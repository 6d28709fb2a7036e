import type { Mutant } from './mutant';

export const EBS_MUTANTS: readonly Mutant[] = [
];
