/** One guard of the code, how to break it, and the test that must then fail. */
export interface Mutant {
  /** The outcome that the guard protects, as a sentence: `a rollback does not delete a file system that CloudFormation retained`. */
  readonly guard: string;
  /** The source file. */
  readonly file: string;
  /** Text that occurs exactly once in it. */
  readonly find: string;
  /** The text in its place when the guard is broken. */
  readonly replace: string;
  /** The test file that must fail then. It runs no bundle, so that it needs seconds only. */
  readonly test: string;
  /** A part of the name of the test, if the whole file takes long. */
  readonly name?: string;
}
