import { Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import { Construct, type IConstruct } from 'constructs';
import type { MergedPolicies } from './merged-policies';

/** What EFS needs of a customer's key; kms:CreateGrant comes with limits of its own. */
export const FILE_SYSTEM_KEY_ACTIONS = ['kms:DescribeKey', 'kms:GenerateDataKeyWithoutPlaintext', 'kms:Decrypt'];

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
  const access = policies.grantFor(scope, id, [
    { ...target, actions },
    ...grants ? [{ ...target, actions: ['kms:CreateGrant'], conditions: { ...target.conditions, Bool: { 'kms:GrantIsForAWSResource': 'true' } } }] : [],
  ]);
  // An alias is sent by a name that does not refer to the resource that makes it.
  return isAlias(key) && Construct.isConstruct(key) ? [access, key as IConstruct] : [access];
}

/** IAM knows keys only, no aliases: the key behind the alias, or all keys that have it. */
export function keyTarget(scope: Construct, key: kms.IKeyRef): { resources: string[]; conditions?: iam.Conditions } {
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
