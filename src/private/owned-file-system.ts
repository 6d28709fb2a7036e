import { createHash } from 'crypto';
import { Token } from 'aws-cdk-lib';
import type * as efs from 'aws-cdk-lib/aws-efs';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct, IConstruct } from 'constructs';
import type { EfsProvider } from './efs-provider';
import { rootStackOf } from './owner';

/** What a `FileSystem` may have itself, or as a construct of its own; by the name in the template. */
export type OwnSetting = 'FileSystemPolicy' | 'BackupPolicy' | 'LifecyclePolicies' | 'ReplicationConfiguration';

/** What constructs of this library want to know of a `FileSystem` of it. */
export interface FileSystemFacts {
  /** Of a One Zone file system. */
  readonly availabilityZone?: string;
  /** It is named by its id, and brings its mount targets. */
  readonly adoptsById?: boolean;
  /** When the template is written. */
  readonly has?: (setting: OwnSetting) => boolean;
}

// A symbol of the whole process, for an app may load the library twice.
const FACTS = Symbol.for('cdk-durable-storage.FileSystem');

export function tellFacts(fileSystem: IConstruct, facts: FileSystemFacts): void {
  Object.defineProperty(fileSystem, FACTS, { value: facts });
}

/** undefined: not one of ours. */
export function factsOf(fileSystem: efs.IFileSystem): FileSystemFacts | undefined {
  return (fileSystem as { [FACTS]?: FileSystemFacts })[FACTS];
}

export interface FileSystemAccessProps {
  readonly provider: EfsProvider;
  readonly fileSystem: efs.IFileSystem;
  readonly statements: Omit<iam.PolicyStatementProps, 'resources'>[];
}

/**
 * Grants to the EFS handlers what a construct does to a file system that is
 * not made in the same root stack; such ones they may change in any case.
 * undefined: nothing to grant. Otherwise the custom resource must depend on it.
 *
 * Another file system has another policy: one that was changed in place would no
 * longer allow to clean up at the old file system, which CloudFormation asks for last.
 */
export function grantOnForeign(scope: Construct, { provider, fileSystem, statements }: FileSystemAccessProps): iam.Policy | undefined {
  if (factsOf(fileSystem) && rootStackOf(fileSystem) === rootStackOf(scope)) { return undefined; }
  return new iam.Policy(scope, `FileSystemAccess${digestOf(fileSystem)}`, {
    roles: [provider.role],
    statements: statements.map(statement => new iam.PolicyStatement({ ...statement, resources: [fileSystem.fileSystemArn] })),
  });
}

/** Of an id that is known at deployment only, nothing but the construct that stands for it is known. */
function digestOf({ fileSystemId, node }: efs.IFileSystem): string {
  const name = Token.isUnresolved(fileSystemId) ? node.addr : fileSystemId;
  return createHash('sha256').update(name).digest('hex').slice(0, 8);
}
