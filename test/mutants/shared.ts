import type { Mutant } from './mutant';

export const SHARED_MUTANTS: readonly Mutant[] = [
];
