import { Annotations, CfnResource, Fn, Resource, Stack, Token } from 'aws-cdk-lib';
import * as efs from 'aws-cdk-lib/aws-efs';
import type { Construct, IConstruct } from 'constructs';
import type { FileSystemConfigurationOptions, LifecycleOptions } from './configuration-options';
import { factsOf } from './owned-file-system';
import type { EfsProvider } from './provider';
import type { ConfigurationProperties, LifecyclePolicyProperty, ReplicationConfigurationProperty } from '../../contract/configuration';
import { grantFileSystemKey } from '../resource/key-access';
import { rootStackOf } from '../resource/owner';
import { misuse } from '../resource/validation';

export interface ConfigurationContext extends FileSystemConfigurationOptions {
  readonly throughputMode?: efs.ThroughputMode;
  readonly performanceMode?: efs.PerformanceMode;
}

/** As AWS::EFS::FileSystem has it in templates. */
export function configurationProperties(scope: Construct, props: ConfigurationContext): ConfigurationProperties {
  if (props.replicationConfiguration && props.replicationOverwriteProtection === efs.ReplicationOverwriteProtection.DISABLED) {
    throw misuse(scope, "Cannot configure 'replicationConfiguration' when 'replicationOverwriteProtection' is set to 'DISABLED'");
  }
  warnOfArchive(scope, props);
  return {
    LifecyclePolicies: lifecyclePolicies(scope, props),
    BackupPolicy: props.enableAutomaticBackups === undefined ? undefined : { Status: props.enableAutomaticBackups ? 'ENABLED' : 'DISABLED' },
    FileSystemProtection: props.replicationOverwriteProtection && { ReplicationOverwriteProtection: props.replicationOverwriteProtection },
    ReplicationConfiguration: props.replicationConfiguration && replication(scope, props.replicationConfiguration),
  };
}

export function lifecyclePolicies(scope: Construct, options: LifecycleOptions): LifecyclePolicyProperty[] | undefined {
  const { lifecyclePolicy: ia, outOfInfrequentAccessPolicy: back, transitionToArchivePolicy: archive } = options;
  if (ia && archive && days(archive) <= days(ia)) {
    throw misuse(scope, `'transitionToArchivePolicy' must be later than 'lifecyclePolicy' (${ia}), got ${archive}`);
  }
  const policies: LifecyclePolicyProperty[] = [
    ...ia ? [{ TransitionToIA: ia }] : [],
    ...back ? [{ TransitionToPrimaryStorageClass: back }] : [],
    ...archive ? [{ TransitionToArchive: archive }] : [],
  ];
  return policies.length > 0 ? policies : undefined;
}

export function replication(scope: Construct, configuration: efs.ReplicationConfiguration): ReplicationConfigurationProperty {
  const existing = destinationOf(configuration);
  checkReplicaKey(scope, configuration);
  return {
    Destinations: [{
      FileSystemId: existing && referenceOf(existing).fileSystemId,
      KmsKeyId: configuration.kmsKey?.keyArn,
      Region: existing ? regionOf(existing) : configuration.region ?? Stack.of(scope).region,
      AvailabilityZoneName: configuration.availabilityZone,
    }],
  };
}

/** Keys stay in their Region, and EFS refuses one of another Region. */
function checkReplicaKey(scope: Construct, { kmsKey, availabilityZone, ...configuration }: efs.ReplicationConfiguration): void {
  const [keyRegion, region] = [kmsKey?.env.region, configuration.region ?? availabilityZone?.slice(0, -1)];
  if (keyRegion === undefined || region === undefined || keyRegion === region) { return; }
  if ([keyRegion, region, availabilityZone].some(one => Token.isUnresolved(one))) { return; }
  throw misuse(scope, `'kmsKey' of the replication must be a key in ${region}, where the copy is made, got one in ${keyRegion}`);
}

/**
 * What the EFS handlers may do for a replication, besides what they may do to
 * its source; the custom resource must depend on it. A new destination is made by
 * EFS in the name of the caller, with no tag by which that could be limited.
 */
export function replicationAccess(scope: Construct, provider: EfsProvider, configuration: efs.ReplicationConfiguration): IConstruct[] {
  const access: IConstruct[] = [];
  const { kmsKey } = configuration;
  const existing = destinationOf(configuration);
  const ofThisStack = existing && factsOf(existing as efs.IFileSystem) && rootStackOf(existing) === rootStackOf(scope);
  if (!ofThisStack) {
    access.push(provider.adoptions.grantFor(scope, 'ReplicationAccess', [existing
      ? { actions: ['elasticfilesystem:CreateReplicationConfiguration'], resources: [referenceOf(existing).fileSystemArn] }
      : { actions: ['elasticfilesystem:CreateFileSystem'], resources: ['*'] }]));
  }
  if (kmsKey) { access.push(...grantFileSystemKey(scope, 'ReplicaKeyAccess', kmsKey, provider.keys)); }
  return access;
}

/** `destinationFileSystem` throws for a construct of the level below, which efs.FileSystem takes too. */
function destinationOf(configuration: efs.ReplicationConfiguration): efs.IFileSystemRef | undefined {
  const { _destinationFileSystemRef: reference } = configuration as { _destinationFileSystemRef?: efs.IFileSystemRef };
  return reference ?? configuration.destinationFileSystem;
}

/** Returns the id and ARN of a destination. `efs.IFileSystem` has no `fileSystemRef` in the oldest aws-cdk-lib that this library takes. */
function referenceOf(destination: efs.IFileSystemRef): efs.FileSystemReference {
  const reference: efs.FileSystemReference | undefined = destination.fileSystemRef;
  return reference ?? destination as unknown as efs.IFileSystem;
}

/** Returns the Region of a destination. An imported file system lies where its ARN says, and not where the stack does that imports it. */
function regionOf(destination: efs.IFileSystemRef): string {
  if (CfnResource.isCfnResource(destination) || Resource.isOwnedResource(destination)) { return destination.env.region; }
  const { fileSystemArn } = referenceOf(destination);
  return /^arn:[^:]+:elasticfilesystem:([^:]+):/.exec(fileSystemArn)?.[1] ?? Fn.select(3, Fn.split(':', fileSystemArn));
}

/** EFS refuses it, but efs.FileSystem does not; so an app that was never deployed may have it in a test. */
function warnOfArchive(scope: Construct, { transitionToArchivePolicy, throughputMode, performanceMode }: ConfigurationContext): void {
  if (!transitionToArchivePolicy || Token.isUnresolved(throughputMode)) { return; }
  if (throughputMode === efs.ThroughputMode.ELASTIC && performanceMode !== efs.PerformanceMode.MAX_IO) { return; }
  Annotations.of(scope).addWarningV2('cdk-durable-storage:FileSystem.archive',
    "'transitionToArchivePolicy' needs 'throughputMode' ELASTIC and 'performanceMode' GENERAL_PURPOSE, "
    + `got ${throughputMode ?? 'none'} and ${performanceMode ?? 'none'}: EFS will refuse it`);
}

function days(policy: efs.LifecyclePolicy): number {
  return Number(/\d+/.exec(policy)?.[0]);
}
