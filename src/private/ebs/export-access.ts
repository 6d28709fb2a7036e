import { createHash } from 'crypto';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct, IConstruct } from 'constructs';
import { onlyOwnedBy } from './bucket-owner';
import { literally } from './image-location';
import type { ExportPolicies } from './shared-policies';
import { manifestKeyOf } from '../../contract/snapshot-export';
import { keyTarget, onlyVia } from '../resource/key-access';
import { ownPolicy } from '../resource/merged-policies';
import { nameOfValue } from '../resource/token-forms';

interface ExportedSnapshot {
  readonly snapshotId: string;
  readonly snapshotArn: string;
}

export interface ExportAccessProps {
  readonly snapshot: ExportedSnapshot;
  readonly since?: ExportedSnapshot;
  readonly bucket: s3.IBucket;
  /** The account that the bucket must belong to. */
  readonly bucketOwner?: string;
  readonly key: string;
  /** Whether the plan asks which blocks the snapshot has. */
  readonly lists: boolean;
  readonly policies: ExportPolicies;
}

/**
 * Grants the functions what they do with the snapshot of an export and with its object. The custom resource must depend on all that is
 * returned.
 *
 * Roles that delete objects get a wildcard for each token in the key, `snap-*` for the id of a snapshot, and check the object's metadata before they delete it. Roles that
 * write get the key alone.
 */
export function grantExport(scope: Construct, props: ExportAccessProps): IConstruct[] {
  const { snapshot, since, bucket, bucketOwner, key, lists, policies } = props;
  const owned = onlyOwnedBy(bucketOwner);
  const object = bucket.arnForObjects(literally(key));
  const keyUse: iam.PolicyStatementProps[] = bucket.encryptionKey
    ? [{ actions: ['kms:GenerateDataKey', 'kms:Decrypt'], ...onlyVia('s3', keyTarget(scope, bucket.encryptionKey)) }] : [];
  const planned = since ? [{ actions: ['ebs:ListChangedBlocks'], resources: [snapshot.snapshotArn, since.snapshotArn] }]
    : lists ? [{ actions: ['ebs:ListSnapshotBlocks'], resources: [snapshot.snapshotArn] }] : [];
  return [
    cleanUpAccess(scope, props, keyUse),
    policies.writes.grantFor(scope, 'WriteAccess', [{ ...owned, actions: ['s3:PutObject'], resources: [object] }, ...keyUse]),
    ...since ? [] : [policies.manifests.grantFor(scope, 'ManifestAccess', [
      { ...owned, actions: ['s3:PutObject'], resources: [bucket.arnForObjects(literally(manifestKeyOf(key)))] },
    ])],
    policies.reads.grantFor(scope, 'ReadAccess', [
      { actions: ['ebs:ListSnapshotBlocks', 'ebs:GetSnapshotBlock'], resources: [snapshot.snapshotArn] },
    ]),
    ...planned.length > 0 ? [policies.plans.grantFor(scope, 'PlanAccess', planned)] : [],
  ];
}

function cleanUpAccess(
  scope: Construct, { snapshot, since, bucket, bucketOwner, key, policies }: ExportAccessProps, keyUse: iam.PolicyStatementProps[],
): IConstruct {
  const keys = since ? [key] : [key, manifestKeyOf(key)];
  const ids = [snapshot.snapshotId, ...since ? [since.snapshotId] : []];
  const owned = onlyOwnedBy(bucketOwner);
  const statements: iam.PolicyStatementProps[] = [
    { ...owned, actions: [...LOOK, ...REMOVE, ...ABORT], resources: keys.map(name => bucket.arnForObjects(anyToken(name, ids))) },
    { ...owned, actions: LIST, resources: [bucket.bucketArn] },
    ...keyUse,
  ];
  if (policies.targets.canName(statements)) { return policies.targets.grant(statements); }
  // Each object has a policy of its own, because the policy of the old object is needed until that object is deleted.
  return ownPolicy(scope, `CleanUpAccess${digestOf(scope, [bucket.bucketName, key])}`, policies.cleaners, statements);
}

/** Actions that read the metadata of an object, which names its owner. */
const LOOK = ['s3:GetObject', 's3:GetObjectVersion'];
const REMOVE = ['s3:DeleteObject', 's3:DeleteObjectVersion'];
const ABORT = ['s3:AbortMultipartUpload', 's3:ListMultipartUploadParts'];
/** Without s3:ListBucket, S3 answers 403 and not 404 for a missing object. */
const LIST = ['s3:ListBucket'];

/** Returns a key as a policy must write it, with `snap-*` for the id of a snapshot, and `*` for every other token. */
function anyToken(key: string, snapshotIds: string[]): string {
  return key.split(TOKEN).map(part => !TOKEN.test(part) ? literally(part) : snapshotIds.includes(part) ? 'snap-*' : '*').join('');
}

/** A token, as a part of what `split` returns. */
const TOKEN = /(\$\{Token\[[^\]]+\]\})/;

/** Returns a digest that is the same in every synthesis, and another one for what another stack has under the same logical id. */
function digestOf(scope: Construct, values: string[]): string {
  return createHash('sha256').update(nameOfValue(scope, values)).digest('hex').slice(0, 8);
}
