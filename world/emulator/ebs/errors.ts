import { ServiceError } from '../service';

export function invalid(reason: string, message: string): ServiceError {
  return new ServiceError('ValidationException', 400, message, { Reason: reason });
}

export function snapshotNotFound(snapshotId: string): ServiceError {
  return new ServiceError('ResourceNotFoundException', 404, `The snapshot '${snapshotId}' does not exist.`, { Reason: 'SNAPSHOT_NOT_FOUND' });
}

export function keyNotFound(keyArn: string): ServiceError {
  return new ServiceError('ResourceNotFoundException', 404, `The KMS key '${keyArn}' does not exist.`, { Reason: 'DEPENDENCY_RESOURCE_NOT_FOUND' });
}

export function unfitSignature(): ServiceError {
  return new ServiceError('InvalidSignatureException', 403, 'The request signature we calculated does not match the signature you provided. '
    + 'Check your AWS Secret Access Key and signing method. Consult the service documentation for details.');
}
