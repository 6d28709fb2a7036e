import { createHash } from 'crypto';
import { Names, Token } from 'aws-cdk-lib';
import type * as efs from 'aws-cdk-lib/aws-efs';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct, IConstruct } from 'constructs';
import type { EfsProvider } from './provider';
import { rootStackOf } from '../resource/owner';

const MOST_NAME_CHARACTERS = 128;
const MOST_ID_CHARACTERS = 45;

/** What a `FileSystem` may have itself, or as a construct of its own; by the name in the template. */
export type OwnSetting = 'FileSystemPolicy' | 'BackupPolicy' | 'LifecyclePolicies' | 'ReplicationConfiguration';

/** What constructs of this library want to know of a `FileSystem` of it. */
export interface FileSystemFacts {
  /** Of a One Zone file system. */
  readonly availabilityZone?: string;
  /** It is named by its id, and brings its mount targets. */
  readonly adoptsById?: boolean;
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

/** undefined: not one of ours. */
export function factsOf(fileSystem: efs.IFileSystem): FileSystemFacts | undefined {
  return (fileSystem as { [FACTS]?: FileSystemFacts })[FACTS];
}

export interface AccessProps {
  readonly provider: EfsProvider;
  readonly statements: Omit<iam.PolicyStatementProps, 'resources'>[];
}

/**
 * Grants to the EFS handlers what a construct does to a file system that is
 * not made in the same root stack; such ones they may change in any case.
 * undefined: nothing to grant. Otherwise the custom resource must depend on it.
 */
export function grantOnForeign(
  scope: Construct, { fileSystem, ...props }: AccessProps & { readonly fileSystem: efs.IFileSystem },
): IConstruct | undefined {
  if (factsOf(fileSystem) && rootStackOf(fileSystem) === rootStackOf(scope)) { return undefined; }
  return grantOn(scope, { id: fileSystem.fileSystemId, arn: fileSystem.fileSystemArn, ...props });
}

/**
 * Grants what a construct does to something of EFS, by a policy of its own.
 *
 * Another thing has another policy: one that was changed in place would no
 * longer allow to clean up at the old thing, which CloudFormation asks for last.
 * Where the id is known at deployment only, it is in the name of the policy, and another
 * name means another policy: `AWS::IAM::Policy` would be changed in place, so it is the other type.
 */
export function grantOn(
  scope: Construct, { provider: { role }, id, arn, statements }: AccessProps & { readonly id: string; readonly arn: string },
): IConstruct {
  const document = new iam.PolicyDocument({ statements: statements.map(statement => new iam.PolicyStatement({ ...statement, resources: [arn] })) });
  if (!Token.isUnresolved(id)) {
    const digest = createHash('sha256').update(id).digest('hex').slice(0, 8);
    return new iam.Policy(scope, `FileSystemAccess${digest}`, { roles: [role], document });
  }
  const prefix = Names.uniqueResourceName(scope, { maxLength: MOST_NAME_CHARACTERS - MOST_ID_CHARACTERS - 1, separator: '-' });
  return new iam.CfnRolePolicy(scope, 'FileSystemAccess', { roleName: role.roleName, policyName: `${prefix}-${id}`, policyDocument: document });
}
