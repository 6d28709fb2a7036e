import { ACCOUNT, arn } from '../environment';
import { ServiceError } from '../service';
import type { Account } from './account';
import { page } from './pages';
import { badRequest, requestTags, type Operations } from './requests';
import { AccessPoint, Tags } from './state';

export function accessPointOperations(account: Account): Operations {
  const { durations, limits } = account;

  return {
    CreateAccessPoint(call, { ClientToken: token, FileSystemId, Tags: tags = [], PosixUser, RootDirectory }) {
      const fileSystem = account.fileSystem(call, 'CreateAccessPoint', FileSystemId, requestTags(tags));
      const { id, order } = account.nextId('fsap');
      account.authorizeTagging(call, 'CreateAccessPoint', arn('elasticfilesystem', `access-point/${id}`), tags);

      const existing = account.accessPoints.find(({ clientToken }) => clientToken === token);
      if (existing) {
        throw new ServiceError('AccessPointAlreadyExists', 409,
          `Access point '${existing.id}' already exists with client token '${token}'`, { AccessPointId: existing.id });
      }
      account.requireAvailable(fileSystem);
      account.checkTags(tags);
      if (account.accessPoints.filter(({ fileSystemId }) => fileSystemId === fileSystem.id).length >= limits.accessPointsPerFileSystem) {
        throw new ServiceError('AccessPointLimitExceeded', 403,
          `File system '${fileSystem.id}' has the maximum of ${limits.accessPointsPerFileSystem} access points already.`);
      }

      const point = new AccessPoint(
        account.clock, durations.accessPointCreating, order, id, token, fileSystem.id, new Tags(tags), PosixUser, { Path: '/', ...RootDirectory });
      account.add(point);
      return describe(point);
    },

    DescribeAccessPoints(call, { AccessPointId, FileSystemId, MaxResults = limits.resultsPerPage, NextToken }) {
      if (AccessPointId !== undefined && FileSystemId !== undefined) { throw badRequest('Specify AccessPointId or FileSystemId, not both.'); }
      if (AccessPointId !== undefined) {
        return { AccessPoints: [describe(account.accessPoint(call, 'DescribeAccessPoints', AccessPointId))] };
      }
      let points = account.accessPoints;
      if (FileSystemId !== undefined) {
        const { id } = account.fileSystem(call, 'DescribeAccessPoints', FileSystemId);
        points = points.filter(({ fileSystemId }) => fileSystemId === id);
      } else {
        account.authorize(call, 'DescribeAccessPoints', '*');
      }
      const { items, next } = page(
        `access points of ${FileSystemId ?? 'all'}`, points, Math.min(MaxResults, limits.resultsPerPage), NextToken, ({ order }) => order);
      return { AccessPoints: items.map(describe), NextToken: next };
    },

    DeleteAccessPoint(call, { AccessPointId }) {
      const point = account.accessPoint(call, 'DeleteAccessPoint', AccessPointId);
      if (point.lifeCycleState === 'deleting') { return; }
      point.phase.begin('deleting', 'deleted', durations.accessPointDeleting);
    },
  };
}

function describe(point: AccessPoint) {
  return {
    ClientToken: point.clientToken,
    Name: point.tagSet.get('Name'),
    Tags: point.tagSet.list,
    AccessPointId: point.id,
    AccessPointArn: point.arn,
    FileSystemId: point.fileSystemId,
    PosixUser: point.posixUser,
    RootDirectory: point.rootDirectory,
    OwnerId: ACCOUNT,
    LifeCycleState: point.lifeCycleState,
  };
}
