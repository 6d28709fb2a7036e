import { EBS_MUTANTS } from './ebs';
import { EBS_EVIDENCE_MUTANTS } from './ebs-evidence';
import { EFS_MUTANTS } from './efs';
import type { Mutant } from './mutant';
import { SHARED_MUTANTS } from './shared';
import { SYNTHESIS_MUTANTS } from './synthesis';
import { TRANSFER_EXPORT_MUTANTS } from './transfer-export';
import { TRANSFER_FORMATS_MUTANTS } from './transfer-formats';
import { TRANSFER_IMPORT_MUTANTS } from './transfer-import';

export type { Mutant };

/** Every guard that `npx projen mutants` breaks. */
export const MUTANTS: readonly Mutant[] = [
  ...SHARED_MUTANTS, ...EFS_MUTANTS, ...EBS_MUTANTS, ...EBS_EVIDENCE_MUTANTS, ...TRANSFER_IMPORT_MUTANTS,
  ...TRANSFER_EXPORT_MUTANTS, ...TRANSFER_FORMATS_MUTANTS, ...SYNTHESIS_MUTANTS,
];
