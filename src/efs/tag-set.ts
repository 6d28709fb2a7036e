import { type ITaggableV2, Resource, TagManager, TagType } from 'aws-cdk-lib';
import type * as efs from 'aws-cdk-lib/aws-efs';
import type { Construct, IConstruct } from 'constructs';
import type { TagProperty } from '../contract/ownership';
import type { TagSetProperties } from '../contract/tag-set';
import { grantOn, grantOnForeign } from '../private/efs/foreign-access';
import { nameParts } from '../private/efs/owned-file-system';
import { EfsProvider } from '../private/efs/provider';
import { holderStatement, userTagStatement } from '../private/efs/tag-access';
import { handledResource } from '../private/functions/handled-resource';
import { inRegion, refuseRivals } from '../private/resource/rivals';
import { mergedTags, stackTags, TAG_RULES, tagFaults } from '../private/resource/tags';
import { misuse, notBoth } from '../private/resource/validation';

const RESOURCE_TYPE = 'Custom::TagSet';

/**
 * Properties of a tag set.
 */
export interface TagSetProps {
  /**
   * The file system to tag. Either this or `accessPoint`.
   *
   * Another one gets the tags, and this one loses them afterwards.
   *
   * @default - none
   */
  readonly fileSystem?: efs.IFileSystem;

  /**
   * The access point to tag. Either this or `fileSystem`.
   *
   * Another one gets the tags, and this one loses them afterwards.
   *
   * @default - none
   */
  readonly accessPoint?: efs.IAccessPoint;

  /**
   * The tags, at most 30. A file system, or an access point, can have 50, and one
   * of them records the set.
   *
   * Changes in place. A key that is no longer among them is removed, unless it was
   * there before, another set has it too, or somebody else gave it another value.
   */
  readonly tags: { [key: string]: string };

  /**
   * Whether to replace the value of a tag that somebody else has set. Otherwise
   * the deployment fails before it changes anything. The former value is not put
   * back when the set is removed, nor in a rollback.
   *
   * A tag of another set is never replaced.
   *
   * @default false
   */
  readonly overwrite?: boolean;
}

/**
 * Defines a set of tags on an existing Amazon EFS file system or access point.
 *
 * It manages its own keys and leaves all others alone. Tags of the stack, and those
 * that `Tags.of` adds, are set as well, except where a file system or access point of the app
 * has them by itself. Two sets may have a tag if they give it the same value. When the set is
 * removed, its tags are removed, except those that were there before, or that another set has.
 *
 * The one who tags what the stack itself makes with `Tags.of` needs no set.
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

    const { fileSystem, accessPoint } = props;
    notBoth(this, "'fileSystem'", "'accessPoint'", fileSystem !== undefined && accessPoint !== undefined);
    const tagged = fileSystem ?? accessPoint;
    if (!tagged) { throw misuse(this, "specify 'fileSystem' or 'accessPoint'"); }
    const provider = EfsProvider.getOrCreate(this);
    const tags = mergedTags(this, this.cdkTagManager, TAG_RULES.tagSet, { explicit: props.tags, leaveOut: () => ownKeys(tagged) });
    const resource = handledResource<TagSetProperties>(this, {
      resourceType: RESOURCE_TYPE,
      provider,
      properties: {
        ResourceId: fileSystem?.fileSystemId ?? accessPoint!.accessPointId,
        Tags: tags,
        Overwrite: props.overwrite ? true : undefined,
      },
    });
    const wants = { explicit: Object.keys(props.tags), all: () => this.stack.resolve(tags) as TagProperty[] };
    refuseRivals(this, {
      kind: 'tags',
      thing: fileSystem ? nameParts(this, fileSystem) : inRegion(this, accessPoint!.accessPointId),
      wants,
      conflict: ({ scope: other, wants: theirs }) => {
        const key = contested(wants, theirs);
        return key && `'tags' has the key '${key}', which ${other.node.path} sets on the same ${fileSystem ? 'file system' : 'access point'}: leave it out of one of them`;
      },
    });
    const statements = [userTagStatement()];
    const access = fileSystem
      ? grantOnForeign(this, { provider, fileSystem, statements })
      : grantOn({ provider, id: accessPoint!.accessPointId, arn: accessPoint!.accessPointArn, statements });
    if (access) { resource.node.addDependency(access, provider.adoptions.grant([holderStatement(this)])); }
  }
}

interface WantedTags {
  /** The keys in the prop `tags`. */
  readonly explicit: string[];
  /** The tags with those of the stack and of `Tags.of`. */
  readonly all: () => TagProperty[];
}

/** Returns a key that both sets name in `tags`, or to which they give different values. */
function contested(one: WantedTags, other: WantedTags): string | undefined {
  const values = new Map(other.all().map(({ Key, Value }) => [Key, Value]));
  return one.explicit.find(key => other.explicit.includes(key))
    ?? one.all().find(({ Key, Value }) => values.has(Key) && values.get(Key) !== Value)?.Key;
}

/** The tags that what is tagged has by itself, if this app makes it; set here too, they would vanish with the set. */
function ownKeys(tagged: IConstruct): string[] {
  const manager = TagManager.of(tagged) ?? TagManager.of(tagged.node.defaultChild ?? {});
  return manager ? Object.keys({ ...stackTags(tagged), ...manager.tagValues() }) : [];
}
