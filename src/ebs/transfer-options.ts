import type { Size } from 'aws-cdk-lib';
import type * as lambda from 'aws-cdk-lib/aws-lambda';

/**
 * How the functions run that all imports of a stack share.
 */
export interface TransferOptions {
  /**
   * The memory of a function that copies, 512 to 10240 MiB. It needs less than 300;
   * but with the memory comes the processor, and, for accounts that asked for it, the network.
   *
   * @default - 1769 MiB, which is one processor
   */
  readonly workerMemory?: Size;

  /**
   * What the functions run on.
   *
   * @default lambda.Architecture.ARM_64
   */
  readonly architecture?: lambda.Architecture;
}
