import { Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { EbsProvider } from './provider';
import { manifestKeyOf } from '../../contract/snapshot-export';
import type { DiskImageLocation } from '../../ebs/disk-image';
import { acknowledgeWildcards } from '../resource/acknowledge';

export interface ImageAccessProps {
  readonly image: DiskImageLocation;
  readonly provider: EbsProvider;
}

/** What a construct's handlers may do with its image, and its manifest; the custom resource must depend on it. */
export class ImageAccess extends iam.Policy {
  constructor(scope: Construct, id: string, { image: { bucket, key, manifest }, provider }: ImageAccessProps) {
    const statements = (keys: string[], ...actions: string[]) => [
      new iam.PolicyStatement({ actions: [...READ, ...actions], resources: keys.map(name => bucket.arnForObjects(literally(name))) }),
      // Without it, S3 says of a missing object that access is denied.
      new iam.PolicyStatement({ actions: ['s3:ListBucket'], resources: [bucket.bucketArn] }),
      ...bucket.encryptionKey ? [new iam.PolicyStatement({ actions: ['kms:Decrypt'], resources: [bucket.encryptionKey.keyArn] })] : [],
    ];
    super(scope, id, { roles: provider.imageReaders, statements: statements(manifest ? [key, manifestKeyOf(key)] : [key]) });
    // It also asks for the parts that the image was uploaded in.
    new iam.Policy(this, 'Plan', {
      roles: provider.imagePlanners, statements: statements([key], 's3:GetObjectAttributes', 's3:GetObjectVersionAttributes'),
    });
    acknowledgeWildcards(this, 'The key of the image holds characters that a policy cannot spell, or that mean more there');
  }
}

const READ = ['s3:GetObject', 's3:GetObjectVersion'];

/** A key as a policy has to write it: some characters mean more there, and those beyond Latin-1 cannot stand in it at all. */
export function literally(key: string): string {
  return Token.isUnresolved(key) ? key : key.replace(/[*?$]/g, character => `\${${character}}`).replace(/[^\x20-\xff]+/gu, '*');
}
