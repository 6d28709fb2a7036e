import {
  CompleteMultipartUploadCommand, CreateMultipartUploadCommand, S3Client, UploadPartCommand, type ChecksumAlgorithm, type CompletedPart,
} from '@aws-sdk/client-s3';
import { REGION } from '../environment';
import { EmulatorServer } from '../server';

/** Uploads an object in parts, as a client does that gives each a checksum. */
export async function uploadInParts(
  endpoint: string, Bucket: string, Key: string, parts: readonly Buffer[], algorithm: ChecksumAlgorithm = 'SHA256',
): Promise<{ versionId: string }> {
  const s3 = new S3Client({ endpoint, region: REGION, credentials: EmulatorServer.ADMIN });
  try {
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm: algorithm }));
    const Parts: CompletedPart[] = [];
    for (const [i, Body] of parts.entries()) {
      const PartNumber = i + 1;
      const command = new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body, ChecksumAlgorithm: algorithm });
      const { $metadata: _, ...part } = await s3.send(command);
      Parts.push({ ...part, PartNumber });
    }
    const { VersionId } = await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
    return { versionId: VersionId ?? 'null' };
  } finally {
    s3.destroy();
  }
}
