import { Resource, Stack, Token } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type { IConstruct } from 'constructs';
import { check } from '../resource/validation';

/** Checks `bucketOwner`: the id of an account, and that of the bucket if the app knows it. */
export function checkBucketOwner(scope: IConstruct, bucket: s3.IBucket, bucketOwner: string | undefined): void {
  check(scope, 'bucketOwner', bucketOwner, 'the id of an account, of 12 digits', value => /^\d{12}$/.test(value));
  const account = accountOf(bucket);
  if (account !== undefined) { check(scope, 'bucketOwner', bucketOwner, `${account}, the account of ${bucket.node.path}`, value => value === account); }
}

/** Returns the account of a bucket that is known to belong to another account than the stack. */
export function foreignOwner(scope: IConstruct, bucket: s3.IBucket, bucketOwner: string | undefined): string | undefined {
  const { account } = Stack.of(scope);
  const owner = bucketOwner ?? accountOf(bucket);
  return owner === undefined || Token.isUnresolved(owner) || Token.isUnresolved(account) || owner === account ? undefined : owner;
}

/** Returns the account of a bucket if the app knows it. */
function accountOf(bucket: s3.IBucket): string | undefined {
  const { account } = bucket.env;
  // An imported bucket whose account nobody gave has that of its stack.
  return !Token.isUnresolved(account) && (Resource.isOwnedResource(bucket) || account !== Stack.of(bucket).account) ? account : undefined;
}

/** Limits statements about a bucket to the account that it must belong to. */
export function onlyOwnedBy(bucketOwner: string | undefined): Pick<iam.PolicyStatementProps, 'conditions'> {
  return bucketOwner === undefined ? {} : { conditions: { StringEquals: { 'aws:ResourceAccount': bucketOwner } } };
}
