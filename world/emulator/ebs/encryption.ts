import type { Ec2, Keys, Snapshot } from '../ec2';
import { ACCOUNT, REGION } from '../environment';
import { AccessDenied, ServiceError, type Call } from '../service';
import { invalid, keyNotFound } from './errors';

export interface EncryptionRequest {
  readonly Encrypted?: boolean;
  readonly KmsKeyArn?: string;
}

/**
 * The key of a new snapshot, undefined for an unencrypted one: the user guide's
 * matrix of parent, request, and the account's encryption by default.
 */
export function chooseKey(request: EncryptionRequest, parent: Snapshot | undefined, ec2: Ec2): string | undefined {
  if (parent) {
    if (request.Encrypted !== undefined) { throw invalidCombination('ParentSnapshotId and Encrypted cannot be specified together'); }
    if (request.KmsKeyArn !== undefined) { throw invalidCombination('ParentSnapshotId and KmsKeyArn cannot be specified together'); }
    if (!parent.encrypted && ec2.encryptionByDefault) {
      throw invalidCombination('An unencrypted parent cannot be used while encryption by default is on: copy it to an encrypted snapshot first');
    }
    return parent.kmsKeyId;
  }
  if (request.Encrypted === false && request.KmsKeyArn !== undefined) {
    throw invalidCombination('Encrypted cannot be false when KmsKeyArn is specified');
  }
  if (request.Encrypted === false && ec2.encryptionByDefault) {
    throw invalidCombination('Encrypted cannot be false while encryption by default is on');
  }
  if (request.KmsKeyArn !== undefined) { return request.KmsKeyArn; }
  return request.Encrypted || ec2.encryptionByDefault ? ec2.defaultKmsKeyArn : undefined;
}

const KMS_ACTIONS = {
  start: ['DescribeKey', 'CreateGrant', 'GenerateDataKeyWithoutPlaintext'],
  /** The parent's data key is encrypted anew for the child. */
  startFromParent: ['DescribeKey', 'CreateGrant', 'GenerateDataKeyWithoutPlaintext', 'ReEncryptFrom', 'ReEncryptTo', 'Decrypt'],
  put: ['GenerateDataKey', 'Decrypt'],
  list: ['DescribeKey'],
  get: ['DescribeKey', 'Decrypt'],
};

/** The calls to KMS that EBS makes in the caller's name. The key that AWS manages is open to the whole account. */
export function useKey(call: Call, keyArn: string | undefined, use: keyof typeof KMS_ACTIONS, kms: Keys, ec2: Ec2): void {
  if (keyArn === undefined || keyArn === ec2.managedKmsKeyArn) { return; }
  if (kms.resolve(keyArn) === undefined) { throw keyOfOtherRegion(keyArn) ?? keyNotFound(keyArn); }
  // EBS calls KMS by way of EC2.
  const context = { 'kms:ViaService': `ec2.${REGION}.amazonaws.com`, 'kms:CallerAccount': ACCOUNT };
  try {
    for (const action of KMS_ACTIONS[use]) {
      const full = action === 'CreateGrant' ? { ...context, 'kms:GrantIsForAWSResource': 'true' } : context;
      if (kms.authorize) { kms.authorize(call, `kms:${action}`, keyArn, full); } else { call.authorize(`kms:${action}`, keyArn, full); }
    }
  } catch (error) {
    if (error instanceof AccessDenied) { throw new ServiceError('AccessDeniedException', 403, error.message, { Reason: 'DEPENDENCY_ACCESS_DENIED' }); }
    if (error instanceof ServiceError) { throw invalid('INVALID_CUSTOMER_KEY', error.message); }
    throw error;
  }
}

/** The model has this reason; no source has the message. */
function keyOfOtherRegion(keyArn: string): ServiceError | undefined {
  const region = keyArn.split(':')[3];
  return region === REGION ? undefined : invalid('INVALID_CUSTOMER_KEY', `The KMS key '${keyArn}' is in ${region}, not in ${REGION}.`);
}

function invalidCombination(message: string): ServiceError {
  return invalid('INVALID_PARAMETER_VALUE', message);
}
