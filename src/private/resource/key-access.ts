import { Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import { Construct, type IConstruct } from 'constructs';
import type { MergedPolicies } from './merged-policies';

/** A service that uses keys in the name of its caller. No source says by which name the EBS direct APIs do. */
type KeyUser = 'elasticfilesystem' | 's3';

/** What EFS needs of a customer's key, in the name of the handlers. */
const FILE_SYSTEM_KEY_ACTIONS = ['kms:GenerateDataKeyWithoutPlaintext', 'kms:Decrypt', 'kms:CreateGrant'];

export interface KeyAccessProps {
  readonly key: kms.IKeyRef;
  /** Beside `kms:CreateGrant`, which is always limited to grants for AWS services. */
  readonly actions: string[];
  /** Whether `kms:CreateGrant` is among them. @default true */
  readonly grants?: boolean;
  /** The policies of the roles that use the key. */
  readonly policies: MergedPolicies;
}

/** Grants what a construct's handlers do with the key that the user chose. The custom resource must depend on all that is returned. */
export function grantKey(scope: Construct, id: string, { key, actions, grants = true, policies }: KeyAccessProps): IConstruct[] {
  const target = keyTarget(scope, key);
  return withAlias(key, policies.grantFor(scope, id, [
    { ...target, actions },
    ...grants ? [{ ...target, actions: ['kms:CreateGrant'], conditions: { ...target.conditions, Bool: { 'kms:GrantIsForAWSResource': 'true' } } }] : [],
  ]));
}

/** Grants what EFS and its handlers do with the key of a file system. */
export function grantFileSystemKey(scope: Construct, id: string, key: kms.IKeyRef, policies: MergedPolicies): IConstruct[] {
  const target = keyTarget(scope, key);
  const via = onlyVia('elasticfilesystem', target);
  return withAlias(key, policies.grantFor(scope, id, [
    // The handlers look at the state of the key themselves.
    { ...target, actions: ['kms:DescribeKey'] },
    // Only CreateGrant has this condition key.
    { ...via, actions: FILE_SYSTEM_KEY_ACTIONS, conditions: { ...via.conditions, BoolIfExists: { 'kms:GrantIsForAWSResource': 'true' } } },
  ]));
}

/** Limits the use of a key to calls that come through a service. A key lies in one Region, so the name of the Region limits nothing more. */
export function onlyVia(service: KeyUser, { resources, conditions }: KeyTarget): KeyTarget {
  return { resources, conditions: { ...conditions, StringLike: { 'kms:ViaService': `${service}.*.amazonaws.com*` } } };
}

/** An alias is sent by a name that does not refer to the resource that makes it. */
function withAlias(key: kms.IKeyRef, access: IConstruct): IConstruct[] {
  return isAlias(key) && Construct.isConstruct(key) ? [access, key as IConstruct] : [access];
}

export interface KeyTarget {
  readonly resources: string[];
  readonly conditions?: iam.Conditions;
}

/** IAM knows keys only, no aliases: the key behind the alias, or all keys that have it. */
export function keyTarget(scope: Construct, key: kms.IKeyRef): KeyTarget {
  if (!isAlias(key)) { return { resources: [key.keyRef.keyArn] }; }
  try {
    return keyTarget(scope, key.aliasTargetKey);
  } catch {
    // Imported by its name, so its key is known to KMS alone.
    return {
      resources: [Stack.of(scope).formatArn({ service: 'kms', resource: 'key', resourceName: '*' })],
      conditions: { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': key.aliasName } },
    };
  }
}

export function isAlias(key: kms.IKeyRef): key is kms.IAlias {
  return 'aliasTargetKey' in key;
}

/** Whether a key is known to be one that AWS manages. */
export function isKeyOfAws(key: kms.IKeyRef): boolean {
  return isAlias(key) && key.aliasName.startsWith('alias/aws/');
}
