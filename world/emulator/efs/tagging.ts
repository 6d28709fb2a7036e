import type { Context } from '../iam';
import type { Call } from '../service';
import type { Account } from './account';
import { page } from './pages';
import { requestTags, type Operations } from './requests';
import type { Tagged } from './state';

/** Tags of file systems and access points, by id or ARN. */
export function taggingOperations(account: Account): Operations {
  const { limits } = account;
  const resource = (call: Call, action: string, id: string, context?: Context): Tagged =>
    /(^|\/)fsap-/.test(id) ? account.accessPoint(call, action, id, context) : account.fileSystem(call, action, id, context);

  return {
    TagResource(call, { ResourceId, Tags: tags }) {
      const { tagSet } = resource(call, 'TagResource', ResourceId, requestTags(tags));
      account.checkTags(tags, tagSet.plain);
      tagSet.put(tags);
    },

    UntagResource(call, { ResourceId, TagKeys }) {
      resource(call, 'UntagResource', ResourceId, { 'aws:TagKeys': TagKeys }).tagSet.remove(TagKeys);
    },

    ListTagsForResource(call, { ResourceId, MaxResults = limits.resultsPerPage, NextToken }) {
      const { id, tagSet } = resource(call, 'ListTagsForResource', ResourceId);
      const { items, next } = page(`tags of ${id}`, tagSet.list, Math.min(MaxResults, limits.resultsPerPage), NextToken, (_tag, index) => index);
      return { Tags: items, NextToken: next };
    },
  };
}
