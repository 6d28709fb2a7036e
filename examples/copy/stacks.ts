import { Stack, type StackProps } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { DiskImage, Snapshot, SnapshotExport, SnapshotImport } from 'cdk-durable-storage';
import type { Construct } from 'constructs';

export interface ExportStackProps extends StackProps {
  readonly snapshotId: string;
  /** The bucket of the other account, made by a stack of its own. */
  readonly bucketName: string;
  readonly key: string;
}

/** In the account that has the snapshot: writes it into a bucket of the other account. */
export class ExportStack extends Stack {
  constructor(scope: Construct, id: string, props: ExportStackProps) {
    super(scope, id, props);
    new SnapshotExport(this, 'Export', {
      snapshot: Snapshot.fromSnapshotId(this, 'Snapshot', props.snapshotId),
      bucket: s3.Bucket.fromBucketName(this, 'Bucket', props.bucketName),
      key: props.key,
    });
  }
}

export interface ExchangeStackProps extends StackProps {
  readonly bucketName: string;
  /** The account that writes. */
  readonly from: string;
}

/** In the account, and the Region, that shall have the snapshot: where the two meet. */
export class ExchangeStack extends Stack {
  constructor(scope: Construct, id: string, props: ExchangeStackProps) {
    super(scope, id, props);
    const bucket = new s3.Bucket(this, 'Bucket', {
      bucketName: props.bucketName,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      encryption: s3.BucketEncryption.S3_MANAGED,
      enforceSSL: true,
    });
    const writer = new iam.AccountPrincipal(props.from);
    // What an export does with objects: it writes them, looks whose they are, and removes its own when it fails.
    bucket.addToResourcePolicy(new iam.PolicyStatement({
      principals: [writer],
      actions: [
        's3:PutObject', 's3:GetObject', 's3:GetObjectVersion', 's3:DeleteObject', 's3:DeleteObjectVersion', 's3:AbortMultipartUpload',
        's3:ListMultipartUploadParts',
      ],
      resources: [bucket.arnForObjects('*')],
    }));
    bucket.addToResourcePolicy(new iam.PolicyStatement({
      principals: [writer], actions: ['s3:ListBucket'], resources: [bucket.bucketArn],
    }));
  }
}

export interface ImportStackProps extends StackProps {
  readonly bucketName: string;
  readonly key: string;
}

/** In the account of the bucket, once the export is there: the snapshot, encrypted as that account wants it. */
export class ImportStack extends Stack {
  constructor(scope: Construct, id: string, props: ImportStackProps) {
    super(scope, id, props);
    new SnapshotImport(this, 'Copy', {
      // The export left a manifest beside it, from which the SHA-256 of all blocks come.
      image: DiskImage.fromBucket(s3.Bucket.fromBucketName(this, 'Bucket', props.bucketName), props.key, undefined, { manifest: true }),
      encrypted: true,
    });
  }
}
