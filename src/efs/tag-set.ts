import { type ITaggableV2, Resource, TagManager, TagType } from 'aws-cdk-lib';
import type * as efs from 'aws-cdk-lib/aws-efs';
import type { Construct } from 'constructs';
import type { TagSetProperties } from '../contract/tag-set';
import { EfsProvider } from '../private/efs-provider';
import { handledResource } from '../private/handled-resource';
import { grantOnForeign } from '../private/owned-file-system';
import { mergedTags, stackTags, TAG_RULES, tagFaults } from '../private/tags';
import { misuse } from '../private/validation';

const RESOURCE_TYPE = 'Custom::TagSet';

/**
 * Properties of a tag set.
 */
export interface TagSetProps {
  /**
   * The file system.
   *
   * Another one gets the tags, and this one loses them afterwards.
   */
  readonly fileSystem: efs.IFileSystem;

  /**
   * The tags. A file system can have 50.
   *
   * Changes in place; what is no longer among them is removed, unless somebody
   * else gave it another value.
   */
  readonly tags: { [key: string]: string };

  /**
   * Whether to replace the value of a tag that somebody else has set. Otherwise
   * the deployment fails before it changes anything.
   *
   * @default false
   */
  readonly overwrite?: boolean;
}

/**
 * Defines a set of tags on an Amazon EFS file system, whoever made that.
 *
 * It manages its own keys and leaves all others alone. Tags of the stack, and those
 * that `Tags.of` adds, are set as well, except where the stack's own file system
 * has them by itself. When the set is removed, its tags are removed.
 *
 * @see https://docs.aws.amazon.com/efs/latest/ug/manage-fs-tags.html
 */
export class TagSet extends Resource implements ITaggableV2 {
  /**
   * Collects the tags that `Tags.of` adds.
   */
  public readonly cdkTagManager: TagManager = new TagManager(TagType.KEY_VALUE, RESOURCE_TYPE);

  constructor(scope: Construct, id: string, props: TagSetProps) {
    super(scope, id);
    const [fault] = tagFaults(props.tags, TAG_RULES.tagSet);
    if (fault !== undefined) { throw misuse(this, fault); }

    const { fileSystem } = props;
    const provider = EfsProvider.getOrCreate(this);
    const resource = handledResource<TagSetProperties>(this, {
      resourceType: RESOURCE_TYPE,
      serviceToken: provider.serviceToken,
      properties: {
        FileSystemId: fileSystem.fileSystemId,
        Address: this.node.addr,
        Tags: mergedTags(this, this.cdkTagManager, TAG_RULES.tagSet, {
          explicit: props.tags,
          leaveOut: () => ownKeys(fileSystem),
        }),
        Overwrite: props.overwrite ? true : undefined,
      },
    });
    const access = grantOnForeign(this, {
      provider, fileSystem, statements: [{ actions: ['elasticfilesystem:TagResource', 'elasticfilesystem:UntagResource'] }],
    });
    if (access) { resource.node.addDependency(access); }
  }
}

/** The tags that a file system of this app has by itself; set here too, they would vanish with the set. */
function ownKeys(fileSystem: efs.IFileSystem): string[] {
  const manager = TagManager.of(fileSystem) ?? TagManager.of(fileSystem.node.defaultChild ?? {});
  return manager ? Object.keys({ ...stackTags(fileSystem), ...manager.tagValues() }) : [];
}
