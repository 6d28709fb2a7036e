import { createHash } from 'node:crypto';
import { type CfnResource, Lazy, NestedStack, ScopedAws, Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** EFS and EC2 take 255 characters in the value of a tag, and a stack has a name of at most 128. */
const LONGEST_PLACE = 255 - 128 - 1;
const DIGEST_LENGTH = 16;

/**
 * Returns the owner of what the custom resource of a construct makes, for the owner tag: `<name of the root stack>/<logical ids of nested stacks>/<logical id>`.
 *
 * CloudFormation keeps the name and the logical ids. They stay the same if the stack is deleted and deployed again, if it moves to another
 * stage or app, and if a construct moves with its logical id. The name is the one under which the stack is deployed, which a StackSet or
 * Service Catalog chooses. Roles are limited by the owner up to the first slash.
 */
export function ownerOf(construct: IConstruct): string {
  return `${ownerPrefix(construct)}${placeOf(construct)}`;
}

/** Returns the start of the owner tags of everything in the root stack of a construct. */
export function ownerPrefix(construct: IConstruct): string {
  return `${rootStackName(construct)}/`;
}

/** Returns the name under which the root stack of a construct is deployed: a token. */
export function rootStackName(construct: IConstruct): string {
  return new ScopedAws(rootStackOf(construct)).stackName;
}

/** Returns the stack that a user deploys. */
export function rootStackOf(construct: IConstruct): Stack {
  let stack = Stack.of(construct);
  while (NestedStack.isNestedStack(stack)) { stack = stack.nestedStackParent!; }
  return stack;
}

/** Returns the logical ids from the root stack to the resource of a construct. They are read late, because they may be overridden until then. */
export function placeOf({ node }: IConstruct): string {
  return Lazy.uncachedString({
    produce: context => {
      const ids: string[] = [];
      for (let element = node.defaultChild; element; element = Stack.of(element).nestedStackResource) {
        ids.unshift(context.resolve((element as CfnResource).logicalId) as string);
      }
      const place = ids.join('/');
      if (place.length <= LONGEST_PLACE) { return place; }
      const digest = createHash('sha256').update(place).digest('hex').slice(0, DIGEST_LENGTH);
      return `${place.slice(0, LONGEST_PLACE - DIGEST_LENGTH - 1)}-${digest}`;
    },
  });
}
