import type { ResourcePolicy } from '../../emulator/kms/resource-policy';
import type { Handler } from '../handler';
import { isTrue, numberOf, type Context } from './context';

/** EBS volumes and KMS keys. */
export function storageHandlers({ emulator: { ec2, kms } }: Context): Record<string, Handler> {
  return {
    'AWS::EC2::Volume': {
      immutable: ['AvailabilityZone', 'SnapshotId', 'Encrypted', 'KmsKeyId'],
      create: ({ properties: { SnapshotId, AvailabilityZone, Size, KmsKeyId } }) => {
        const { volumeId } = ec2.createVolume(SnapshotId, { availabilityZone: AvailabilityZone, size: numberOf(Size), kmsKeyId: KmsKeyId });
        return { physicalId: volumeId, attributes: { VolumeId: volumeId } };
      },
      update: (_, before) => ({ physicalId: before.physicalId!, attributes: before.attributes }),
      delete: ({ physicalId }) => ec2.deleteVolume(physicalId!),
    },
    'AWS::KMS::Key': {
      create: ({ properties: { Description, KeyPolicy, Enabled = true } }) => {
        const { keyId, arn } = kms.createKey({ description: Description, policy: KeyPolicy as ResourcePolicy | undefined });
        kms.setEnabled(keyId, isTrue(Enabled));
        return { physicalId: keyId, attributes: { Arn: arn, KeyId: keyId } };
      },
      update: ({ properties: { KeyPolicy, Enabled = true } }, before) => {
        kms.setPolicy(before.physicalId!, KeyPolicy as ResourcePolicy | undefined);
        kms.setEnabled(before.physicalId!, isTrue(Enabled));
        return { physicalId: before.physicalId!, attributes: before.attributes };
      },
      delete: ({ physicalId, properties: { PendingWindowInDays } }) => kms.scheduleDeletion(physicalId!, numberOf(PendingWindowInDays)),
    },
    'AWS::KMS::Alias': {
      immutable: ['AliasName'],
      create: ({ properties: { AliasName, TargetKeyId } }) => {
        kms.createAlias(AliasName, kms.resolve(TargetKeyId)!.split('/').pop()!);
        return { physicalId: AliasName, attributes: { AliasName } };
      },
      update: ({ properties: { AliasName, TargetKeyId } }, before) => {
        kms.deleteAlias(AliasName);
        kms.createAlias(AliasName, kms.resolve(TargetKeyId)!.split('/').pop()!);
        return { physicalId: before.physicalId!, attributes: before.attributes };
      },
      delete: ({ physicalId }) => kms.deleteAlias(physicalId!),
    },
  };
}
