import type { Mutant } from './mutant';

export const EFS_MUTANTS: readonly Mutant[] = [
];
