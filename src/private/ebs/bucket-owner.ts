import { Resource, Stack, Token } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type { IConstruct } from 'constructs';
import { check } from '../resource/validation';

/** Checks `bucketOwner`: the id of an account, and that of the bucket if the app knows it. */
export function checkBucketOwner(scope: IConstruct, bucket: s3.IBucket, bucketOwner: string | undefined): void {
  check(scope, 'bucketOwner', bucketOwner, 'the id of an account, of 12 digits', value => /^\d{12}$/.test(value));
  const { account } = bucket.env;
  // An imported bucket whose account nobody gave has that of its stack.
  const isKnown = !Token.isUnresolved(account) && (Resource.isOwnedResource(bucket) || account !== Stack.of(bucket).account);
  if (isKnown) { check(scope, 'bucketOwner', bucketOwner, `${account}, the account of ${bucket.node.path}`, value => value === account); }
}

/** Limits statements about a bucket to the account that it must belong to. */
export function onlyOwnedBy(bucketOwner: string | undefined): Pick<iam.PolicyStatementProps, 'conditions'> {
  return bucketOwner === undefined ? {} : { conditions: { StringEquals: { 'aws:ResourceAccount': bucketOwner } } };
}
