import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { literally, type DiskImageLocation } from './image-location';
import type { EbsProvider } from './provider';
import { manifestKeyOf } from '../../contract/snapshot-export';
import { acknowledgeWildcards } from '../resource/acknowledge';
import { keyTarget } from '../resource/key-access';

export interface ImageAccessProps {
  readonly image: DiskImageLocation;
  readonly provider: EbsProvider;
}

/** What a construct's handlers may do with its image, and its manifest; the custom resource must depend on it. */
export class ImageAccess extends iam.Policy {
  constructor(scope: Construct, id: string, { image: { bucket, key, manifest, encryptionKey = bucket.encryptionKey }, provider }: ImageAccessProps) {
    const statements = (keys: string[], ...actions: string[]) => [
      new iam.PolicyStatement({ actions: [...READ, ...actions], resources: keys.map(name => bucket.arnForObjects(literally(name))) }),
      // Without it, S3 says of a missing object that access is denied.
      new iam.PolicyStatement({ actions: ['s3:ListBucket'], resources: [bucket.bucketArn] }),
      ...encryptionKey ? [new iam.PolicyStatement({ actions: ['kms:Decrypt'], ...keyTarget(scope, encryptionKey) })] : [],
    ];
    super(scope, id, { roles: provider.imageReaders, statements: statements(manifest ? [key, manifestKeyOf(key)] : [key]) });
    // It also asks for the parts that the image was uploaded in.
    new iam.Policy(this, 'Plan', {
      roles: provider.imagePlanners, statements: statements([key], 's3:GetObjectAttributes', 's3:GetObjectVersionAttributes'),
    });
    acknowledgeWildcards(this, 'The key of the image holds characters that a policy cannot spell, or that mean more there; a key known by its alias is limited by that');
  }
}

const READ = ['s3:GetObject', 's3:GetObjectVersion'];
