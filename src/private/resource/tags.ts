import { Annotations, Lazy, Stack, type TagManager, Token } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { MOST_TAGS_OF_SET } from '../../contract/claims';
import { MACHINE_IMAGE_TAGS } from '../../contract/machine-image';
import { OWNERSHIP_TAG_PREFIX, OWNERSHIP_TAGS, type TagProperty } from '../../contract/ownership';

/** What a service allows. */
export interface TagRules {
  readonly keyLength: number;
  readonly valueLength: number;
  /** Characters of keys and values, where the service limits them. */
  readonly characters?: RegExp;
  /** How many of the 50 tags of a thing are ours. */
  readonly reserved: number;
  /** What to do about too many; absent: nothing but to leave some out. */
  readonly remedy?: string;
}

const MOST_TAGS = 50;
const OWN_TAGS = Object.keys(OWNERSHIP_TAGS).length;

const EFS = { keyLength: 128, valueLength: 256, characters: /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u };

export const TAG_RULES = {
  /** Three more than the ownership tags: the file system that it has replaced, shared settings, and its set of mount targets. */
  fileSystem: { ...EFS, reserved: OWN_TAGS + 3 },
  /** The claim of a set has room for so many. Whatever else the file system carries is not known at synthesis. */
  tagSet: { ...EFS, reserved: MOST_TAGS - MOST_TAGS_OF_SET, remedy: 'give the others to another TagSet' },
  /** One more: its parent. */
  snapshot: { keyLength: 127, valueLength: 255, reserved: OWN_TAGS + 1 },
  machineImage: { keyLength: 127, valueLength: 255, reserved: OWN_TAGS + Object.keys(MACHINE_IMAGE_TAGS).length },
} as const;

export type Tags = { readonly [key: string]: string };

export interface MergeOptions {
  /** Tags that the user gave to the construct itself; they win. */
  readonly explicit?: Tags;
  /** Keys, known when the template is written, that are not to be inherited. */
  readonly leaveOut?: () => readonly string[];
}

/**
 * The tags of a custom resource: those of the stack, over them those that
 * `Tags.of` brought, over them the construct's own.
 *
 * CloudFormation gives the stack's tags to resources of its own only. They are
 * read when the template is written, for aspects come late; so faults in them
 * are reported by the construct's validation.
 */
export function mergedTags(
  scope: IConstruct, manager: TagManager, rules: TagRules, { explicit = {}, leaveOut }: MergeOptions = {},
): readonly TagProperty[] {
  const merged = (): Tags => {
    const inherited: Record<string, string> = { ...stackTags(scope), ...manager.tagValues() };
    leaveOut?.().forEach(key => delete inherited[key]);
    return { ...inherited, ...explicit };
  };
  scope.node.addValidation({
    validate: () => {
      warnOfUnresolvedStackTags(scope);
      return tagFaults(merged(), rules);
    },
  });
  const properties = Lazy.any({
    produce: () => Object.entries(merged()).map(([Key, Value]): TagProperty => ({ Key, Value })).sort((a, b) => (a.Key < b.Key ? -1 : 1)),
  });
  return properties as unknown as readonly TagProperty[];
}

/** What is wrong with these tags, one sentence each. */
export function tagFaults(tags: Tags, { keyLength, valueLength, characters, reserved, remedy }: TagRules): string[] {
  const faults: string[] = [];
  const count = Object.keys(tags).length;
  if (count > MOST_TAGS - reserved) {
    const why = reserved > 0 && !remedy ? ` (${MOST_TAGS}, of which this library needs ${reserved})` : '';
    faults.push(`there must be at most ${MOST_TAGS - reserved} tags${why}, got ${count}${remedy ? `: ${remedy}` : ''}`);
  }
  for (const [key, value] of Object.entries(tags)) {
    if (!Token.isUnresolved(key)) {
      if (/^aws:/i.test(key) || key.startsWith(OWNERSHIP_TAG_PREFIX)) {
        faults.push(`tag keys must not start with 'aws:' or '${OWNERSHIP_TAG_PREFIX}', got '${key}'`);
      }
      if (key.length < 1 || key.length > keyLength) {
        faults.push(`tag keys must be 1 to ${keyLength} characters long, got '${key}' (${key.length} characters)`);
      }
      if (characters && !characters.test(key)) {
        faults.push(`tag keys must consist of letters, digits, spaces and _.:/=+-@, got '${key}'`);
      }
    }
    if (!Token.isUnresolved(value)) {
      if (value.length > valueLength) {
        faults.push(`the value of tag '${key}' must be at most ${valueLength} characters long, got '${value}' (${value.length} characters)`);
      }
      if (characters && !characters.test(value)) {
        faults.push(`the value of tag '${key}' must consist of letters, digits, spaces and _.:/=+-@, got '${value}'`);
      }
    }
  }
  return faults;
}

/** The tags that CloudFormation gives to everything in the construct's stack: nested stacks get their parents'. */
export function stackTags(scope: IConstruct): Record<string, string> {
  return Object.fromEntries(allStackTags(scope).filter(([key, value]) => !Token.isUnresolved(key) && !Token.isUnresolved(value)));
}

/** A stack's tags are sent to CloudFormation with the template, not inside of it, so they cannot refer to anything. */
function warnOfUnresolvedStackTags(scope: IConstruct): void {
  for (const [key, value] of allStackTags(scope)) {
    if (!Token.isUnresolved(key) && !Token.isUnresolved(value)) { continue; }
    const name = Token.isUnresolved(key) ? 'a tag of the stack' : `the stack's tag '${key}'`;
    Annotations.of(scope).addWarningV2('cdk-durable-storage:Tags.unresolvedStackTag', `${name} is left out, for it is known only at deployment`);
  }
}

function allStackTags(scope: IConstruct): [string, string][] {
  const stack = Stack.of(scope);
  const inherited = stack.nestedStackParent ? allStackTags(stack.nestedStackParent) : [];
  return [...inherited, ...Object.entries(stack.tags.tagValues())];
}
