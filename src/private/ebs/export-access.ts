import * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { ExportRoles } from './exporter';
import { literally } from './image-location';
import { manifestKeyOf } from '../../contract/snapshot-export';
import { acknowledgeWildcards } from '../resource/acknowledge';
import { keyTarget } from '../resource/key-access';

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
 * Grants the functions what they do with the snapshot of an export and with its object. The custom resource must depend on it.
 *
 * CloudFormation updates policies before it deletes the replaced resource, whose key may have been different. So the roles that
 * delete objects get a wildcard for each token in the key, and check the object's metadata before they delete it; roles that write
 * get one policy per key (see `SnapshotExport`).
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
      policy.addStatements(new iam.PolicyStatement({ actions: ['kms:GenerateDataKey', 'kms:Decrypt'], ...keyTarget(this, bucket.encryptionKey) }));
    }
  }
}

/** Actions that read the metadata of an object, which names its owner. */
const LOOK = ['s3:GetObject', 's3:GetObjectVersion'];
const REMOVE = ['s3:DeleteObject', 's3:DeleteObjectVersion'];
const ABORT = ['s3:AbortMultipartUpload', 's3:ListMultipartUploadParts'];
/** Without s3:ListBucket, S3 answers 403 and not 404 for a missing object. */
const LIST = ['s3:ListBucket', 's3:ListBucketMultipartUploads'];

/** Returns a key as a policy must write it, with `*` for each token. */
function anyToken(key: string): string {
  return key.split(TOKEN).map(literally).join('*');
}

const TOKEN = /\$\{Token\[[^\]]+\]\}/;
