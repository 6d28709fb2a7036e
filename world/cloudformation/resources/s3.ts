import { REGION } from '../../emulator/environment';
import type { ResourcePolicy } from '../../emulator/kms/resource-policy';
import type { Bucket, Encryption } from '../../emulator/s3';
import type { Handler } from '../handler';
import type { Properties } from '../stack';
import { nameOf, tagsOf, type Context } from './context';

export function s3Handlers({ emulator: { s3 } }: Context): Record<string, Handler> {
  const configure = (bucket: Bucket, properties: Properties, tags: Record<string, string>) => {
    const status = properties.VersioningConfiguration?.Status as 'Enabled' | 'Suspended' | undefined;
    bucket.versioning = status ?? (bucket.versioning && 'Suspended');
    bucket.encryption = encryptionOf(properties);
    bucket.tags = tags;
  };

  return {
    'AWS::S3::Bucket': {
      immutable: ['BucketName'],
      create: request => {
        const name = nameOf(request, request.properties.BucketName, 63).toLowerCase();
        configure(s3.createBucket(name), request.properties, tagsOf(request));
        return {
          physicalId: name,
          attributes: {
            Arn: `arn:aws:s3:::${name}`,
            DomainName: `${name}.s3.amazonaws.com`,
            RegionalDomainName: `${name}.s3.${REGION}.amazonaws.com`,
            DualStackDomainName: `${name}.s3.dualstack.${REGION}.amazonaws.com`,
            WebsiteURL: `http://${name}.s3-website-${REGION}.amazonaws.com`,
          },
        };
      },
      update: (request, before) => {
        configure(s3.buckets.get(before.physicalId!)!, request.properties, tagsOf(request));
        return { physicalId: before.physicalId!, attributes: before.attributes };
      },
      delete: ({ physicalId }) => s3.deleteBucket(physicalId!),
    },
    'AWS::S3::BucketPolicy': {
      immutable: ['Bucket'],
      create: ({ properties: { Bucket: name, PolicyDocument } }) => {
        if (s3.buckets.get(name)?.policy) { throw new Error(`The bucket policy already exists on bucket ${name}.`); }
        s3.setPolicy(name, PolicyDocument as ResourcePolicy);
        return { physicalId: name };
      },
      update: ({ properties: { PolicyDocument } }, before) => {
        s3.setPolicy(before.physicalId!, PolicyDocument as ResourcePolicy);
        return { physicalId: before.physicalId! };
      },
      delete: ({ physicalId }) => s3.setPolicy(physicalId!, undefined),
    },
  };
}

function encryptionOf({ BucketEncryption }: Properties): Encryption {
  const rule = BucketEncryption?.ServerSideEncryptionConfiguration?.[0]?.ServerSideEncryptionByDefault;
  return { algorithm: rule?.SSEAlgorithm ?? 'AES256', ...rule?.KMSMasterKeyID ? { kmsKey: rule.KMSMasterKeyID } : {} };
}
