import { like } from '../iam';
import { ServiceError } from '../service';
import type { Account } from './account';
import { badRequest, type Operations } from './requests';
import { Phase, type FileSystem, type LifecyclePolicy } from './state';

/** What a file system has besides itself: its policy, its backup policy, its life cycle configuration. */
export function configurationOperations(account: Account): Operations {
  return {
    PutFileSystemPolicy(call, { FileSystemId, Policy, BypassPolicyLockoutSafetyCheck: bypass = false }) {
      const fileSystem = account.fileSystem(call, 'PutFileSystemPolicy', FileSystemId);
      account.requireAvailable(fileSystem);
      checkPolicy(Policy, fileSystem, bypass);
      fileSystem.policy = Policy;
      return { FileSystemId: fileSystem.id, Policy };
    },

    DescribeFileSystemPolicy(call, { FileSystemId }) {
      const { id, policy } = account.fileSystem(call, 'DescribeFileSystemPolicy', FileSystemId);
      if (policy === undefined) { throw new ServiceError('PolicyNotFound', 404, `File system '${id}' has no policy of its own.`); }
      return { FileSystemId: id, Policy: policy };
    },

    DeleteFileSystemPolicy(call, { FileSystemId }) {
      const fileSystem = account.fileSystem(call, 'DeleteFileSystemPolicy', FileSystemId);
      account.requireAvailable(fileSystem);
      fileSystem.policy = undefined;
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

function checkPolicy(text: string, fileSystem: FileSystem, bypassLockout: boolean): void {
  const invalid = (why: string) => new ServiceError('InvalidPolicyException', 400, `The policy is not valid: ${why}.`);
  let policy: any;
  try {
    policy = JSON.parse(text);
  } catch {
    throw invalid('it is no JSON');
  }
  const statements: any[] = [policy?.Statement ?? []].flat();
  if (statements.length === 0) { throw invalid('it has no statement'); }
  for (const statement of statements) {
    if (!['Allow', 'Deny'].includes(statement?.Effect)) { throw invalid('Effect must be Allow or Deny'); }
    if (!statement.Principal && !statement.NotPrincipal) { throw invalid('a statement needs a Principal'); }
    const actions: unknown[] = [statement.Action ?? statement.NotAction ?? []].flat();
    if (actions.length === 0 || !actions.every(action => action === '*' || /^elasticfilesystem:/i.test(String(action)))) {
      throw invalid('its actions must be those of elasticfilesystem');
    }
    if (![statement.Resource ?? '*'].flat().every((resource: unknown) => like(String(resource), fileSystem.arn))) {
      throw invalid(`its resource must be ${fileSystem.arn}`);
    }
    if (!bypassLockout && locksOut(statement)) { throw invalid('it would keep you from changing it again'); }
  }
}

function locksOut({ Effect: effect, Principal: principal, Action: action, Condition: condition }: any): boolean {
  const everyone = principal === '*' || [principal?.AWS ?? []].flat().includes('*');
  return effect === 'Deny' && everyone && !condition
    && [action ?? []].flat().some((pattern: string) => like(pattern, 'elasticfilesystem:PutFileSystemPolicy', true));
}
