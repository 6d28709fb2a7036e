import type { FileSystemDescription } from '@aws-sdk/client-efs';
import { GetResourcesCommand, type GetResourcesCommandOutput, type ResourceGroupsTaggingAPIClient, type Tag } from '@aws-sdk/client-resource-groups-tagging-api';
import { retrying } from '../../shared/retry';
import { resourceIdOf, type Efs } from '../efs';

/** Finds file systems by their tags without listing all of the account. Does not find one that was tagged only moments ago. */
export class TaggedFileSystems {
  constructor(private readonly tagging: ResourceGroupsTaggingAPIClient, private readonly efs: Efs) {}

  /** Returns the file systems that have all of these tags and are not being deleted. @param isWanted Decides by all tags of one, before EFS is asked */
  public async having(tags: Readonly<Record<string, string>>, isWanted?: (all: readonly Tag[]) => boolean): Promise<FileSystemDescription[]> {
    const found: FileSystemDescription[] = [];
    for (const id of await this.ids(tags, isWanted)) {
      const fileSystem = await this.efs.fileSystem(id);
      // The index of tags is updated late, so check the tags that EFS returns now.
      const has = Object.entries(tags).every(([key, value]) => fileSystem?.Tags?.some(tag => tag.Key === key && tag.Value === value));
      if (fileSystem && has && fileSystem.LifeCycleState !== 'deleting') { found.push(fileSystem); }
    }
    return found;
  }

  private async ids(tags: Readonly<Record<string, string>>, isWanted = (_all: readonly Tag[]) => true): Promise<string[]> {
    const ids: string[] = [];
    let token: string | undefined;
    do {
      const page: GetResourcesCommandOutput = await retrying(() => this.tagging.send(new GetResourcesCommand({
        ResourceTypeFilters: ['elasticfilesystem:file-system'],
        TagFilters: Object.entries(tags).map(([Key, value]) => ({ Key, Values: [value] })),
        PaginationToken: token,
      })), { what: 'GetResources' });
      const found = (page.ResourceTagMappingList ?? []).filter(({ Tags }) => isWanted(Tags ?? []));
      ids.push(...found.map(({ ResourceARN }) => resourceIdOf(ResourceARN!)));
      token = page.PaginationToken || undefined;
    } while (token !== undefined);
    return ids;
  }
}
