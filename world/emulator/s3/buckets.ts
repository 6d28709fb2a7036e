import { REGION } from '../environment';
import { list, statements, type ResourcePolicy } from '../kms/resource-policy';
import type { Answer } from '../service';
import type { Bucket } from './bucket';
import { invalidRequest, malformedXml, S3Error } from './errors';
import { payload } from './payload';
import { ok, type Request } from './request';
import { blocks, document, group, tag, text } from './xml';

export function headBucket({ access }: Request): Answer {
  access.require('s3:ListBucket');
  return ok({ 'x-amz-bucket-region': REGION });
}

export function getBucketLocation({ access }: Request): Answer {
  access.require('s3:GetBucketLocation');
  // The oldest Region has no name here.
  return ok({}, document('LocationConstraint', (REGION as string) === 'us-east-1' ? '' : REGION));
}

export function getBucketVersioning({ bucket, access }: Request): Answer {
  access.require('s3:GetBucketVersioning');
  return ok({}, document('VersioningConfiguration', tag('Status', bucket.versioning)));
}

export function getBucketTagging({ bucket, access }: Request): Answer {
  access.require('s3:GetBucketTagging');
  const tags = Object.entries(bucket.tags);
  if (tags.length === 0) { throw new S3Error('NoSuchTagSet', 404, 'The TagSet does not exist', { BucketName: bucket.name }); }
  return ok({}, document('Tagging', group('TagSet', ...tags.map(([key, value]) => group('Tag', tag('Key', key), tag('Value', value))))));
}

export function putBucketTagging({ call, bucket, access }: Request): Answer {
  access.require('s3:PutBucketTagging');
  const { bytes, guarded } = payload(call);
  if (!guarded) { throw invalidRequest('Missing required header for this request: Content-MD5'); }
  const tags = blocks(bytes.toString(), 'Tag').map(block => [text(block, 'Key'), text(block, 'Value')] as const);
  if (tags.some(([key, value]) => !key || value === undefined)) { throw malformedXml(); }
  bucket.tags = Object.fromEntries(tags) as Record<string, string>;
  return { status: 204 };
}

export function getBucketPolicy({ bucket, access }: Request): Answer {
  access.require('s3:GetBucketPolicy');
  if (!bucket.policy) { throw new S3Error('NoSuchBucketPolicy', 404, 'The bucket policy does not exist', { BucketName: bucket.name }); }
  return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(bucket.policy) };
}

export function putBucketPolicy({ call, bucket, access }: Request): Answer {
  access.require('s3:PutBucketPolicy');
  bucket.policy = validPolicy(bucket, payload(call).bytes.toString());
  return { status: 204 };
}

export function deleteBucketPolicy({ bucket, access }: Request): Answer {
  access.require('s3:DeleteBucketPolicy');
  bucket.policy = undefined;
  return { status: 204 };
}

/** A policy that S3 would store: of statements, each with principal and action, about this bucket only. */
export function validPolicy(bucket: Bucket, json: string): ResourcePolicy {
  let policy: ResourcePolicy;
  try {
    policy = JSON.parse(json) as ResourcePolicy;
  } catch {
    throw malformedPolicy('Policies must be valid JSON and the first byte must be \'{\'');
  }
  if (typeof policy !== 'object' || policy?.Statement === undefined) { throw malformedPolicy('Missing required field Statement'); }
  for (const statement of statements(policy)) {
    if (statement.Effect !== 'Allow' && statement.Effect !== 'Deny') { throw malformedPolicy(`Invalid effect: ${statement.Effect as string}`); }
    if (statement.Principal === undefined) { throw malformedPolicy('Missing required field Principal'); }
    if (statement.Action === undefined && statement.NotAction === undefined) { throw malformedPolicy('Missing required field Action'); }
    const resources = list(statement.Resource);
    if (resources.length === 0 || resources.some(resource => resource !== bucket.arn && !resource.startsWith(`${bucket.arn}/`))) {
      throw malformedPolicy('Policy has invalid resource');
    }
  }
  return policy;
}

function malformedPolicy(message: string): S3Error {
  return new S3Error('MalformedPolicy', 400, message);
}
