import type * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { functionSettings } from './settings';
import { keyTarget, onlyVia } from '../resource/key-access';

/** Uses of a key that go with calls of S3, which S3 makes in the name of the caller. */
const USES: Record<string, string> = { 's3:GetObject': 'kms:Decrypt', 's3:PutObject': 'kms:GenerateDataKey' };

/** Returns what a role needs of the key of `StorageFunctions`, if there is one, for these actions on objects of a bucket of ours. */
export function keyStatements(scope: Construct, s3Actions: readonly string[]): iam.PolicyStatementProps[] {
  const { encryptionKey } = functionSettings(scope);
  const actions = s3Actions.flatMap(action => USES[action] ?? []);
  return encryptionKey && actions.length > 0 ? [{ ...onlyVia('s3', keyTarget(scope, encryptionKey)), actions }] : [];
}

/** The uses of a key by what starts, runs or reads executions that it encrypts. */
const EXECUTION_USES = ['kms:Decrypt', 'kms:GenerateDataKey'];

/** Returns what a role needs of the key of `StorageFunctions`, if there is one, for executions of the state machines that answer. */
export function executionKeyStatements(scope: Construct): iam.PolicyStatementProps[] {
  const { encryptionKey } = functionSettings(scope);
  return encryptionKey ? [{ ...keyTarget(scope, encryptionKey), actions: EXECUTION_USES }] : [];
}
