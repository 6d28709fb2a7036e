import { AspectPriority, Aspects, CfnResource, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { keyStatements } from '../functions/encryption';
import { applyBoundary, functionSettings } from '../functions/settings';
import { acknowledge } from '../resource/acknowledge';

/** Where in the bucket everything lies. */
export const TRANSFER_PREFIX = 'transfers/';
/** Where executions that wait for transfers and exports leave their tokens. */
export const TOKENS = `${TRANSFER_PREFIX}*/token`;
/** Where it is recorded which snapshots and exports the stack has made. */
export const RECORDS = `${TRANSFER_PREFIX}*/record.json`;
/** The same of AMIs. */
export const IMAGES_PREFIX = 'images/';
/** Where workers write why they have failed. */
export const FAILURES = `${TRANSFER_PREFIX}*/failure`;
/** The construct of aws-cdk-lib that empties the buckets of a stack. */
const AUTO_DELETE = 'Custom::S3AutoDeleteObjectsCustomResourceProvider';

/** The bucket of plans, digests and records. After a transfer it keeps only the records of snapshots and exports that exist. */
export class TransferBucket extends s3.Bucket {
  constructor(scope: Construct, id: string) {
    const { encryptionKey } = functionSettings(scope);
    super(scope, id, {
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      ...encryptionKey
        ? { encryption: s3.BucketEncryption.KMS, encryptionKey, bucketKeyEnabled: true }
        : { encryption: s3.BucketEncryption.S3_MANAGED },
      enforceSSL: true,
      removalPolicy: RemovalPolicy.DESTROY,
      autoDeleteObjects: true,
      lifecycleRules: [{ abortIncompleteMultipartUploadAfter: Duration.days(1) }],
    });
    acknowledge(this, { 'AwsSolutions-S1': 'It holds plans and digests, which only the functions here read and write' });
    alwaysRemoved(this);
    // Its role is the stack's, and is made like ours.
    applyBoundary(Stack.of(this).node.findChild(AUTO_DELETE));
  }

  /** Returns statements that allow actions on the objects whose keys begin with a prefix. */
  public statements(actions: string[], prefix = TRANSFER_PREFIX): iam.PolicyStatementProps[] {
    return [
      { actions, resources: [this.arnForObjects(`${prefix}*`)] },
      // Lists what has to be removed. Without it, S3 answers that access is denied if an object is missing.
      { actions: ['s3:ListBucket'], resources: [this.bucketArn] },
      ...keyStatements(this, actions),
    ];
  }
}

/**
 * Keeps the bucket's removal policies where others apply theirs to everything, as `RemovalPolicies.of(stack).retain()` does: aws-cdk-lib
 * refuses a retained bucket with `autoDeleteObjects`.
 */
function alwaysRemoved(bucket: s3.Bucket): void {
  Aspects.of(bucket).add({
    visit: node => {
      if (CfnResource.isCfnResource(node) && node.cfnOptions.deletionPolicy !== undefined) { node.applyRemovalPolicy(RemovalPolicy.DESTROY); }
    },
  }, { priority: AspectPriority.READONLY - 1 });
}
