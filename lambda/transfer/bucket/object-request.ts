/** An object, or one of its versions. */
interface ObjectName {
  readonly bucket: string;
  readonly key: string;
  readonly versionId?: string;
  readonly bucketOwner?: string;
}

/** Returns the parameters that name an object. S3 denies a request if the bucket is not the expected owner's. */
export function requestFor({ bucket, key, versionId, bucketOwner }: ObjectName) {
  return { Bucket: bucket, Key: key, ...versionId !== undefined && { VersionId: versionId }, ExpectedBucketOwner: bucketOwner };
}
