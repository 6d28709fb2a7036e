import type { Mutant } from './mutant';

export const TRANSFER_EXPORT_MUTANTS: readonly Mutant[] = [
];
