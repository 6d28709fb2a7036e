import { Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { acknowledgeWildcards } from './acknowledge';
import type { DiskImageLocation } from '../ebs/disk-image';

export interface ImageAccessProps {
  readonly image: DiskImageLocation;
  readonly roles: iam.IRole[];
}

/** What a construct's handlers may do with its image; the custom resource must depend on it. */
export class ImageAccess extends iam.Policy {
  constructor(scope: Construct, id: string, { image: { bucket, key }, roles }: ImageAccessProps) {
    super(scope, id, {
      roles,
      statements: [
        new iam.PolicyStatement({ actions: ['s3:GetObject', 's3:GetObjectVersion'], resources: [bucket.arnForObjects(literally(key))] }),
        // Without it, S3 says of a missing object that access is denied.
        new iam.PolicyStatement({ actions: ['s3:ListBucket'], resources: [bucket.bucketArn] }),
      ],
    });
    acknowledgeWildcards(this, 'The key of the image holds characters that a policy cannot spell, or that mean more there');
    if (bucket.encryptionKey) {
      this.addStatements(new iam.PolicyStatement({ actions: ['kms:Decrypt'], resources: [bucket.encryptionKey.keyArn] }));
    }
  }
}

/** A key as a policy has to write it: some characters mean more there, and those beyond Latin-1 cannot stand in it at all. */
export function literally(key: string): string {
  return Token.isUnresolved(key) ? key : key.replace(/[*?$]/g, character => `\${${character}}`).replace(/[^\x20-\xff]+/gu, '*');
}
