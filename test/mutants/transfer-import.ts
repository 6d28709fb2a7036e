import type { Mutant } from './mutant';

export const TRANSFER_IMPORT_MUTANTS: readonly Mutant[] = [
];
