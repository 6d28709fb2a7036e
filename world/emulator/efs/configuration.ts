import { ServiceError, type Call } from '../service';
import { resourceTags, type Account } from './account';
import { FileSystemPolicy, lockout } from './policy';
import { badRequest, type Operations } from './requests';
import { Phase, type FileSystem, type LifecyclePolicy } from './state';

/** What a file system has besides itself: its policy, its backup policy, its life cycle configuration. */
export function configurationOperations(account: Account): Operations {
  return {
    PutFileSystemPolicy(call, { FileSystemId, Policy, BypassPolicyLockoutSafetyCheck: bypass = false }) {
      const fileSystem = account.fileSystem(call, 'PutFileSystemPolicy', FileSystemId);
      account.requireAvailable(fileSystem);
      const policy = new FileSystemPolicy(Policy, fileSystem.arn, account.principals);
      if (!bypass) { refuseLockout(call, fileSystem, policy); }
      fileSystem.ownPolicy = policy;
      return { FileSystemId: fileSystem.id, Policy: written(account, policy) };
    },

    DescribeFileSystemPolicy(call, { FileSystemId }) {
      const { id, ownPolicy } = account.fileSystem(call, 'DescribeFileSystemPolicy', FileSystemId);
      if (ownPolicy === undefined) { throw new ServiceError('PolicyNotFound', 404, `File system '${id}' has no policy of its own.`); }
      return { FileSystemId: id, Policy: written(account, ownPolicy) };
    },

    DeleteFileSystemPolicy(call, { FileSystemId }) {
      const fileSystem = account.fileSystem(call, 'DeleteFileSystemPolicy', FileSystemId);
      account.requireAvailable(fileSystem);
      fileSystem.ownPolicy = undefined;
    },

    PutBackupPolicy(call, { FileSystemId, BackupPolicy: { Status: status } }) {
      const fileSystem = account.fileSystem(call, 'PutBackupPolicy', FileSystemId);
      account.requireAvailable(fileSystem);
      if (status !== 'ENABLED' && status !== 'DISABLED') { throw badRequest(`A backup policy can be set to ENABLED or DISABLED, not to ${status}.`); }
      if (fileSystem.backupPolicy !== status) {
        fileSystem.backup ??= new Phase<string>(account.clock, 'DISABLED');
        fileSystem.backup.begin(status === 'ENABLED' ? 'ENABLING' : 'DISABLING', status, account.durations.backupPolicyChanging);
      }
      return { BackupPolicy: { Status: fileSystem.backupPolicy } };
    },

    DescribeBackupPolicy(call, { FileSystemId }) {
      const { id, backupPolicy } = account.fileSystem(call, 'DescribeBackupPolicy', FileSystemId);
      if (backupPolicy === undefined) { throw new ServiceError('PolicyNotFound', 404, `File system '${id}' has no backup policy.`); }
      return { BackupPolicy: { Status: backupPolicy } };
    },

    PutLifecycleConfiguration(call, { FileSystemId, LifecyclePolicies: policies }) {
      const fileSystem = account.fileSystem(call, 'PutLifecycleConfiguration', FileSystemId);
      account.requireAvailable(fileSystem);
      checkTransitions(policies, fileSystem);
      fileSystem.lifecyclePolicies = policies;
      return { LifecyclePolicies: policies };
    },

    DescribeLifecycleConfiguration(call, { FileSystemId }) {
      return { LifecyclePolicies: account.fileSystem(call, 'DescribeLifecycleConfiguration', FileSystemId).lifecyclePolicies };
    },
  };
}

/** Each object names one transition, each transition comes once; Archive is for elastic general-purpose file systems, and comes after IA. */
function checkTransitions(policies: LifecyclePolicy[], fileSystem: FileSystem): void {
  if (policies.some(policy => Object.keys(policy).length !== 1)) {
    throw badRequest('Each object in LifecyclePolicies must have exactly one transition.');
  }
  const names = policies.flatMap(Object.keys);
  if (new Set(names).size !== names.length) { throw badRequest('A transition is given more than once in LifecyclePolicies.'); }

  const { TransitionToIA: ia, TransitionToArchive: archive } = Object.assign({}, ...policies) as LifecyclePolicy;
  if (archive === undefined) { return; }
  if (fileSystem.throughputMode !== 'elastic' || fileSystem.performanceMode !== 'generalPurpose') {
    throw badRequest("TransitionToArchive needs ThroughputMode 'elastic' and PerformanceMode 'generalPurpose'.");
  }
  if (ia !== undefined && days(archive) <= days(ia)) { throw badRequest('TransitionToArchive must come later than TransitionToIA.'); }
}

function days(rule: string): number {
  return Number(/\d+/.exec(rule)![0]);
}

function written({ policySeed: seed }: Account, policy: FileSystemPolicy): string {
  return seed === undefined ? policy.text : policy.spelled(seed);
}

/** Refuses a policy under which this caller could not put another one. */
function refuseLockout(call: Call, fileSystem: FileSystem, policy: FileSystemPolicy): void {
  const action = 'elasticfilesystem:PutFileSystemPolicy';
  const context = resourceTags(fileSystem);
  const verdict = policy.verdict(call.caller.arn, action, context);
  if (verdict === 'denied' || (verdict !== 'allowed' && !call.allows(action, fileSystem.arn, context))) { throw lockout(); }
}
