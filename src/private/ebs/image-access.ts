import type * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct, IConstruct } from 'constructs';
import { onlyOwnedBy } from './bucket-owner';
import { literally, type DiskImageLocation } from './image-location';
import type { ImportPolicies } from './shared-policies';
import { manifestKeyOf } from '../../contract/snapshot-export';
import { keyTarget, onlyVia } from '../resource/key-access';

const READ = ['s3:GetObject', 's3:GetObjectVersion'];

/**
 * Grants what a construct's handlers do with its image, its manifest, and its checksum file. The custom resource must depend on all that is
 * returned.
 */
export function grantImage(scope: Construct, location: DiskImageLocation, policies: ImportPolicies): IConstruct[] {
  const { bucket, bucketOwner, key, manifest, sha256SumsKey, encryptionKey = bucket.encryptionKey } = location;
  const objects = (...keys: string[]) => keys.map(name => bucket.arnForObjects(literally(name)));
  const beside = [...manifest ? [manifestKeyOf(key)] : [], ...sha256SumsKey === undefined ? [] : [sha256SumsKey]];
  const owned = onlyOwnedBy(bucketOwner);
  const read: iam.PolicyStatementProps[] = [
    { ...owned, actions: READ, resources: objects(key, ...beside) },
    // Without it, S3 answers that access is denied if the object is missing.
    { ...owned, actions: ['s3:ListBucket'], resources: [bucket.bucketArn] },
  ];
  // The plan also asks for the parts that the image was uploaded in.
  const parts: iam.PolicyStatementProps = {
    ...owned, actions: ['s3:GetObjectAttributes', 's3:GetObjectVersionAttributes'], resources: objects(key),
  };
  return [
    policies.images.grantFor(scope, 'ImageAccess', read),
    policies.imageParts.grantFor(scope, 'ImageParts', [parts]),
    ...encryptionKey ? [policies.imageKeys.grantFor(scope, 'ImageKeyAccess', [{ actions: ['kms:Decrypt'], ...onlyVia('s3', keyTarget(scope, encryptionKey)) }])] : [],
  ];
}
