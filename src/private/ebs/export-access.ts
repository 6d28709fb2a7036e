import * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { ExportRoles } from './exporter';
import { manifestKeyOf } from '../../contract/snapshot-export';
import { acknowledgeWildcards } from '../resource/acknowledge';
import { literally } from '../resource/policy-text';

export interface ExportAccessProps {
  readonly snapshot: { readonly snapshotArn: string };
  readonly since?: { readonly snapshotArn: string };
  readonly bucket: s3.IBucket;
  readonly key: string;
  /** Whether the plan asks which blocks the snapshot has. */
  readonly lists: boolean;
  readonly roles: ExportRoles;
}

/**
 * What the functions may do with the snapshot of an export and with its
 * object; the custom resource must depend on it.
 *
 * CloudFormation changes policies before it deletes what an update replaces.
 * So a part of the key that is known at deployment only may be anything for whoever removes objects,
 * which look at the mark of the object first; and whoever writes another key does so by another policy: see `SnapshotExport`.
 */
export class ExportAccess extends Construct {
  constructor(scope: Construct, id: string, { snapshot, since, bucket, key, lists, roles }: ExportAccessProps) {
    super(scope, id);
    acknowledgeWildcards(this, 'What the key of an export refers to is known at deployment only, and an older export is looked at and deleted under its own');
    const { handler, plan, copy, finish, cleanUp } = roles;
    const keys = since ? [key] : [key, manifestKeyOf(key)];
    const objects = keys.map(name => bucket.arnForObjects(literally(name)));
    const anyOf = keys.map(name => bucket.arnForObjects(anyToken(name)));

    this.policy('Handler', handler, [
      // CreateMultipartUpload.
      { actions: ['s3:PutObject'], resources: [objects[0]] },
      { actions: [...LOOK, ...REMOVE, ...ABORT], resources: anyOf },
      { actions: LIST, resources: [bucket.bucketArn] },
    ], bucket);
    this.policy('CleanUp', cleanUp, [
      { actions: [...LOOK, ...REMOVE, ...ABORT], resources: objects },
      { actions: LIST, resources: [bucket.bucketArn] },
    ], bucket);
    this.policy('Finish', finish, [
      { actions: [...LOOK, ...REMOVE, ...ABORT, 's3:PutObject'], resources: objects },
      { actions: LIST, resources: [bucket.bucketArn] },
    ], bucket);
    this.policy('Copy', copy, [
      { actions: ['s3:PutObject'], resources: [objects[0]] },
      { actions: ['ebs:ListSnapshotBlocks', 'ebs:GetSnapshotBlock'], resources: [snapshot.snapshotArn] },
    ], bucket);
    if (since) {
      this.policy('Plan', plan, [{ actions: ['ebs:ListChangedBlocks'], resources: [snapshot.snapshotArn, since.snapshotArn] }]);
    } else if (lists) {
      this.policy('Plan', plan, [{ actions: ['ebs:ListSnapshotBlocks'], resources: [snapshot.snapshotArn] }]);
    }
  }

  private policy(id: string, role: iam.IRole, statements: iam.PolicyStatementProps[], bucket?: s3.IBucket): void {
    const policy = new iam.Policy(this, id, { roles: [role], statements: statements.map(statement => new iam.PolicyStatement(statement)) });
    if (bucket?.encryptionKey) {
      policy.addStatements(new iam.PolicyStatement({ actions: ['kms:GenerateDataKey', 'kms:Decrypt'], resources: [bucket.encryptionKey.keyArn] }));
    }
  }
}

/** To see whose an object is. */
const LOOK = ['s3:GetObject', 's3:GetObjectVersion'];
const REMOVE = ['s3:DeleteObject', 's3:DeleteObjectVersion'];
const ABORT = ['s3:AbortMultipartUpload', 's3:ListMultipartUploadParts'];
/** Without the first, S3 says of a missing object that access is denied. */
const LIST = ['s3:ListBucket', 's3:ListBucketMultipartUploads'];

/** A key as a policy has to write it, with `*` for what is known at deployment only. */
function anyToken(key: string): string {
  return key.split(TOKEN).map(literally).join('*');
}

const TOKEN = /\$\{Token\[[^\]]+\]\}/;
