import type * as efs from 'aws-cdk-lib/aws-efs';
import type { IConstruct } from 'constructs';
import { inRegion } from '../resource/rivals';

/** What a `FileSystem` may have itself, or as a construct of its own; by the name in the template. */
export type OwnSetting = 'FileSystemPolicy' | 'BackupPolicy' | 'LifecyclePolicies' | 'ReplicationConfiguration';

/** What constructs of this library want to know of a `FileSystem` of it. */
export interface FileSystemFacts {
  /** Of a One Zone file system. */
  readonly availabilityZone?: string;
  /** The id of the file system that it adopts, with its mount targets. */
  readonly adoptedId?: string;
  /**
   * Returns why it has a setting by itself, and what to change so that a construct can have it: the end of an error. undefined: it has
   * no such setting. Called when the template is written.
   */
  readonly causeOf?: (setting: OwnSetting) => string | undefined;
  /** Lets a construct be the policy: the file system then has none by default, whatever the feature flags say. */
  readonly leavePolicy?: () => void;
}

// A symbol of the whole process, for an app may load the library twice.
const FACTS = Symbol.for('cdk-durable-storage.FileSystem');

export function tellFacts(fileSystem: IConstruct, facts: FileSystemFacts): void {
  Object.defineProperty(fileSystem, FACTS, { value: facts });
}

/** Returns the parts of the name by which the app knows a file system, whichever construct stands for it. */
export function nameParts(scope: IConstruct, fileSystem: efs.IFileSystem): string[] {
  return inRegion(scope, factsOf(fileSystem)?.adoptedId ?? fileSystem.fileSystemId);
}

/** undefined: not one of ours. */
export function factsOf(fileSystem: efs.IFileSystem): FileSystemFacts | undefined {
  return (fileSystem as { [FACTS]?: FileSystemFacts })[FACTS];
}
